"""The stylizer: looks, styles, presets, style tracks, blending and smoothing."""
