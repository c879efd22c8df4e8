"""The live line: the newest frame wins."""
