"""Frames and looks to stylized frames."""
