"""The configuration ``tlsforge.server/1``, as far as a server of 2013 can do what it says; the rest is refused by path."""

import hashlib
import re
import socket
from collections import namedtuple

from . import fields as reading
from .errors import ServerError
from .fields import quoted

SCHEMA = "tlsforge.server/1"
TLS_VERSIONS = ("TLSv1.0", "TLSv1.1", "TLSv1.2")
#: Longest path of a Unix socket that Linux and FreeBSD both take (``sun_path`` less its NUL).
SOCKET_PATH_LIMIT = 103
LONGEST_NAME = "server.sock"

#: How TLS is spoken. Every name is OpenSSL's; nothing is a number. ``curve`` is the one of ``groups``; ``dh_parameters`` a path or None.
Policy = namedtuple("Policy", "profile min_version max_version ciphers curve preference options dh_parameters")
#: PEM files: the leaf and then its intermediates, and the leaf's key.
Pair = namedtuple("Pair", "chain key")
#: ``run`` is the folder of control socket and pid file; without ``log``, standard error takes the lines.
Paths = namedtuple("Paths", "run log")
#: The account that the server becomes when it is started as root.
User = namedtuple("User", "name uid gid")
#: ``about`` has pairs of text, ``vulnerable`` what the document has; ``digest`` is the SHA-256 of its bytes, hexadecimal.
Config = namedtuple("Config", "generation policy listen redirect names certificate paths user libssl about vulnerable digest")


class Address(namedtuple("Address", "host port")):
    """An IP address and port to listen on. Port 0 lets the kernel choose."""

    @property
    def is_v6(self):
        return ":" in self.host

    def __str__(self):
        return "[%s]:%d" % self if self.is_v6 else "%s:%d" % self


def parse(raw, origin):
    """The configuration in JSON bytes. ``origin`` names them in messages."""
    fields = reading.parse(raw, origin)
    schema = fields.text("schema")
    if schema != SCHEMA:
        raise ServerError("config-invalid", "%s: schema is %s, expected %s" % (origin, quoted(schema), quoted(SCHEMA)))
    _unused(fields)
    config = Config(
        generation=fields.whole("generation"),
        policy=_policy(fields.child("policy")),
        listen=tuple(_address(fields, "listen", text) for text in fields.texts("listen", least=1)),
        redirect=tuple(_address(fields, "redirect", text) for text in fields.texts("redirect")),
        names=fields.texts("names", least=1),
        certificate=_certificate(fields),
        paths=_paths(fields.child("paths")),
        user=None if fields.is_null("user") else _user(fields.child("user")),
        libssl=fields.path("libssl"),
        about=fields.table("about"),
        vulnerable=tuple(_flaw(item) for item in fields.children("vulnerable")),
        digest=hashlib.sha256(raw).hexdigest(),
    )
    fields.done()
    return config


def _policy(fields):
    policy = Policy(
        profile=fields.text("profile"),
        min_version=fields.choice("minVersion", TLS_VERSIONS),
        max_version=fields.choice("maxVersion", TLS_VERSIONS),
        ciphers=fields.names("ciphers", least=1),
        curve=_curve(fields),
        preference=fields.choice("preference", ("client", "server")),
        options=fields.names("options"),
        dh_parameters=None if fields.is_null("dhe") else _dhe(fields.child("dhe")),
    )
    fields.empty("ciphersuites", "since there is no TLS 1.3")
    fields.empty("signatureAlgorithms", "which pyOpenSSL cannot set")
    fields.empty("alpn", "which pyOpenSSL of 2013 does not have")
    fields.null("tickets", "which pyOpenSSL of 2013 cannot give keys of its own")
    fields.done()
    if TLS_VERSIONS.index(policy.min_version) > TLS_VERSIONS.index(policy.max_version):
        fields.refuse("minVersion", "is above maxVersion %s" % policy.max_version)
    if any(name.startswith(("DHE-", "EDH-")) for name in policy.ciphers) != (policy.dh_parameters is not None):
        fields.refuse("dhe", "must be there when ciphers name DHE suites, and only then")
    _check_options(fields, policy.options)
    return policy


def _dhe(fields):
    parameters = fields.path("parameters")
    fields.done()
    return parameters


def _curve(fields):
    names = fields.names("groups", least=1)
    if len(names) > 1:
        fields.refuse("groups", "must be one curve: a context of 2013 takes no more")
    return names[0]


def _check_options(fields, options):
    if "CIPHER_SERVER_PREFERENCE" in options:
        fields.refuse("options", "names CIPHER_SERVER_PREFERENCE, which follows from preference")
    # Said in two places, so both have to say the same.
    for name, other in (("NO_SSLv2", "minVersion"), ("NO_SSLv3", "minVersion"), ("NO_TICKET", "tickets")):
        if name not in options:
            fields.refuse("options", "lacks %s, which follows from %s" % (name, other))


def _certificate(parent):
    found = parent.children("certificates")
    pairs = [Pair(chain=fields.path("chain"), key=fields.path("key")) for fields in found]
    for fields in found:
        fields.done()
    if len(pairs) > 1:
        parent.refuse("certificates", "must be one pair: a context of 2013 has one chain")
    return pairs[0]


def _unused(fields):
    """What the document has for the hardened server: HSTS and standing by were not there in 2013 and are not sent, the rest has to ask for nothing."""
    hsts = fields.child("hsts")
    hsts.whole("maxAge")
    hsts.flag("includeSubdomains")
    hsts.flag("preload")
    hsts.done()
    fields.whole("standBySeconds")
    app = fields.child("app")
    app.choice("kind", ("about",))
    app.done()
    fields.choice("sni", ("default",))
    fields.choice("ocsp", ("off",))
    if fields.flag("accessLog"):
        fields.refuse("accessLog", "must be false, since there is no access log")
    if fields.whole("workers") != 1:
        fields.refuse("workers", "must be 1: one process serves")
    fields.child("limits").done()


def _paths(fields):
    paths = Paths(run=fields.path("run"), log=None if fields.is_null("log") else fields.path("log"))
    fields.path("state")
    fields.done()
    if len("%s/%s" % (paths.run, LONGEST_NAME)) > SOCKET_PATH_LIMIT:
        fields.refuse("run", "is too long: with /%s it is beyond the %d bytes that a Unix socket's path may have" % (LONGEST_NAME, SOCKET_PATH_LIMIT))
    return paths


def _user(fields):
    user = User(name=fields.text("name"), uid=fields.whole("uid"), gid=fields.whole("gid"))
    fields.done()
    if user.uid == 0:
        fields.refuse("uid", "is root's; name an account without privileges, or null")
    return user


def _flaw(fields):
    flaw = dict((key, fields.text(key)) for key in ("id", "name"))
    if fields.has("recipe") or fields.has("version"):
        flaw.update((key, fields.text(key)) for key in ("recipe", "version"))
    fields.done()
    return flaw


def _address(fields, key, text):
    match = re.match(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})\Z", text)
    if match is None or int(match.group(3)) > 65535:
        fields.refuse(key, "holds %s; expected address:port, IPv6 in brackets" % quoted(text))
    family = socket.AF_INET6 if match.group(1) else socket.AF_INET
    try:
        # There and back: one spelling for one address.
        host = socket.inet_ntop(family, socket.inet_pton(family, str(match.group(1) or match.group(2))))
    except socket.error:
        fields.refuse(key, "holds %s, whose host is not an IP address" % quoted(text))
    return Address(host, int(match.group(3)))
