"""Session tickets: resumed where the keys are the same, a full handshake everywhere else, never an error, never early data."""

from __future__ import annotations

import gc
import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from client import carry_out
from conftest import LIBSSL
from OpenSSL import SSL
from pki import Authority
from tlsforge_server.config import parse
from tlsforge_server.config.model import Config
from tlsforge_server.errors import ServerError
from tlsforge_server.tls import certificates, resumption
from tlsforge_server.tls.context import Credentials, build
from tlsforge_server.tls.libssl import LibSsl
from tlsforge_server.tls.loopback import Outcome, client_context, handshake
from tlsforge_server.tls.sealing import KEY_BYTES
from tlsforge_server.tls.subject import Subject
from tlsforge_server.tls.tickets import TicketKeys

pytestmark = pytest.mark.skipif(LIBSSL is None, reason="needs a libssl that can be called")

Document = dict[str, Any]
Build = Callable[..., Credentials]
VERSIONS = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])


def config(document: Document) -> Config:
    return parse.parse(json.dumps(document).encode(), "server.json")


@pytest.fixture
def ticketed(document: Document) -> Document:
    document["policy"].update(tickets={"rotateSeconds": 3600}, options=["NO_COMPRESSION", "NO_RENEGOTIATION"])
    return document


@pytest.fixture
def made(ticketed: Document, libssl: LibSsl) -> Build:
    def make(keys: TicketKeys | None = None, **changed: Any) -> Credentials:
        return build(config({**ticketed, **changed}), libssl, datetime.now(UTC), tickets=keys, check=False)

    return make


def again(first: Credentials, second: Credentials, version: str, names: tuple[str | None, str | None] = (None, None)) -> Outcome:
    """A client that has been to the first comes to the second."""
    client = client_context(version=version)
    before = handshake(first.context, client, name=names[0])
    assert before.error is None and not before.resumed
    return handshake(second.context, client, name=names[1], session=before.session)


@VERSIONS
def test_two_processes_with_the_same_keys_resume_each_others_sessions(made: Build, version: str) -> None:
    keys = TicketKeys.make()
    outcome = again(made(keys), made(TicketKeys.from_hex(keys.hex())), version)
    assert (outcome.error, outcome.resumed, outcome.early_data) == (None, True, 0)
    assert version == "TLSv1.2" or 0 < outcome.trailing < 400, "one more ticket: each is for one use"


@VERSIONS
def test_with_other_keys_the_handshake_is_a_full_one(made: Build, version: str) -> None:
    outcome = again(made(TicketKeys.make()), made(TicketKeys.make()), version)
    assert (outcome.error, outcome.resumed) == (None, False)
    assert outcome.certificate != b""


@VERSIONS
def test_a_rotation_takes_up_tickets_of_the_last_key_and_gives_others(made: Build, version: str) -> None:
    keys = TicketKeys.make()
    once = TicketKeys.from_hex(keys.rotated().hex())
    first, second, third = (made(each) for each in (keys, once, once.rotated()))
    client = client_context(version=version)
    old = handshake(first.context, client).session
    renewed = handshake(second.context, client, session=old)
    assert (renewed.error, renewed.resumed) == (None, True)
    outcome = handshake(third.context, client, session=renewed.session)
    assert (outcome.error, outcome.resumed) == (None, True), "what it was given is sealed with the key of its time"
    outcome = handshake(third.context, client, session=old)
    assert (outcome.error, outcome.resumed) == (None, False), "a key opens for two periods"


@VERSIONS
def test_a_connection_outlives_the_rotation(made: Build, version: str) -> None:
    """Its context has gone from the endpoint; it goes on with what it has."""
    keys = TicketKeys.make()
    built = made(keys)
    server, client = SSL.Connection(built.context, None), SSL.Connection(client_context(version=version), None)
    server.set_accept_state()
    client.set_connect_state()
    carry_out(client, server)
    del built
    gc.collect()
    made(keys.rotated())
    client.send(b"still here")
    server.bio_write(client.bio_read(65536))
    assert server.recv(100) == b"still here"


@VERSIONS
def test_a_ticket_that_was_changed_or_is_too_old_is_no_error(made: Build, version: str) -> None:
    keys = TicketKeys.make()
    forged = TicketKeys(keys.current[:16] + TicketKeys.make().current[16:])
    outcome = again(made(keys), made(forged), version)
    assert (outcome.error, outcome.resumed) == (None, False), "the name of the key alone opens nothing"
    built = made(keys)
    built.context.set_timeout(1)
    client = client_context(version=version)
    session = handshake(built.context, client).session
    time.sleep(2.1)
    outcome = handshake(built.context, client, session=session)
    assert (outcome.error, outcome.resumed) == (None, False)


@VERSIONS
def test_another_policy_does_not_take_up_what_this_one_allowed(made: Build, ticketed: Document, version: str) -> None:
    keys = TicketKeys.make()
    stricter = {**ticketed["policy"], "groups": ["X25519MLKEM768", "X25519", "prime256v1"]}
    outcome = again(made(keys), made(keys, policy=stricter), version)
    assert (outcome.error, outcome.resumed) == (None, False)


@VERSIONS
def test_a_renewed_certificate_does_not_end_sessions(made: Build, authority: Authority, tmp_path: Path, version: str) -> None:
    keys = TicketKeys.make()
    before = made(keys)
    renewed = made(keys, certificates=[authority.leaf("ecdsa").write(tmp_path / "new")])
    assert again(before, renewed, version).resumed


