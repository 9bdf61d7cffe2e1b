"""The headers that every answer over TLS carries, errors among them."""

from __future__ import annotations

import base64
import hashlib

from ..config.model import App, Hsts

STYLE = (
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:12vh auto;padding:0 1.5rem}"
    "h1{font-size:1.4rem;font-weight:600}table{border-collapse:collapse;margin-top:1.5rem}"
    "th{font-weight:400;opacity:.7;text-align:left;padding:.2rem 2rem .2rem 0}td{font-variant-numeric:tabular-nums}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

#: No source but the page's own style.
ABOUT_CSP = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
#: A site of one's own: what comes from itself, nothing that other sites put around it.
STATIC_CSP = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"

Headers = list[tuple[bytes, bytes]]


def security_headers(app: App, hsts: Hsts) -> Headers:
    """Names and values. What an application has set itself stays, except for HSTS (RFC 6797), which is this server's to say."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY" if app.kind == "about" else "SAMEORIGIN",
        "Referrer-Policy": "strict-origin-when-cross-origin",
    }
    # Where another server's pages load from is not ours to know.
    if app.kind != "proxy":
        headers |= {
            "Content-Security-Policy": ABOUT_CSP if app.kind == "about" else STATIC_CSP,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
    if hsts.max_age > 0:
        parts = [f"max-age={hsts.max_age}", *(["includeSubDomains"] if hsts.include_subdomains else []), *(["preload"] if hsts.preload else [])]
        headers["Strict-Transport-Security"] = "; ".join(parts)
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class HeaderBlock:
    """Headers as lines, ready to be put into answers."""

    #: Of these, an application's are left out.
    dropped = frozenset((b"Server", b"Connection", b"Strict-Transport-Security"))

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        self._lines = [(name, b"%s: %s\r\n" % (name, value)) for name, value in headers]
        self._names = frozenset(name for name, _ in headers)
        self._block = b"".join(line for _, line in self._lines)

    def beside(self, names: set[bytes]) -> bytes:
        """The lines of those that ``names``, in Twisted's spelling, does not have."""
        if self._names.isdisjoint(names):
            return self._block
        return b"".join(line for name, line in self._lines if name not in names)
