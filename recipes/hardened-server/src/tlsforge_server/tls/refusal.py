"""How a certificate's file is refused."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from ..errors import ServerError


def refuse(path: Path, what: str, hint: str | None = None) -> NoReturn:
    """Raises ServerError ``certificate-refused``; ``what`` is what the file is or does, or begins with the part of it at fault."""
    between = ": " if what.startswith(("the ", "certificate ", "none ")) else " "
    raise ServerError("certificate-refused", f"{path}{between}{what}", hint)
