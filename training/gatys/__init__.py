"""One still painted by optimising its pixels (Gatys et al. 2015): the program stylize-still."""
