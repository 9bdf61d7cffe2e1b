"""The running server: what was built is put together here, reloaded, and brought to an end."""

import os

from twisted.internet.error import CannotListenError
from twisted.protocols.policies import WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from . import account, bundle, context, site
from .control import ControlFactory, ControlPort
from .echo import EchoFactory
from .errors import ServerError
from .listen import Listeners
from .logs import say
from .redirect import Redirect
from .runfolder import RunFolder, remove

#: From the request to stop to the end of what is still open.
DRAIN_SECONDS = 5.0
#: Of these, for a connection to come with its first request: who has just been accepted is about to ask.
FIRST_REQUEST_SECONDS = 1.0
#: What a reload cannot change, and the policy with it: a test that switches an option starts a server of its own.
FIXED = ("listen", "redirect", "paths", "user", "libssl")


class ContextFactory(object):
    """Gives new connections the context that is current; Twisted asks for each. Those that live keep theirs."""

    def __init__(self, current):
        self.current = current

    def getContext(self):
        return self.current


class Server(object):
    """One process. Raises ServerError when ``material`` is not right, before anything listens."""

    def __init__(self, material, library, reactor):
        self._config = material.config
        self._library = library
        self._reactor = reactor
        self._credentials = context.build(material, library)
        self._contexts = ContextFactory(self._credentials.context)
        self._echo = EchoFactory(reactor)
        self._site = site.Site(self._root())
        self._redirect = site.Site(None)
        self._secure = TLSMemoryBIOFactory(self._contexts, False, self._site)
        self._plain = WrappingFactory(self._redirect)
        self._plain.noisy = False
        self._listeners = Listeners(reactor)
        self._folder = RunFolder(self._config.paths.run)
        self._lockdown = {}
        self._last_error = None
        self._stopping = False

    def start(self):
        """Binds, then gives up what is no longer needed. Raises ServerError and leaves nothing behind when something is refused."""
        self._folder.refuse_second()
        try:
            self._listeners.bind("listen", self._config.listen)
            self._listeners.bind("redirect", self._config.redirect)
            self._lockdown = account.lock_down()
            self._listeners.accept("listen", self._secure)
            self._set_redirect()
            self._listeners.accept("redirect", self._plain)
            self._open_control()
            # Once more: another may have come meanwhile.
            self._folder.refuse_second()
            self._folder.publish()
        except BaseException:
            self._listeners.close()
            self._folder.drop()
            raise
        self._tell()

    def status(self):
        """``ServerStatus`` of tlsforge."""
        certificate = self._credentials.certificate
        return {
            "pid": os.getpid(),
            "workers": [os.getpid()],
            "role": "serving",
            "until": None,
            "handsOver": False,
            "user": account.name(),
            "listen": [str(address) for address in self._listeners.addresses("listen")],
            "redirect": [str(address) for address in self._listeners.addresses("redirect")],
            "generation": self._config.generation,
            "certificates": [
                {
                    "names": list(certificate.names),
                    "notAfter": certificate.ends,
                    "sha256": certificate.sha256,
                    "chainSha256": certificate.chain_sha256,
                    "staple": None,
                }
            ],
            "policy": dict(self._credentials.in_force, **self._lockdown),
            "vulnerable": list(self._config.vulnerable),
            "configDigest": self._config.digest,
            "libssl": self._library,
            "lastError": self._last_error,
            "connections": len(self._secure.protocols) + len(self._plain.protocols),
        }

    def reload(self, document):
        """Takes configuration and certificate from the bundle. Raises ServerError and changes nothing when they are not right."""
        try:
            material = self._prepared(document)
            credentials = context.build(material, self._library)
        except ServerError as error:
            self._last_error = error.message
            say("reload refused, the former configuration stays: %s" % error.message)
            raise
        self._config, self._credentials = material.config, credentials
        self._contexts.current = credentials.context
        self._site.resource = self._root()
        self._set_redirect()
        self._last_error = None
        say("reloaded")
        self._tell()

    def _prepared(self, document):
        if document is None:
            raise ServerError("reload-refused", "this server was started from a bundle and has no files to read again", "send a bundle with the reload")
        material = bundle.unpack(document)
        for what in FIXED:
            if getattr(material.config, what) != getattr(self._config, what):
                raise ServerError("reload-refused", "%s cannot change while the server runs" % what, "run tlsforge provision, which stops and launches it")
        return material

    def stop(self):
        """Stops listening at once, lets requests under way end, cuts what is left when the deadline has passed."""
        if self._stopping:
            return
        self._stopping = True
        say("stopping")
        self._listeners.close()
        self._drain(self._reactor.seconds())
        self._echo.close_all()

    def _drain(self, began):
        passed = self._reactor.seconds() - began
        self._site.close_idle(passed >= FIRST_REQUEST_SECONDS)
        self._redirect.close_idle(passed >= FIRST_REQUEST_SECONDS)
        left = list(self._secure.protocols) + list(self._plain.protocols)
        if left and passed < DRAIN_SECONDS:
            self._reactor.callLater(0.05, self._drain, began)
            return
        for each in left:
            each.transport.abortConnection()
        self._folder.drop()
        say("stopped")
        self._reactor.callLater(0, self._reactor.stop)

    def _root(self):
        return site.Root(site.page(self._config), self._echo)

    def _set_redirect(self):
        # To the port that is really served.
        self._redirect.resource = Redirect(self._config.names, self._listeners.addresses("listen")[0].port)

    def _open_control(self):
        path = self._folder.private
        try:
            # A process of the same number may have died there.
            remove(path)
            ControlPort(path, ControlFactory(self), mode=0o600, reactor=self._reactor).startListening()
        except (CannotListenError, EnvironmentError) as error:
            raise ServerError("paths-unusable", "the control socket %s cannot be made: %s" % (path, error))

    def _tell(self):
        policy = self._config.policy
        addresses = ", ".join(str(address) for address in self._listeners.addresses("listen"))
        facts = ", ".join("%s %s" % fact for fact in sorted(self._lockdown.items()))
        told = (addresses, policy.profile.encode("utf-8"), policy.min_version, policy.max_version, policy.curve)
        more = (self._credentials.in_force["dhBits"] or "no", self._credentials.certificate.ends, facts, self._library)
        say("vulnerable, for reproduction only; listening on %s; profile %s, %s to %s, curve %s, " % told + "DH of %s bits; certificate until %s; %s; libssl %s" % more)
