"""What is on disk outlives the process, and is judged again before it is used."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509 import ocsp
from ocsp_pki import DAY, HOUR
from ocsp_world import ISSUER
from tlsforge_server.ocsp.response import Staple, verified
from tlsforge_server.ocsp.shelf import Shelf

LEAF = ISSUER.leaf()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ocsp"


def path_of(folder: Path) -> Path:
    return folder / f"{LEAF.fingerprint.hex()}.der"


def staple() -> Staple:
    return verified(ISSUER.answer(LEAF), LEAF, ISSUER.now)


def test_what_is_put_is_there_for_another_process(folder: Path) -> None:
    kept = staple()
    Shelf(folder).put(kept)
    assert Shelf(folder).take(LEAF, ISSUER.now) == kept
    assert path_of(folder).stat().st_mode & 0o777 == 0o640
    assert os.listdir(folder) == [path_of(folder).name]
    assert Shelf(folder).take(ISSUER.leaf(), ISSUER.now) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        ISSUER.answer(LEAF)[:-1],
        b"\0" * 100_000,
        ISSUER.answer(ISSUER.leaf()),
        ISSUER.answer(LEAF, end=timedelta(0)),
        ISSUER.answer(LEAF, status=ocsp.OCSPCertStatus.REVOKED),
    ],
    ids=["empty", "cut off", "megabytes", "another's", "expired", "revoked"],
)
def test_what_cannot_be_stapled_is_removed(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    path_of(folder).write_bytes(content)
    shelf = Shelf(folder)
    assert shelf.take(LEAF, ISSUER.now) is None
    assert os.listdir(folder) == []
    assert shelf.problem is None


def test_a_clock_that_is_behind_removes_nothing(folder: Path) -> None:
    shelf = Shelf(folder)
    shelf.put(staple())
    assert shelf.take(LEAF, ISSUER.now - 365 * DAY) is None
    assert shelf.take(LEAF, ISSUER.now) is not None


def test_a_folder_that_cannot_be_used_is_told_and_nothing_more(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("a file")
    shelf = Shelf(folder)
    shelf.put(staple())
    assert shelf.problem == f"{folder} cannot keep OCSP responses: File exists"
    assert shelf.take(LEAF, ISSUER.now) is None
    assert shelf.problem == f"{path_of(folder)} cannot be read: Not a directory"
    folder.unlink()
    shelf.put(staple())
    assert shelf.problem is None


def test_a_full_disk_leaves_what_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(folder)
    kept = staple()
    shelf.put(kept)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    shelf.put(verified(ISSUER.answer(LEAF, start=timedelta(0)), LEAF, ISSUER.now))
    assert shelf.problem == f"{folder} cannot keep OCSP responses: No space left on device"
    assert os.listdir(folder) == [path_of(folder).name]
    assert shelf.take(LEAF, ISSUER.now) == kept


def test_what_nobody_has_written_for_long_is_swept(folder: Path) -> None:
    folder.mkdir(parents=True)
    long_ago = ISSUER.now.timestamp() - 31 * 86400
    for name in ("old.der", "left.tmp", "somebody-else.txt", "young.der"):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (long_ago, long_ago))
    os.utime(folder / "young.der")
    Shelf(folder).put(staple())
    assert sorted(os.listdir(folder)) == sorted(["somebody-else.txt", "young.der", path_of(folder).name])


def test_what_is_put_later_takes_the_place(folder: Path) -> None:
    shelf = Shelf(folder)
    shelf.put(staple())
    later = verified(ISSUER.answer(LEAF, start=-HOUR / 2), LEAF, ISSUER.now)
    shelf.put(later)
    assert shelf.take(LEAF, ISSUER.now) == later
