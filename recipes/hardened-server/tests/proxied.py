"""An upstream and the proxy before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from behinds import Behind
from upstreams import Play, Upstream

_QUICK = {"head_seconds": 5.0, "body_seconds": 20.0, "request_seconds": 20.0, "body_bytes": 1 << 40}


class Proxied:
    """Called, it starts both and returns the proxy's port; ``upstream`` and ``running`` are what was started last."""

    upstream: Upstream
    running: Behind

    def __init__(self, served: Callable[..., Behind]) -> None:
        self._served = served
        self._made: list[Upstream] = []

    def __call__(self, *plays: Play, path: Path | None = None, url: str | None = None, **options: Any) -> int:
        if url is None:
            self.upstream = Upstream(*plays, path=path)
            self._made.append(self.upstream)
            url = self.upstream.url
        self.running = self._served({"kind": "proxy", "upstream": url}, **{**_QUICK, **options})
        return self.running.port

    def close(self) -> None:
        for each in self._made:
            each.close()
