"""The page that says what this server is made of."""

from __future__ import annotations

import html
from typing import Any

from twisted.web import resource

from ..config.model import Config
from .headers import STYLE


class About(resource.Resource):
    """One page, at the root."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._page = _page(config).encode()
        root: Any = self
        self.putChild(b"", root)

    def render_GET(self, request: Any) -> bytes:
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-cache")
        return self._page


def _page(config: Config) -> str:
    rows = "".join(f"<tr><th scope=row>{html.escape(name)}<td>{html.escape(value)}" for name, value in config.about)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>tlsforge</title><style>{STYLE}</style><h1>This TLS server was built from source by tlsforge</h1>"
        f"<p>It answers for {html.escape(', '.join(config.names))} with the TLS profile {html.escape(config.policy.profile)}."
        f"<table>{rows}<tr><th scope=row>generation<td>{config.generation}</table></html>\n"
    )
