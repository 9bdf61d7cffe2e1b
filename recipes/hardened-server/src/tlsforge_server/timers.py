"""Delayed calls of a reactor."""

from __future__ import annotations

from typing import Any


def cancel(timer: Any) -> None:
    """Of a delayed call, which may be over, or None where there was none."""
    if timer is not None and timer.active():
        timer.cancel()
