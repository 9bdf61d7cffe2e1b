"""Material as one JSON document: everything read once, so that a process serves what another one has checked, and needs no file for it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path
from typing import TypedDict

from . import parse as configuration
from .sources import Material


class Sealed(TypedDict):
    """The configuration and the files that it names, by their paths; their bytes as base64."""

    config: str
    files: dict[str, str]


def seal(material: Material) -> Sealed:
    """Raises ServerError when a file cannot be read."""
    config = material.config
    files = {pair.chain: material.read(pair.chain, secret=False) for pair in config.certificates}
    files |= {pair.key: material.read(pair.key, secret=True) for pair in config.certificates}
    if config.policy.dhe is not None and config.policy.dhe.parameters is not None:
        files[config.policy.dhe.parameters] = material.read(config.policy.dhe.parameters, secret=False)
    return {"config": b64encode(material.raw).decode(), "files": {str(path): b64encode(content).decode() for path, content in files.items()}}


def unseal(sealed: Sealed) -> Material:
    raw = b64decode(sealed["config"])

    def read(path: Path, *, secret: bool) -> bytes:  # noqa: ARG001 - whoever sealed it has looked at the modes
        return b64decode(sealed["files"][str(path)])

    return Material(configuration.parse(raw, "the server's own configuration"), read, raw)
