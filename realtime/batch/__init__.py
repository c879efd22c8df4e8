"""Films and pictures from file to file: every frame is kept."""
