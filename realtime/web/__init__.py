"""The web page: the stylized picture, every control, and the browser's own camera stylized."""
