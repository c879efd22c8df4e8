"""Mutated input for everything that reads a file or a socket."""
