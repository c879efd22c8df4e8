"""Outputs of stylized frames: video and image files, recordings, snapshots, a virtual camera."""
