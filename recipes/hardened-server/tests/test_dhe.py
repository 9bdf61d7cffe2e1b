"""Finite-field Diffie-Hellman: the group or the parameters that were asked for, on the wire, and nothing that is weak."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pki import Authority
from tlsforge_server.config import parse, sources
from tlsforge_server.config.model import Dhe
from tlsforge_server.config.reading import from_disk
from tlsforge_server.errors import ServerError
from tlsforge_server.tls import dhe, readback
from tlsforge_server.tls.context import Credentials, build
from tlsforge_server.tls.libssl import LibSsl
from tlsforge_server.tls.loopback import client_context, handshake
from tlsforge_server.tls.subject import Subject

Document = dict[str, Any]
Build = Callable[..., Credentials]
SUITES = ["DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305"]
#: Made by ``openssl dhparam 2048``.
OWN = """-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEAtPTnhl5BsGg5zLdB2PyOnMJHzeD6y1H02O9RVq3bATtys6h9bekR
XBRjsQt+69WoiKe2e0jSlOlxX4pfqbhy5w0NiNUjP39XZXjO19W5kZemzsaE2c8L
8de7uewJ7Yi8Bl54r5xyvBq3spkpxFi5CXfkSiPnOKK3eEzhls0dIiPdwONOW3rR
Fr6yuKBPveN68FS0LuoCLf/a8F4RvoBRjd6UOUlnAz0fXtymgqJZKi0ZitiFcJTN
K0pTjg4n0zMb5s+U9LNSUaf1QMcaNerOz6KQM2jM+ey37X30wT2j1JCEkrXP+hn+
XK/uMx6OUzfqynsg8ipvi+P2X03IOw701wIBAg==
-----END DH PARAMETERS-----
"""


def openssl(*argv: str, text: str = "") -> str:
    """The distribution's."""
    return subprocess.run(["openssl", *argv], input=text, capture_output=True, text=True, timeout=60, check=True).stdout


def with_dhe(document: Document, chosen: Document) -> Document:
    policy = document["policy"]
    return {**document, "policy": {**policy, "ciphers": [*policy["ciphers"], *SUITES], "dhe": chosen}}


@pytest.fixture
def made(libssl: LibSsl) -> Build:
    def make(document: Document) -> Credentials:
        return build(parse.parse(json.dumps(document).encode(), "server.json"), libssl, datetime.now(UTC))

    return make


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Document]:
    def write(text: str) -> Document:
        (tmp_path / "dh.pem").write_text(text)
        return {"parameters": str(tmp_path / "dh.pem")}

    return write


@pytest.mark.parametrize("group", ["ffdhe2048", "ffdhe3072", "ffdhe4096"])
def test_the_primes_are_those_that_openssl_has(group: str) -> None:
    parameters = openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", f"group:{group}")
    prime = next(line for line in openssl("asn1parse", text=parameters).splitlines() if "INTEGER" in line)
    assert int(prime.rpartition(":")[2], 16) == dhe.safe_prime(group)


@pytest.mark.parametrize("group", ["ffdhe2048", "ffdhe3072"])
def test_a_named_group_is_in_force_behind_everything_else(made: Build, document: Document, group: str) -> None:
    built = made(with_dhe(document, {"group": group}))
    assert built.in_force["dhe"] == group
    for suite in SUITES:
        outcome = handshake(built.context, client_context(version="TLSv1.2", ciphers=[suite]))
        assert outcome.cipher == suite and dhe.prime_sent(outcome.flight) == dhe.safe_prime(group)
    both = handshake(built.context, client_context(version="TLSv1.2", ciphers=["ECDHE-RSA-AES128-GCM-SHA256", *SUITES]))
    assert both.cipher == "ECDHE-RSA-AES128-GCM-SHA256" and dhe.prime_sent(both.flight) != dhe.safe_prime(group)


def test_own_parameters_are_in_force(made: Build, document: Document, file: Callable[[str], Document]) -> None:
    built = made(with_dhe(document, file(OWN)))
    assert built.in_force["dhe"] == "own parameters of 2048 bits"
    outcome = handshake(built.context, client_context(version="TLSv1.2", ciphers=SUITES))
    assert f":{dhe.prime_sent(outcome.flight):X}\n" in openssl("asn1parse", text=OWN)


def test_a_group_in_a_file_has_its_name(made: Build, document: Document, file: Callable[[str], Document]) -> None:
    group = openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048")
    assert made(with_dhe(document, file(group))).in_force["dhe"] == "ffdhe2048"


