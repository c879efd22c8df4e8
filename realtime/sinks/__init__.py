"""Where painted frames go: one kind a file."""
