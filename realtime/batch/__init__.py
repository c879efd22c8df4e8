"""Videos and images from file to file: every frame is kept."""
