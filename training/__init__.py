"""Training: photos and paintings in, a checkpoint out."""
