"""A client is shown the certificate of the name that it asks for, and odd names do no harm."""

from __future__ import annotations

import gc
import json
import re
import shutil
import subprocess
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL
from pki import Authority
from tlsforge_server.config import parse
from tlsforge_server.config.model import Config
from tlsforge_server.errors import ServerError
from tlsforge_server.tls import readback
from tlsforge_server.tls.context import Credentials, build
from tlsforge_server.tls.libssl import LibSsl
from tlsforge_server.tls.loopback import client_context, handshake
from tlsforge_server.tls.readback import check_strangers
from tlsforge_server.tls.subject import Subject

Document = dict[str, Any]
Build = Callable[..., Credentials]


def config(document: Document) -> Config:
    return parse.parse(json.dumps(document).encode(), "server.json")


@pytest.fixture
def several(document: Document, authority: Authority, tmp_path: Path) -> Document:
    """Three identities: RSA and ECDSA for two names, ECDSA for another, RSA for a wildcard."""
    document["names"] = ["one.example", "two.example", "www.three.example"]
    document["certificates"] = [
        authority.leaf("ecdsa", names=("one.example", "one.test")).write(tmp_path / "one-e"),
        authority.leaf("rsa", names=("one.example", "one.test")).write(tmp_path / "one-r"),
        authority.leaf("p384", names=("two.example",)).write(tmp_path / "two"),
        authority.leaf("rsa", names=("*.three.example",)).write(tmp_path / "three"),
    ]
    return document


@pytest.fixture
def made(several: Document, libssl: LibSsl) -> Build:
    def make(sni: str = "default") -> Credentials:
        return build(config({**several, "sni": sni}), libssl, datetime.now(UTC))

    return make


def folder_shown(credentials: Credentials, name: str | None, **offer: Any) -> str:
    outcome = handshake(credentials.context, client_context(**offer), name=name)
    assert outcome.error is None
    return next(each.paths.chain.parent.name for each in credentials.certificates if each.fingerprint == outcome.certificate)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("one.example", "one-e"),
        ("ONE.Test", "one-e"),
        ("two.example", "two"),
        ("tWo.exAmple.", "two"),
        ("www.three.example", "three"),
        ("*.three.example", "three"),
        ("a.b.three.example", "one-e"),
        (".three.example", "one-e"),
        ("three.example", "one-e"),
        ("unknown.example", "one-e"),
        ("t\u00fc.example", "one-e"),
        ("x" * 255, "one-e"),
        (None, "one-e"),
    ],
)
def test_the_name_decides(made: Build, version: str, name: str | None, folder: str) -> None:
    assert folder_shown(made(), name, version=version) == folder


def test_both_kinds_answer_for_a_name(made: Build) -> None:
    credentials = made()
    assert folder_shown(credentials, "one.test", signature_algorithms=["rsa_pss_rsae_sha256"]) == "one-r"
    assert folder_shown(credentials, "one.test", signature_algorithms=["ecdsa_secp256r1_sha256"]) == "one-e"


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("name", ["unknown.example", "a.b.three.example", "one.exampl", None, "\u0131.example"])
def test_strict_turns_strangers_away(made: Build, version: str, name: str | None) -> None:
    credentials = made("strict")
    assert handshake(credentials.context, client_context(version=version), name="two.example").error is None
    assert handshake(credentials.context, client_context(version=version), name=name).error is not None


def test_the_alert_is_unrecognized_name(made: Build) -> None:
    server, client = ends(made("strict"), "unknown.example")
    with pytest.raises(SSL.Error):
        server.do_handshake()
    # An alert record: fatal, unrecognized_name (RFC 8446, section 6.2).
    assert server.bio_read(100)[-2:] == bytes([2, 112])
    del client


def ends(credentials: Credentials, name: str, hello: Callable[[bytes], bytes] = lambda each: each) -> tuple[SSL.Connection, SSL.Connection]:
    """Both ends, and the client's first flight, changed, at the server."""
    server, client = SSL.Connection(credentials.context, None), SSL.Connection(client_context(), None)
    server.set_accept_state()
    client.set_connect_state()
    client.set_tlsext_host_name(name.encode())
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    server.bio_write(hello(client.bio_read(65536)))
    return server, client


@pytest.mark.parametrize("sni", ["default", "strict"])
@pytest.mark.parametrize("odd", [b"two\0example", b"\0" * 11, b"\xff" * 11, b"two exam\tpl", b"*.*.*.*.*.*", b"..........."])
def test_names_that_are_none_do_no_harm(made: Build, sni: str, odd: bytes) -> None:
    """Whether such a client is served is OpenSSL's choice; the next one is."""
    credentials = made(sni)
    server, _client = ends(credentials, "two.example", lambda hello: hello.replace(b"two.example", odd))
    try:
        server.do_handshake()
    except SSL.Error:
        pass
    if sni == "strict" or b"\0" in odd:
        assert server.bio_read(100)[-2:] in (bytes([2, 112]), bytes([2, 50])), "unrecognized_name, or decode_error"
    assert folder_shown(credentials, "two.example") == "two"


