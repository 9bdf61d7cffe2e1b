"""HTTP/1.1: one page, which says that this server is vulnerable, and the echo behind every upgrade."""

import cgi

from OpenSSL import SSL
from twisted.web import http, resource, server

from .echo import asks_for_websocket, take_over

#: A connection on which nothing comes is cut after so many seconds; 2013's own default was half a day.
IDLE_SECONDS = 60


class Channel(http.HTTPChannel):
    """A connection that is known to its site, so that it can be closed at the end."""

    site = None
    _asked = False

    def connectionMade(self):
        self.site.channels.add(self)
        http.HTTPChannel.connectionMade(self)

    def connectionLost(self, reason):
        self.site.channels.discard(self)
        http.HTTPChannel.connectionLost(self, reason)

    def allContentReceived(self):
        self._asked = True
        http.HTTPChannel.allContentReceived(self)

    def requestDone(self, request):
        http.HTTPChannel.requestDone(self, request)
        if not self.persistent:
            # The TLS layer waits for the client's closing alert, which may never come.
            self.setTimeout(IDLE_SECONDS)

    def leave(self):
        """The connection goes on in another protocol."""
        self.site.channels.discard(self)
        self.timeOut = self._savedTimeOut = None
        self.setTimeout(None)

    def timeoutConnection(self):
        # No closing alert: a handshake may be under way, and a client that is gone would not answer it.
        self.transport.abortConnection()

    def finish(self, unasked):
        """Closes when idle, else after the request under way; one that never had a request only with ``unasked``."""
        if self.requests:
            self.persistent = 0
        elif self._asked or unasked:
            try:
                self.transport.loseConnection()
            except SSL.Error:
                pass  # A handshake was under way.
            # What was written is still sent; the client's closing alert is not waited for.
            self.transport.transport.loseConnection()


class Site(server.Site):
    """twisted.web's site without its log of requests."""

    noisy = False
    protocol = Channel
    displayTracebacks = False

    def __init__(self, root):
        server.Site.__init__(self, root, timeout=IDLE_SECONDS)
        self.channels = set()

    def startFactory(self):
        """No access log, so no clock for its dates either."""

    def stopFactory(self):
        """Nothing was started."""

    def log(self, request):
        """Requests are not logged."""

    def close_idle(self, unasked):
        for channel in list(self.channels):
            channel.finish(unasked)


class Root(resource.Resource):
    """Every path: an upgrade is taken over, ``/`` is the page, and there is nothing else."""

    isLeaf = True

    def __init__(self, page, echo):
        resource.Resource.__init__(self)
        self._page = page
        self._echo = echo

    def render(self, request):
        if asks_for_websocket(request):
            return take_over(request, self._echo)
        # No header of today's: none was there then. A page that tells versions is not to be kept.
        request.setHeader("Cache-Control", "no-store")
        if request.method not in ("GET", "HEAD"):
            request.setResponseCode(405)
            request.setHeader("Allow", "GET, HEAD")
            return _plain(request, "this server has one page, for GET and HEAD\n")
        if request.path != "/":
            request.setResponseCode(404)
            return _plain(request, "there is one page, at /\n")
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        return self._page


def _plain(request, text):
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    return text


def page(config):
    """What this server is, in words that nobody takes for praise."""
    flaws = "".join("<li>" + _escape(_flaw(flaw)) for flaw in config.vulnerable)
    rows = "".join("<tr><th scope=row align=left>%s<td>%s" % (_escape(name), _escape(value)) for name, value in config.about)
    text = (
        u"<!doctype html><html lang=en><meta charset=utf-8><title>vulnerable: for reproduction only</title>"
        u"<h1>This TLS server is vulnerable. It is for reproduction only.</h1>"
        u"<p>It is the stack of October 2013, built by tlsforge as it was then, with the TLS profile %s. "
        u"Do not send it anything that is secret, and let nobody reach it who does not know that.</p>"
        u"<h2>What is known to be broken, among others</h2><ul>%s</ul>"
        u"<h2>What it is made of</h2><table>%s<tr><th scope=row align=left>generation<td>%d</table>"
        u"<p>A WebSocket on any path is answered by an echo.</p></html>\n"
    ) % (_escape(config.policy.profile), flaws, rows, config.generation)
    return text.encode("utf-8")


def _flaw(flaw):
    whose = "%s %s, " % (flaw["recipe"], flaw["version"]) if "recipe" in flaw else ""
    return "%s%s: %s" % (whose, flaw["id"], flaw["name"])


def _escape(text):
    return cgi.escape(text, quote=True)
