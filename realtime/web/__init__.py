"""The page in a browser: the painted picture, every control, and the browser's own camera painted."""
