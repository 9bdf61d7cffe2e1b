"""Which certificates answer for a name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pki import Authority
from tlsforge_server.config.model import CertificatePaths
from tlsforge_server.errors import ServerError
from tlsforge_server.tls import certificates
from tlsforge_server.tls.identities import Identity, identities, uncovered, wildcard

Made = Callable[..., certificates.Certificate]


@pytest.fixture
def made(authority: Authority, tmp_path: Path) -> Made:
    """Makes a pair for names, in a folder of its own."""

    def make(folder: str, kind: str, *names: str) -> certificates.Certificate:
        written = authority.leaf(kind, names=names).write(tmp_path / folder)
        return certificates.load(CertificatePaths(Path(written["chain"]), Path(written["key"])), datetime.now(UTC))

    return make


def shown(found: tuple[Identity, ...]) -> dict[str, list[str]]:
    return {host: [each.paths.chain.parent.name for each in identity.certificates] for identity in found for host in identity.hosts}


def test_pairs_of_the_same_names_are_one_identity(made: Made) -> None:
    found = identities([made("e", "ecdsa", "a.example", "b.example"), made("r", "rsa", "B.example", "a.example")])
    assert len(found) == 1 and found[0].hosts == ("a.example", "b.example")
    assert [each.kind for each in found[0].certificates] == ["ECDSA", "RSA"]


def test_a_name_of_one_pair_alone_never_shows_the_other(made: Made) -> None:
    found = identities([made("e", "ecdsa", "a.example"), made("r", "rsa", "a.example", "b.example")])
    assert shown(found) == {"a.example": ["e", "r"], "b.example": ["r"]}
    assert found[0].hosts == ("a.example",)


def test_the_first_pairs_first_name_is_the_default(made: Made) -> None:
    found = identities([made("r", "rsa", "b.example"), made("e", "ecdsa", "a.example")])
    assert found[0].hosts == ("b.example",) and len(found) == 2


def test_a_names_own_certificate_goes_before_a_wildcard(made: Made) -> None:
    found = identities([made("w", "rsa", "*.example"), made("o", "rsa", "www.example"), made("e", "ecdsa", "*.example")])
    assert shown(found) == {"*.example": ["w", "e"], "www.example": ["o", "e"]}


def test_a_wildcard_is_for_one_label(made: Made) -> None:
    assert [wildcard(each) for each in ("www.example", "a.b.example", "example", "*.example", ".example", "")] == ["*.example", "*.b.example", "", "", "", ""]
    certificate = made("w", "rsa", "*.Example.org", "example.org")
    assert uncovered(["www.example.org", "EXAMPLE.org", "a.b.example.org", "127.0.0.1", "::1"], [certificate]) == ("a.b.example.org", "::1")


@pytest.mark.parametrize("names", [("a.example", "b.example"), ("b.example",)])
def test_two_of_a_kind_for_a_name_are_refused_with_both_files(made: Made, names: tuple[str, ...]) -> None:
    one, two = made("one", "ecdsa", "b.example"), made("two", "p384", *names)
    with pytest.raises(ServerError) as refused:
        identities([one, two])
    assert refused.value.code == "certificate-refused"
    assert refused.value.message == f"{two.paths.chain} is a second ECDSA certificate for b.example, after {one.paths.chain}"


def test_addresses_are_no_names(made: Made) -> None:
    named, bare = made("r", "rsa", "a.example"), made("e", "ecdsa", "127.0.0.2")
    assert named.names == ("a.example", "127.0.0.1") and named.hosts == ("a.example",)
    assert bare.hosts == ()
    found = identities([bare, named])
    assert [each.hosts for each in found] == [(), ("a.example",)]
    with pytest.raises(ServerError, match="names addresses only"):
        identities([named, bare])
