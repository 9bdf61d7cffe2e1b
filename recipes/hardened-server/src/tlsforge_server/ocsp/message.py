"""Staples as JSON, on their way from the process that asks to those that serve."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping


def packed(staples: Mapping[bytes, bytes]) -> dict[str, str]:
    """From responses (DER) by the SHA-256 of the leaf to base64 by hexadecimal."""
    return {fingerprint.hex(): b64encode(der).decode() for fingerprint, der in staples.items()}


def unpacked(message: Mapping[str, str]) -> dict[bytes, bytes]:
    """What was packed. Raises ValueError where it is something else."""
    return {bytes.fromhex(fingerprint): b64decode(der, validate=True) for fingerprint, der in message.items()}