def pem_of(prime: int, generator: int = 2) -> str:
    def integer(value: int) -> bytes:
        return tagged(2, value.to_bytes(value.bit_length() // 8 + 1))

    def tagged(tag: int, content: bytes) -> bytes:
        size = len(content).to_bytes(2).lstrip(b"\0")
        length = size if len(content) < 128 else bytes([0x80 + len(size)]) + size
        return bytes([tag]) + length + content

    body = base64.encodebytes(tagged(0x30, integer(prime) + integer(generator))).decode()
    return f"-----BEGIN DH PARAMETERS-----\n{body}-----END DH PARAMETERS-----\n"


P = dhe.safe_prime("ffdhe2048")
#: The Mersenne prime M2203: p is prime, (p - 1) / 2 is not.
MERSENNE = 2**2203 - 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no Diffie-Hellman parameters in PEM form"),
        ("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n", "holds no Diffie-Hellman parameters in PEM form"),
        (pem_of(2**1535 + 1), "of 1536 bits; 2048 is the least"),
        (pem_of(2**10_001 + 1), "of 10002 bits; OpenSSL takes no more than 10000"),
        (pem_of(P + 2), "the modulus is no safe prime"),
        (pem_of(MERSENNE), "the modulus is no safe prime"),
        (pem_of(P, 1), "the generator is out of range"),
        (pem_of(P, P - 1), "the generator is out of range"),
    ],
)
def test_parameters_that_are_weak_are_refused(made: Build, document: Document, file: Callable[[str], Document], text: str, message: str) -> None:
    with pytest.raises(ServerError) as refused:
        made(with_dhe(document, file(text)))
    assert refused.value.code == "policy-refused" and message in refused.value.message and "dh.pem" in refused.value.message


def test_the_mersenne_number_is_prime() -> None:
    """So what is refused in it is the half."""
    assert dhe._is_prime(MERSENNE) and not dhe._is_prime(MERSENNE // 2)


def test_it_needs_an_rsa_certificate(made: Build, document: Document, authority: Authority, tmp_path: Path) -> None:
    document["certificates"] = [authority.leaf("ecdsa").write(tmp_path / "only")]
    with pytest.raises(ServerError, match="need an RSA certificate, and there is none"):
        made(with_dhe(document, {"group": "ffdhe2048"}))


def test_an_identity_without_an_rsa_certificate_has_none(made: Build, document: Document, authority: Authority, tmp_path: Path) -> None:
    document["certificates"] += [authority.leaf("p384", names=("two.example",)).write(tmp_path / "two")]
    built = made(with_dhe(document, {"group": "ffdhe2048"}))
    client = client_context(version="TLSv1.2", ciphers=SUITES)
    assert handshake(built.context, client, name="localhost").error is None
    assert handshake(built.context, client, name="two.example").error is not None


def test_another_prime_than_asked_for_is_seen(document: Document, libssl: LibSsl, made: Build) -> None:
    built = made(with_dhe(document, {"group": "ffdhe3072"}))
    policy = parse.parse(json.dumps(with_dhe(document, {"group": "ffdhe2048"})).encode(), "server.json").policy
    asked = dhe.parameters(Dhe("ffdhe2048", None), built.certificates, from_disk)
    with pytest.raises(ServerError, match="a prime of 3072 bits, expected ffdhe2048"):
        readback._check_dhe(Subject(built.context, policy, built.certificates, door=built.context, dhe=asked))


def test_a_file_of_a_bundle_and_a_credential_are_read(document: Document, file: Callable[[str], Document], tmp_path: Path) -> None:
    chosen = with_dhe(document, file(OWN))
    path = Path(chosen["policy"]["dhe"]["parameters"])
    pem = {each: Path(each).read_text() for pair in document["certificates"] for each in pair.values()}
    path.unlink()
    with pytest.raises(ServerError, match=f"the bundle's files lack {path}"):
        sources.bundled({"config": json.dumps(chosen), "files": pem})
    assert sources.bundled({"config": json.dumps(chosen), "files": {**pem, str(path): OWN}}).read(path, secret=False) == OWN.encode()
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "server.json").write_text(json.dumps(chosen))
    (folder / "dh.pem").write_text(OWN)
    assert sources.CredentialsSource(folder).load().read(path, secret=False) == OWN.encode()


def test_another_client_agrees_on_keys_with_a_running_server(start: Callable[..., Any], document: Document) -> None:
    port = start(with_dhe(document, {"group": "ffdhe2048"})).wait_ready().port()
    told = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384")
    assert "Server Temp Key: DH, 2048 bits" in told and "Cipher is DHE-RSA-AES256-GCM-SHA384" in told


def test_without_it_there_is_no_dhe(made: Build, document: Document) -> None:
    built = made(document)
    assert built.in_force["dhe"] == "off"
    assert handshake(built.context, client_context(version="TLSv1.2", ciphers=SUITES)).error is not None
