"""The window, the keys, and the commands that they give."""
