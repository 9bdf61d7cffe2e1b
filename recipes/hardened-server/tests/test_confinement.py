"""What a worker is left follows from what it serves."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tlsforge_server.config import parse as config
from tlsforge_server.lockdown.confinement import Confinement, Free, of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures of Linux")

Document = dict[str, Any]


def left(document: Document, app: Document | None = None) -> Confinement:
    found = of(config.parse(json.dumps({**document, **({"app": app} if app else {})}).encode(), "server.json"))
    assert isinstance(found, Confinement)
    return found


def may_read(confinement: Confinement, path: str | Path) -> bool:
    real = Path(path).resolve()
    return any(each == real or each in real.parents for each in confinement.read)


def test_the_page_needs_no_more_than_code_and_system(document: Document) -> None:
    found = left(document)
    assert may_read(found, sys.modules["json"].__file__ or "") and may_read(found, json.decoder.__file__)
    assert may_read(found, os.environ.get("TLSFORGE_TEST_LIBSSL", sys.executable))
    for closed in ("/", "/etc/passwd", "/etc/shadow", "/root", "/tmp", document["certificates"][0]["key"], document["paths"]["run"]):
        assert not may_read(found, closed), closed
    assert (found.write, found.connect, found.folder) == ((Path("/dev/null"),), None, None)


def test_files_are_read_where_they_are_and_nowhere_else(document: Document, tmp_path: Path) -> None:
    (tmp_path / "release-1").mkdir()
    (tmp_path / "release-2").mkdir()
    link = tmp_path / "current"
    link.symlink_to("release-1")
    app = {"kind": "static", "directory": str(link)}
    first = left(document, app)
    assert may_read(first, tmp_path / "release-1/index.html") and not may_read(first, tmp_path / "release-2/index.html")
    assert left(document, app) == first
    link.unlink()
    link.symlink_to("release-2")
    second = left(document, app)
    assert second != first, "another folder at the same path"
    (tmp_path / "release-2").rename(tmp_path / "old")
    (tmp_path / "release-2").mkdir()
    assert left(document, app) != second, "another folder by the same name"


@pytest.mark.parametrize(
    ("upstream", "ports", "names"),
    [
        ("http://127.0.0.1:8080", (8080,), False),
        ("http://[::1]:8080", (8080,), False),
        ("http://backend.internal:8080", (53, 8080), True),
        ("http://backend.internal:53", (53,), True),
        ("unix:/run/app.sock", (), False),
    ],
)
def test_a_proxy_reaches_its_upstream(document: Document, upstream: str, ports: tuple[int, ...], names: bool) -> None:
    found = left(document, {"kind": "proxy", "upstream": upstream})
    assert (found.connect, found.datagrams) == (ports, names)
    assert [may_read(found, each) for each in ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf")] == [names] * 3


def test_an_application_of_somebodys_is_not_confined(document: Document) -> None:
    document["app"] = {"kind": "factory", "module": "somebodys", "attribute": "factory", "path": None}
    assert of(config.parse(json.dumps(document).encode(), "server.json")) == Free("the application is not ours")
