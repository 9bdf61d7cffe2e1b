"""DH parameters: looked at before OpenSSL is given them, because pyOpenSSL of 2013 passes on what it could not read."""

import base64
import re

from .errors import ServerError

_BLOCK = re.compile(r"-----BEGIN DH PARAMETERS-----\s(.*?)-----END DH PARAMETERS-----", re.DOTALL)
#: As much as 2013's servers had; OpenSSL of the time takes any.
LEAST_BITS = 1024


def check(text, path):
    """The size of the prime, in bits. Raises ServerError ``policy-refused`` for a text that holds no DH parameters."""
    blocks = _BLOCK.findall(text)
    if len(blocks) != 1:
        raise _refusal(path, "holds %d blocks of DH parameters, expected one (BEGIN DH PARAMETERS)" % len(blocks))
    try:
        prime, generator = _integers(base64.b64decode("".join(blocks[0].split())))
    except (TypeError, ValueError, IndexError):
        raise _refusal(path, "holds no DH parameters that can be read")
    bits = prime.bit_length()
    if bits < LEAST_BITS or prime % 2 == 0 or not 1 < generator < prime - 1:
        raise _refusal(path, "holds no DH parameters that can be used: a prime of %d bits, generator %s" % (bits, generator if bits else "none"))
    return bits


def _integers(der):
    """Prime and generator: SEQUENCE { INTEGER, INTEGER [, INTEGER] } and nothing after it (PKCS #3)."""
    der = bytearray(der)
    body, rest = _element(der, 0x30)
    prime, more = _element(body, 0x02)
    generator, more = _element(more, 0x02)
    if more:
        _length, more = _element(more, 0x02)
    if rest or more:
        raise ValueError("more than DH parameters")
    return _whole(prime), _whole(generator)


def _element(data, tag):
    """The content of the element at the beginning, and what follows it."""
    if data[0] != tag:
        raise ValueError("another element")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = _unsigned(data[2:start])
    if len(data) < start + length:
        raise ValueError("cut short")
    return data[start : start + length], data[start + length :]


def _whole(content):
    if not content or content[0] & 0x80:
        raise ValueError("not a positive number")
    return _unsigned(content)


def _unsigned(content):
    return int(str(content).encode("hex") or "0", 16)


def _refusal(path, what):
    return ServerError("policy-refused", "%s %s" % (path, what), "let tlsforge make it anew: remove it and provision")