def test_a_name_of_300_bytes_does_no_harm(made: Build) -> None:
    """Longer than OpenSSL's own client sends: three lengths have to grow with it."""

    def longer(hello: bytes) -> bytes:
        at, more = hello.index(b"two.example"), 300 - 11
        hello = hello[:at] + b"x" * 300 + hello[at + 11 :]
        lengths = [at - 2, at - 5, at - 7, 3]
        handshake_length = int.from_bytes(hello[6:9]) + more
        hello = hello[:6] + handshake_length.to_bytes(3) + hello[9:]
        # The list of extensions: behind version, random, session id, suites and compression.
        place = 43 + 1 + hello[43]
        place += 2 + int.from_bytes(hello[place : place + 2])
        place += 1 + hello[place]
        for each in (*lengths, place):
            hello = hello[:each] + (int.from_bytes(hello[each : each + 2]) + more).to_bytes(2) + hello[each + 2 :]
        return hello

    credentials = made()
    server, _client = ends(credentials, "two.example", longer)
    with pytest.raises(SSL.Error):
        server.do_handshake()
    assert server.bio_read(100)[-2:] == bytes([2, 112])
    assert folder_shown(credentials, "two.example") == "two"


def test_one_identity_needs_no_callback(document: Document, libssl: LibSsl) -> None:
    plain = build(config(document), libssl, datetime.now(UTC))
    assert getattr(plain.context, "_tlsext_servername_callback", None) is None
    strict = build(config({**document, "sni": "strict"}), libssl, datetime.now(UTC))
    assert handshake(strict.context, client_context()).error is not None
    assert handshake(strict.context, client_context(), name="localhost").error is None
    assert strict.in_force["sni"] == "strict"


def test_a_context_that_takes_everybody_is_not_strict(document: Document, libssl: LibSsl) -> None:
    made = build(config(document), libssl, datetime.now(UTC))
    subject = Subject(made.context, config(document).policy, made.certificates, door=made.context)
    with pytest.raises(ServerError, match="a client that asks for no name is served"):
        check_strangers(subject, strict=True)
    with pytest.raises(ServerError, match="is not shown the first certificate"):
        check_strangers(Subject(made.context, config(document).policy, (), door=made.context), strict=False)


def test_a_name_that_leads_elsewhere_is_seen(several: Document, made: Build) -> None:
    credentials = made()
    three = credentials.identities[2]
    subject = Subject(credentials.context, config(several).policy, three.certificates, door=credentials.context, name="one.example")
    with pytest.raises(ServerError, match="does not show the certificate"):
        readback._check_signatures(subject)


def test_strict_with_nothing_to_ask_for_is_refused(document: Document, libssl: LibSsl, authority: Authority, tmp_path: Path) -> None:
    document["certificates"] = [authority.leaf("ecdsa", names=("127.0.0.2",)).write(tmp_path / "bare")]
    with pytest.raises(ServerError, match="nobody can ask for it"):
        build(config({**document, "sni": "strict"}), libssl, datetime.now(UTC))


def test_a_name_of_the_site_without_a_certificate_is_noted(several: Document, libssl: LibSsl, authority: Authority, tmp_path: Path) -> None:
    several["names"] = ["one.example", "www.three.example", "four.example", "localhost"]
    pair = authority.leaf("p384", names=("two.example",))
    several["certificates"][2]["chain"] = type(pair)((*reversed(pair.chain),), pair.key).write(tmp_path / "two")["chain"]
    built = build(config(several), libssl, datetime.now(UTC), check=False)
    assert [note.removeprefix(f"{tmp_path}/") for note in built.notes] == ["two/chain.pem: the chain was out of order: put right"]
    assert built.unanswered == ("four.example",)


def test_contexts_go_with_their_last_connection_and_not_before(several: Document, libssl: LibSsl) -> None:
    """Without a search for cycles: a reload leaves nothing behind."""
    built = build(config(several), libssl, datetime.now(UTC), check=False)
    connection = SSL.Connection(built.context, None)
    left = weakref.ref(built.context)
    del built
    gc.disable()
    try:
        assert left() is not None, "a connection keeps the callbacks that it may come to"
        del connection
        assert left() is None, "and nothing else does"
    finally:
        gc.enable()


def subject_of(pem: str) -> str:
    match = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", pem, re.DOTALL)
    assert match is not None, pem
    return x509.load_pem_x509_certificate(match[0].encode()).fingerprint(hashes.SHA256()).hex()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_other_clients_get_the_right_one_from_a_running_server(start: Callable[..., Any], several: Document, version: str) -> None:
    """The distribution's OpenSSL."""
    several["sni"] = "strict"
    running = start(several).wait_ready()
    port, told = running.port(), running.status()["certificates"]

    def s_client(*arguments: str) -> str:
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, *arguments]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False).stdout

    assert subject_of(s_client("-servername", "two.example")) == told[2]["sha256"]
    assert subject_of(s_client("-servername", "www.three.example")) == told[3]["sha256"]
    assert "BEGIN CERTIFICATE" not in s_client("-servername", "four.example")
    assert "BEGIN CERTIFICATE" not in s_client("-noservername")


@pytest.mark.skipif(shutil.which("gnutls-cli") is None, reason="needs gnutls-cli")
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_gnutls_is_told_by_the_alert(start: Callable[..., Any], several: Document, version: str) -> None:
    several["sni"] = "strict"
    port = start(several).wait_ready().port()
    argv = ["gnutls-cli", "--insecure", "--sni-hostname", "four.example", "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}", "-p", str(port), "127.0.0.1"]
    run = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    assert "[112]" in run.stdout + run.stderr
