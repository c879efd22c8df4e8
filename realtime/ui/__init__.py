"""The window, the keys and what they do."""
