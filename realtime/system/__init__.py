"""What all other packages use: signals, files, the console, paths, queues, clocks, hardware. It knows no pictures."""