@VERSIONS
def test_when_off_nothing_is_sent_and_nothing_resumes(document: Document, libssl: LibSsl, version: str) -> None:
    built = build(config(document), libssl, datetime.now(UTC))
    assert built.in_force["tickets"] == "off" and built.in_force["resumption"] == "off"
    outcome = again(built, built, version)
    assert (outcome.error, outcome.resumed, outcome.trailing) == (None, False, 0)


def test_one_ticket_is_sent_and_it_is_read_back(ticketed: Document, libssl: LibSsl) -> None:
    built = build(config(ticketed), libssl, datetime.now(UTC))
    assert built.in_force["tickets"] == "on"
    assert built.in_force["resumption"] == "tickets, key rotated every 3600 s"
    assert "NO_TICKET" not in built.in_force["options"]  # type: ignore[operator]
    assert 0 < handshake(built.context, client_context(version="TLSv1.3")).trailing < 400, "one ticket"
    assert built.context.get_timeout() == 3600


@pytest.mark.parametrize("sni", ["default", "strict"])
@VERSIONS
def test_names_share_keys_and_a_ticket_opens_no_name_that_is_closed(made: Build, authority: Authority, tmp_path: Path, version: str, sni: str) -> None:
    """OpenSSL looks at a ticket before the name: one of another name may be taken, since there are no client certificates that it could
    stand for. Who would be turned away is, but for those that go on with a session of TLS 1.2: they count as asking for its name."""
    certificates = [authority.leaf("ecdsa", names=(f"{name}.example",)).write(tmp_path / name) for name in ("one", "two")]
    built = made(certificates=certificates, sni=sni)
    for name in ("one.example", "two.example"):
        assert again(built, built, version, (name, name)).resumed
    assert again(built, built, version, ("one.example", "two.example")).error is None
    for stranger in ("unknown.example", None):
        outcome = again(built, built, version, ("two.example", stranger))
        assert (outcome.error is None) == (sni == "default" or version == "TLSv1.2")
        assert outcome.error is not None or outcome.resumed


def subject(made: Credentials, document: Document) -> Subject:
    return Subject(made.context, config(document).policy, made.certificates, door=made.context)


def test_a_ticket_too_many_or_too_few_is_seen(made: Build, ticketed: Document) -> None:
    keys = TicketKeys.make()
    built = made(keys)
    with pytest.raises(ServerError, match="does not resume in TLSv1.2"):
        resumption.check_tickets(subject(built, ticketed), sharing=[made(TicketKeys.make()).context], stranger=made().context)
    with pytest.raises(ServerError, match="resumes with keys that it does not have"):
        resumption.check_tickets(subject(built, ticketed), sharing=[made(keys.rotated()).context], stranger=made(keys).context)


def test_an_invitation_to_early_data_is_seen(ticketed: Document) -> None:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    getattr(SSL, "_lib").SSL_CTX_set_max_early_data(getattr(context, "_context"), 16384)
    parsed = config(ticketed)
    pairs = certificates.load_all(parsed.certificates, datetime.now(UTC))
    for pair in pairs:
        pair.use_in(context)
    with pytest.raises(ServerError, match="invites 16384 bytes of early data"):
        Subject(context, parsed.policy, pairs, door=context).accepts("TLSv1.3", version="TLSv1.3")


def test_a_session_that_can_be_resumed_against_the_policy_is_seen(document: Document) -> None:
    """By tickets, and by the sessions that a server remembers itself."""
    for mode, option in ((SSL.SESS_CACHE_SERVER, SSL.OP_NO_TICKET), (SSL.SESS_CACHE_OFF, 0)):
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_session_id(b"test")
        context.set_session_cache_mode(mode)
        context.set_options(option)
        parsed = config(document)
        pairs = certificates.load_all(parsed.certificates, datetime.now(UTC))
        for pair in pairs:
            pair.use_in(context)
        with pytest.raises(ServerError, match="OpenSSL resumes in TLSv1.2"):
            resumption.check_none(Subject(context, parsed.policy, pairs, door=context))


def test_no_ticket_where_some_are_wanted_is_seen(ticketed: Document) -> None:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    with pytest.raises(ServerError, match="OpenSSL sends none with TLSv1.3"):
        Subject(context, config(ticketed).policy, (), door=context).completed("TLSv1.3", Outcome(error=None, version="TLSv1.3"))


def test_keys_are_not_shown_and_not_taken_in_part() -> None:
    keys = TicketKeys.make()
    assert keys.hex() not in repr(keys) and str(keys.current) not in repr(keys.rotated())
    assert len(keys.current) == KEY_BYTES and keys != TicketKeys.make()
    assert keys.rotated().previous == keys.current != keys.rotated().current
    for wrong in ("", "00", keys.hex()[2:], keys.hex() + "00", "x" * 160):
        with pytest.raises(ServerError) as refused:
            TicketKeys.from_hex(wrong)
        assert wrong not in refused.value.message or wrong == ""


def test_keys_of_another_length_are_refused(libssl: LibSsl) -> None:
    with pytest.raises(ServerError, match="must have 80 bytes, not 80, 48"):
        libssl.set_ticket_keys(SSL.Context(SSL.TLS_SERVER_METHOD), [bytes(80), bytes(48)])


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_another_client_resumes_at_a_running_server(start: Callable[..., Any], ticketed: Document, tmp_path: Path, version: str) -> None:
    port = start(ticketed).wait_ready().port()
    file = tmp_path / "session"

    def s_client(*arguments: str) -> str:
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, "-ign_eof", *arguments]
        request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        return subprocess.run(argv, input=request, capture_output=True, text=True, timeout=20, check=False).stdout

    assert "\nNew, TLS" in s_client("-sess_out", str(file))
    resumed = s_client("-sess_in", str(file))
    assert "\nReused, TLS" in resumed and "HTTP/1.1 200" in resumed
