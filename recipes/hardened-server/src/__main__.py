"""Lets the folder that holds the package be run by its path: ``python -I -B <folder> --config FILE``."""

import sys

from tlsforge_server.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
