"""Image quality: losses, temporal stability and time of our networks and others, on photos never trained on."""
