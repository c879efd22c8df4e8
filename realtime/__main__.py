"""`python -m realtime` runs the command `realtime-stylize`."""

import sys

from realtime.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
