"""The live pipeline: the newest frame wins."""
