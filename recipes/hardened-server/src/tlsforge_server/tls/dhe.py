"""Finite-field Diffie-Hellman for TLS 1.2: its group or parameters, checked before they are used and seen on the wire afterwards."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from cryptography.hazmat import asn1
from OpenSSL import SSL

from ..config.model import Dhe
from ..config.reading import Read
from ..errors import ServerError
from .certificates import Certificate
from .memory import as_file

_lib: Any = getattr(SSL, "_lib")
_ffi: Any = getattr(SSL, "_ffi")
#: Fewer are broken with what a state can spend (RFC 8247, section 2.4; NIST SP 800-57 part 1, table 2).
LEAST_BITS = 2048
#: OpenSSL's OPENSSL_DH_MAX_MODULUS_BITS.
MOST_BITS = 10_000
#: The last term of each prime of RFC 7919, appendix A.
_FFDHE = {"ffdhe2048": 560_316, "ffdhe3072": 2_625_351, "ffdhe4096": 5_736_041}
_HANDSHAKE_RECORD, _SERVER_KEY_EXCHANGE = 22, 12
_PEM = re.compile(rb"-----BEGIN DH PARAMETERS-----([A-Za-z0-9+/=\s]+)-----END DH PARAMETERS-----")


@asn1.sequence
class _DhParameter:
    """PKCS #3, section 9."""

    prime: int
    generator: int
    private_value_length: int | None = None


@dataclass(frozen=True)
class Parameters:
    """A safe prime and a generator. ``name`` is that of the group where it has one."""

    prime: int
    generator: int
    name: str | None

    def use_in(self, context: SSL.Context) -> None:
        """Raises ServerError ``policy-refused``."""
        encoded = asn1.encode_der(_DhParameter(prime=self.prime, generator=self.generator))
        pem = b"-----BEGIN DH PARAMETERS-----\n" + base64.encodebytes(encoded) + b"-----END DH PARAMETERS-----\n"
        with as_file(pem) as path:
            try:
                context.load_tmp_dh(path)
            except SSL.Error as error:
                raise ServerError("policy-refused", f"OpenSSL refuses the Diffie-Hellman parameters: {error}") from error

    def __str__(self) -> str:
        return self.name or f"own parameters of {self.prime.bit_length()} bits"


def parameters(dhe: Dhe, certificates: Sequence[Certificate], read: Read) -> Parameters:
    """The group that is named, or what is in the file, checked. Raises ServerError ``policy-refused``: not PEM, too short, no safe prime, a
    generator out of range, or no RSA certificate for the suites (DHE-ECDSA does not exist)."""
    if all(certificate.kind != "RSA" for certificate in certificates):
        raise ServerError("policy-refused", "the policy has DHE, whose suites need an RSA certificate, and there is none", "add an RSA certificate, or leave DHE off")
    if dhe.group is not None:
        return Parameters(safe_prime(dhe.group), 2, dhe.group)
    assert dhe.parameters is not None
    found = _parse(dhe.parameters, read(dhe.parameters, secret=False))
    for name in _FFDHE:
        if (found.prime, found.generator) == (safe_prime(name), 2):
            return Parameters(found.prime, found.generator, name)
    _check(dhe.parameters, found)
    return Parameters(found.prime, found.generator, None)


def safe_prime(group: str) -> int:
    """The prime of a group: 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1 (RFC 7919, appendix A)."""
    bits = int(group.removeprefix("ffdhe"))
    return (1 << bits) - (1 << (bits - 64)) + ((_e_times_power(bits - 130) + _FFDHE[group]) << 64) - 1


def _e_times_power(bits: int) -> int:
    """floor(2^bits e), by the series of e with some bits to spare."""
    spare = 64
    term, total, divisor = 1 << (bits + spare), 0, 0
    while term:
        total += term
        divisor += 1
        term //= divisor
    return total >> spare


def _parse(path: Path, text: bytes) -> _DhParameter:
    match = _PEM.search(text)
    try:
        return asn1.decode_der(_DhParameter, base64.b64decode(match[1]) if match else b"")
    except (ValueError, binascii.Error) as error:
        raise ServerError("policy-refused", f"{path} holds no Diffie-Hellman parameters in PEM form", f"make them: openssl dhparam -out {path} 3072") from error


def _check(path: Path, found: _DhParameter) -> None:
    bits = found.prime.bit_length()
    if bits < LEAST_BITS:
        raise ServerError("policy-refused", f"{path} holds Diffie-Hellman parameters of {bits} bits; {LEAST_BITS} is the least")
    if bits > MOST_BITS:
        raise ServerError("policy-refused", f"{path} holds Diffie-Hellman parameters of {bits} bits; OpenSSL takes no more than {MOST_BITS}")
    if not 1 < found.generator < found.prime - 1:
        raise ServerError("policy-refused", f"{path}: the generator is out of range")
    if not (_is_prime(found.prime) and _is_prime(found.prime // 2)):
        raise ServerError("policy-refused", f"{path}: the modulus is no safe prime", "make others: openssl dhparam makes nothing else")


def _is_prime(number: int) -> bool:
    """By as many rounds of Miller and Rabin as OpenSSL holds to be enough for numbers that somebody may have chosen."""
    tested = getattr(_lib, "BN_is_prime_ex", None)
    if tested is None:
        raise ServerError("policy-refused", "this cryptography does not bind BN_is_prime_ex; own Diffie-Hellman parameters cannot be checked", "use ffdhe2048")
    holder = _ffi.new("BIGNUM **")
    if _lib.BN_hex2bn(holder, b"%x" % number) == 0:
        raise MemoryError
    try:
        return bool(tested(holder[0], 0, _ffi.NULL, _ffi.NULL) == 1)
    finally:
        _lib.BN_free(holder[0])


def prime_sent(flight: bytes) -> int | None:
    """The prime in the ServerKeyExchange message (RFC 5246, section 7.4.3) of what a server sent; None where there is none."""
    messages = b""
    while len(flight) >= 5 and flight[0] == _HANDSHAKE_RECORD:
        end = 5 + int.from_bytes(flight[3:5])
        messages += flight[5:end]
        flight = flight[end:]
    while len(messages) >= 4:
        end = 4 + int.from_bytes(messages[1:4])
        if messages[0] == _SERVER_KEY_EXCHANGE:
            return int.from_bytes(messages[6 : 6 + int.from_bytes(messages[4:6])])
        messages = messages[end:]
    return None
