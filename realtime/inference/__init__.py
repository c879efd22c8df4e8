"""The network on this machine: engines, execution providers, model files."""
