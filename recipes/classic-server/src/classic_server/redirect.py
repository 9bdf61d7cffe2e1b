"""Plain HTTP to HTTPS. Answers with a redirect and nothing else."""

import socket

from twisted.web import resource


class Redirect(resource.Resource):
    """Every path of every host, to the same path over HTTPS. A host that this server does not answer for becomes its first name."""

    isLeaf = True

    def __init__(self, names, port):
        resource.Resource.__init__(self)
        self._names = [name.encode("utf-8").lower() for name in names]
        self._port = port

    def render(self, request):
        suffix = "" if self._port == 443 else ":%d" % self._port
        path = request.uri if request.uri.startswith("/") else "/"
        request.setResponseCode(301 if request.method in ("GET", "HEAD") else 308)
        request.setHeader("Location", "https://%s%s%s" % (self._host(request), suffix, path))
        request.setHeader("Cache-Control", "no-store")
        return ""

    def _host(self, request):
        asked = _without_port((request.getHeader("host") or "").strip().lower())
        return _bracketed(asked if self._answers_for(asked) else self._default())

    def _answers_for(self, host):
        label, _dot, parent = host.partition(".")
        return host in self._names or (_is_label(label) and "*." + parent in self._names)

    def _default(self):
        plain = [name for name in self._names if not name.startswith("*.")]
        return plain[0] if plain else self._names[0][2:]


def _without_port(host):
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_label(text):
    return 0 < len(text) <= 63 and all(character.isalnum() or character == "-" for character in text)


def _bracketed(host):
    try:
        socket.inet_pton(socket.AF_INET6, host)
    except socket.error:
        return host
    return "[%s]" % host
