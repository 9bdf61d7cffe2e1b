"""The certificate: read and judged before it is used. A pair that is not right is refused with its file and the reason."""

import hashlib
import re
import socket
from collections import namedtuple

from OpenSSL import SSL, crypto

from .errors import ServerError
from .policy import drain_errors

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)

#: A checked pair. ``ends`` is in ISO 8601; ``sha256`` is the leaf's (DER), ``chain_sha256`` that of the chain's text.
Certificate = namedtuple("Certificate", "names ends sha256 chain_sha256")


def use(context, pair, files, now):
    """Puts the pair into the context. ``now`` is ``YYYYMMDDhhmmssZ``. Raises ServerError ``certificate-refused``."""
    text = files[pair.chain]
    chain = _chain(pair.chain, text)
    key = _key(pair.key, files[pair.key])
    for position, certificate in enumerate(chain):
        _check_dates(pair.chain, position, certificate, now)
    for position, (certificate, issuer) in enumerate(zip(chain, chain[1:]), 1):
        if certificate.get_issuer().der() != issuer.get_subject().der():
            raise _refusal("%s: certificate %d did not issue certificate %d" % (pair.chain, position + 1, position), "put the leaf first, then each certificate's issuer")
    try:
        context.use_certificate(chain[0])
        for certificate in chain[1:]:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(key)
        context.check_privatekey()
    except SSL.Error:
        drain_errors()
        raise _refusal("%s does not belong to the certificate in %s" % (pair.key, pair.chain))
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, chain[0])
    return Certificate(_names(chain[0]), _iso(chain[0].get_notAfter()), hashlib.sha256(der).hexdigest(), hashlib.sha256(text).hexdigest())


def _chain(path, text):
    try:
        chain = [crypto.load_certificate(crypto.FILETYPE_PEM, block) for block in _BLOCK.findall(text)]
    except crypto.Error:
        chain = []
    if not chain:
        raise _refusal("%s holds no PEM certificates that can be read" % path)
    return chain


def _key(path, text):
    if "ENCRYPTED" in text:
        raise _refusal("%s is encrypted; the server takes keys without a passphrase, protected by their mode" % path)
    try:
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, text)
    except crypto.Error:
        raise _refusal("%s holds no PEM private key that can be read" % path)
    if key.type() != crypto.TYPE_RSA:
        raise _refusal("%s is not an RSA key; the suites of 2013 sign with RSA" % path)
    return key


def _check_dates(path, position, certificate, now):
    what = "the certificate" if position == 0 else "certificate %d of the chain" % (position + 1)
    if now < certificate.get_notBefore():
        raise _refusal("%s: %s is valid only from %s" % (path, what, _iso(certificate.get_notBefore())), "check the clock")
    if now > certificate.get_notAfter():
        raise _refusal("%s: %s expired at %s" % (path, what, _iso(certificate.get_notAfter())), "renew it")


def _names(leaf):
    """Host names and addresses of the subject alternative name, as OpenSSL prints it: ``DNS:localhost, IP Address:0:0:0:0:0:0:0:1``."""
    names = []
    for index in range(leaf.get_extension_count()):
        extension = leaf.get_extension(index)
        if extension.get_short_name() == "subjectAltName":
            for part in str(extension).split(","):
                kind, _colon, name = part.strip().partition(":")
                if kind == "DNS":
                    names.append(name)
                elif kind == "IP Address":
                    names.append(_address(name))
    return tuple(names)


def _address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except socket.error:
        return text


def _iso(moment):
    return "%s-%s-%sT%s:%s:%sZ" % (moment[:4], moment[4:6], moment[6:8], moment[8:10], moment[10:12], moment[12:14])


def _refusal(what, hint=None):
    return ServerError("certificate-refused", what, hint)
