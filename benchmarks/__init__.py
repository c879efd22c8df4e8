"""Benchmarks: speed and picture quality, against the peers, one command each."""
