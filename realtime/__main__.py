"""`python -m realtime`: the command `realtime-stylize`."""

import sys

from realtime.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
