"""The command line: what the user typed, wired to what does it."""
