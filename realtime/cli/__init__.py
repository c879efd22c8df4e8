"""The command line: its options, the config file, and the wiring of live runs and runs that write files."""
