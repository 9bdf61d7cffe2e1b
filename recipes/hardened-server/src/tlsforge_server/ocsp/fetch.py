"""One question to a responder by HTTP (RFC 6960, appendix A), bounded in time, in bytes and in where it leads."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from twisted.internet import endpoints
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Cooperator
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.client import URI, Agent, FileBodyProducer, HTTPConnectionPool, ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from .leaf import check_url
from .response import Refused

#: From the beginning to the end, redirects and looking up names among it.
SECONDS = 10.0
#: Of a body. A response has about 500 bytes, or 2,000 with a certificate in it.
BODY_BYTES = 64 << 10
#: Of a connection: the body, what frames it, and the head.
_CONNECTION_BYTES = BODY_BYTES + (16 << 10)
_REDIRECTS = 2
_REDIRECTIONS = {http.MOVED_PERMANENTLY, http.FOUND, http.TEMPORARY_REDIRECT, http.PERMANENT_REDIRECT}


def fetch(reactor: Any, url: str, request: bytes) -> Deferred[bytes]:
    """The body of the answer, not judged. Fails with Refused. Always by POST, which every responder takes and no cache answers; no proxy
    of the environment is used. Nothing is left open at the end."""
    return Deferred.fromCoroutine(_bounded(reactor, url, request))


async def _bounded(reactor: Any, url: str, request: bytes) -> bytes:
    lines = _Lines(reactor)
    cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0, step))
    agent = Agent.usingEndpointFactory(reactor, lines, HTTPConnectionPool(reactor, persistent=False))
    late = Failure(Refused(f"the responder has not answered within {SECONDS:g} s"))
    try:
        answer = await Deferred.fromCoroutine(_ask(agent, url, lambda: FileBodyProducer(BytesIO(request), cooperator))).addTimeout(SECONDS, reactor, lambda _result, _seconds: late)
    except (Refused, CancelledError):
        raise
    except Exception as error:
        raise _told(error, lines) from error
    finally:
        lines.close()
    if lines.overrun is not None:
        # A body whose length nobody has said ends wherever the connection does.
        raise Refused(lines.overrun)
    return answer


async def _ask(agent: Agent, url: str, question: Callable[[], Any]) -> bytes:
    for _ in range(_REDIRECTS + 1):
        headers = Headers({"Content-Type": ["application/ocsp-request"], "Accept": ["application/ocsp-response"], "User-Agent": ["tlsforge"]})
        response: Any = await agent.request(b"POST", url.encode("ascii"), headers, question())
        if response.code not in _REDIRECTIONS:
            break
        url = _follow(url, response.headers.getRawHeaders("Location", []))
    else:
        raise Refused(f"the responder redirects more than {_REDIRECTS} times")
    if response.code != http.OK:
        raise Refused(f"the responder answers with HTTP status {response.code}")
    body = _Body()
    response.deliverBody(body)
    answer = await body.whole
    if len(answer) > BODY_BYTES:
        raise Refused(f"the responder sends more than {BODY_BYTES} bytes")
    return answer


def _follow(url: str, locations: list[str]) -> str:
    target = urljoin(url, locations[0]) if locations else ""
    try:
        check_url(target)
    except ValueError as error:
        raise Refused(f"the responder redirects to {target[:200]!r}, which {error}") from error
    return target


def _told(error: Exception, lines: _Lines) -> Exception:
    reason = error.reasons[0].value if isinstance(error, ResponseFailed) and error.reasons else error
    if isinstance(reason, CancelledError):
        return reason
    return Refused(lines.overrun or f"the responder cannot be asked: {type(reason).__name__}: {str(reason)[:200]}")


class _Body(Protocol):
    """Gathers a body. Where the head does not say how long it is, it ends with the connection."""

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred()
        self._parts: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._parts.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        if self.whole.called:
            return
        if reason.check(ResponseDone, http.PotentialDataLoss):
            self.whole.callback(b"".join(self._parts))
        else:
            self.whole.errback(reason)


@implementer(IAgentEndpointFactory)
class _Lines:
    """The connections of one question."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._opened: list[_Line] = []
        self.overrun: str | None = None

    def endpointForURI(self, uri: URI) -> _Endpoint:  # noqa: N802 - Twisted's name
        return _Endpoint(endpoints.HostnameEndpoint(self._reactor, uri.host.decode("ascii").strip("[]"), uri.port, timeout=SECONDS), self)

    def opened(self, line: _Line) -> None:
        self._opened.append(line)

    def close(self) -> None:
        for line in self._opened:
            line.abort()


class _Endpoint:
    """Connects through a ``_Line``."""

    def __init__(self, endpoint: endpoints.HostnameEndpoint, lines: _Lines) -> None:
        self._endpoint = endpoint
        self._lines = lines

    def connect(self, factory: Any) -> Deferred[Any]:
        wrapping: Any = WrappingFactory(factory)
        wrapping.noisy = False
        wrapping.protocol = lambda outer, wrapped: _Line(outer, wrapped, self._lines)
        return self._endpoint.connect(wrapping).addCallback(lambda line: line.wrappedProtocol)


class _Line(ProtocolWrapper):
    """Counts what comes, head, framing and body alike, and ends where it is too much."""

    def __init__(self, factory: Any, wrapped: Any, lines: _Lines) -> None:
        super().__init__(factory, wrapped)
        self._lines = lines
        self._received = 0
        lines.opened(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._received += len(data)
        if self._received > _CONNECTION_BYTES:
            self._lines.overrun = f"the responder sends more than {_CONNECTION_BYTES} bytes"
            self.abort()
        else:
            super().dataReceived(data)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()
