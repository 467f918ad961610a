"""``python -m fluorite.cli``."""

import sys

from fluorite.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
