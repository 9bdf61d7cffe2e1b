"""The configuration file is taken exactly or not at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tlsforge_server.config import parse as config
from tlsforge_server.config.model import Config, Static, User
from tlsforge_server.errors import ServerError

Document = dict[str, Any]


def parse(document: Document) -> Config:
    return config.parse(json.dumps(document).encode(), "server.json")


def test_a_right_configuration_is_read_whole(document: Document) -> None:
    document["listen"] = ["127.0.0.1:8443", "[::]:443"]
    document["app"] = {"kind": "static", "directory": "/srv/www"}
    document["paths"]["log"] = None
    document["user"] = {"name": "tlsforge", "uid": 990, "gid": 991}
    document["standBySeconds"] = 30
    read = parse(document)
    assert [str(address) for address in read.listen] == ["127.0.0.1:8443", "[::]:443"]
    assert read.policy.groups == ("X25519MLKEM768", "X25519", "prime256v1", "secp384r1")
    assert (read.paths.log, read.user, read.stand_by_seconds) == (None, User("tlsforge", 990, 991), 30)
    assert read.app == Static(Path("/srv/www"))
    assert read.about == (("openssl", "3.5.7"), ("<twisted>", "26 & up"))
    assert len(read.digest) == 64


def set_at(*path: str) -> Callable[[Document, Any], None]:
    def change(document: Document, value: Any) -> None:
        target: Any = document
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("extra",), 1, "extra is not a known key"),
        (("policy", "ticket"), "off", "policy.ticket is not a known key"),
        (("hsts", "maxage"), 1, "hsts.maxage is not a known key"),
        (("app", "directory"), "/x", "app.directory is not a known key"),
        (("paths", "socket"), "/x", "paths.socket is not a known key"),
        (("certificates",), [{"chain": "/c", "key": "/k", "staple": "/s"}], "certificates.0.staple is not a known key"),
        (("schema",), "tlsforge.server/2", "schema is 'tlsforge.server/2'"),
        (("generation",), -1, "generation must be a whole number"),
        (("generation",), True, "generation must be a whole number"),
        (("generation",), 1.5, "generation must be a whole number"),
        (("listen",), [], "listen must be a list that is not empty"),
        (("listen",), ["localhost:443"], "expected address:port"),
        (("listen",), ["::1:443"], "expected address:port"),
        (("listen",), ["127.0.0.1:70000"], "expected address:port"),
        (("listen",), ["300.0.0.1:443"], "not an IP address"),
        (("listen",), ["127.0.0.1:1", "127.0.0.1:1"], "names something twice"),
        (("certificates",), [], "certificates must be a list that is not empty"),
        (("certificates",), [{"chain": "chain.pem", "key": "/k"}], "certificates.0.chain must be an absolute path"),
        (("hsts", "preload"), "no", "hsts.preload must be true or false"),
        (("names",), ["a\nb"], "names.0 holds a control character"),
        (("names",), "localhost", "names must be a list"),
        (("policy",), [], "policy must be an object"),
        (("policy", "tickets"), "on", "policy.tickets must be an object"),
        (("policy", "tickets"), {"rotateSeconds": 5}, "policy.tickets.rotateSeconds must be from 60 to 604800"),
        (("policy", "tickets"), {"rotateSeconds": 3600}, "policy.options must name NO_TICKET exactly when tickets is null"),
        (("policy", "dhe"), {"group": "ffdhe2048"}, "policy.dhe must be given exactly when ciphers has DHE suites"),
        (("policy", "dhe"), {"group": "ffdhe1024"}, "policy.dhe.group is 'ffdhe1024'"),
        (("policy", "dhe"), {}, "policy.dhe.group or parameters must be given"),
        (("sni",), "lax", "sni is 'lax'"),
        (("workers",), -1, "workers must be a whole number"),
        (("workers",), 257, "workers must be a whole number from 0 to 256"),
        (("limits",), {"connections": 10**30}, "limits.connections must be a whole number from 0 to"),
        (("limits",), {"headSeconds": 0}, "limits.headSeconds must be a number"),
        (("limits",), {"connections": 0}, "limits.connections must not be 0"),
        (("limits",), {"head": 1}, "limits.head is not a known key"),
        (("app",), {"kind": "proxy", "upstream": "ftp://127.0.0.1"}, "app.upstream has the scheme 'ftp'"),
        (("app",), {"kind": "proxy", "upstream": "http://127.0.0.1:70000"}, "which is not a URL"),
        (("app",), {"kind": "proxy", "upstream": "http://127.0.0.1:0"}, "with nothing after it"),
        (("app",), {"kind": "proxy", "upstream": "http://127.0.0.1/a"}, "with nothing after it"),
        (("app",), {"kind": "proxy", "upstream": "unix:run"}, "expected an absolute path"),
        (("app",), {"kind": "factory", "module": "a-b", "attribute": "f", "path": None}, "which is no Python name"),
        (("policy", "minVersion"), "TLSv1.1", "policy.minVersion is 'TLSv1.1'"),
        (("policy", "minVersion"), "TLSv1.3", "policy.ciphers must name"),
        (("policy", "ciphers"), [], "policy.ciphers must name"),
        (("policy", "ciphersuites"), [], "policy.ciphersuites must name"),
        (("policy", "groups"), ["X25519:secp521r1"], "not a plain name"),
        (("policy", "groups"), ["?X25519MLKEM768"], "not a plain name"),
        (("policy", "groups"), ["X25519MLKEM768"], "no group that TLS 1.2 can use"),
        (("policy", "ciphers"), ["ALL:@SECLEVEL=0"], "not a plain name"),
        (("policy", "preference"), "mine", "policy.preference is 'mine'"),
        (("policy", "options"), ["CIPHER_SERVER_PREFERENCE"], "follows from preference"),
        (("policy", "alpn"), ["h2"], "policy.alpn must be"),
        (("paths", "run"), "/" + "x" * 90, "beyond the 103 bytes"),
        (("paths", "log"), "server.log", "paths.log must be an absolute path"),
        (("user",), "tlsforge", "user must be an object"),
        (("user",), {"name": "root", "uid": 0, "gid": 0}, "user.uid is root's"),
        (("user",), {"name": "a", "uid": 1, "gid": 1, "home": "/"}, "user.home is not a known key"),
        (("standBySeconds",), -1, "standBySeconds must be a whole number"),
        (("standBySeconds",), 10**11, "standBySeconds must be a whole number from 0 to 86400"),
    ],
)
def test_what_is_wrong_is_refused_by_its_path(document: Document, path: tuple[str, ...], value: Any, message: str) -> None:
    set_at(*path)(document, value)
    with pytest.raises(ServerError) as refused:
        parse(document)
    assert refused.value.code == "config-invalid"
    assert message in refused.value.message
    assert refused.value.message.startswith("server.json: ")


def test_every_key_is_demanded(document: Document) -> None:
    for owner in ((), ("policy",), ("hsts",), ("paths",)):
        target: Any = document
        for key in owner:
            target = target[key]
        for key in list(target):
            changed = copy.deepcopy(document)
            inner: Any = changed
            for step in owner:
                inner = inner[step]
            del inner[key]
            with pytest.raises(ServerError, match=f"{key} is missing"):
                parse(changed)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b'{"schema": "tlsforge.server/1", "schema": "tlsforge.server/1"}', b'{"generation": NaN}', b"\xff", b"[" * 1_000_000]
)
def test_what_is_not_one_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ServerError) as refused:
        config.parse(raw, "server.json")
    assert refused.value.code == "config-invalid"


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="cannot be read: No such file"):
        config.load(tmp_path / "none.json")
