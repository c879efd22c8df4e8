"""The program stylize-still: one photo stylized by optimizing its pixels (Gatys et al. 2015)."""
