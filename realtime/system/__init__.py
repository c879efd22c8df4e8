"""The ground everything stands on: signals, files, the terminal, paths, queues, clocks, hardware."""
