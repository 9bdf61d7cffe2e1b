"""Runs the server with a Python whose cryptography is the wheel: ``python -I launch_wheel.py --config FILE``."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "src")]

import wheel  # noqa: E402

wheel.configure()
# With that file: the server has OpenSSL read none.
import OpenSSL.SSL  # noqa: E402, F401

from tlsforge_server.__main__ import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], open_libssl=wheel.WheelLibSsl))
