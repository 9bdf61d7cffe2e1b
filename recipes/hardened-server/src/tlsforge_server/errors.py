"""The one error that a refusal to start or to reload is told with."""

from __future__ import annotations

import json
from typing import Literal

Code = Literal[
    "usage",
    "config-invalid",
    "libssl-refused",
    "policy-refused",
    "certificate-refused",
    "app-refused",
    "port-in-use",
    "bind-refused",
    "already-running",
    "paths-unusable",
    "reload-refused",
    "user-refused",
    "spawn-refused",
    "take-over-refused",
    "worker-failed",
    "stopping",
    "internal",
]


class ServerError(Exception):
    """What happened and where (``message``, no period at the end) and what to do (``hint``). ``facts`` go into the JSON as they are."""

    def __init__(self, code: Code, message: str, hint: str | None = None, **facts: object) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message
        self.hint = hint
        self.facts = facts

    def record(self) -> dict[str, object]:
        """The error as the object that callers parse."""
        told: dict[str, object] = {"code": self.code, "message": self.message, **self.facts}
        if self.hint is not None:
            told["hint"] = self.hint
        return told

    def line(self) -> str:
        """One JSON line: ``{"error": {...}}``."""
        return json.dumps({"error": self.record()})


def stopping() -> ServerError:
    """What is asked of a process that is about to end is refused with this."""
    return ServerError("stopping", "this process is about to end")
