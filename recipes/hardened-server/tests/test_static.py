"""The files of a folder: which of them, which parts, and when nothing but a code."""

from __future__ import annotations

import email.utils
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from behinds import Behind
from client import answer, connected, exchange, get
from commanded import pattern
from OpenSSL import SSL

LETTERS = b"abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "www"
    (root / "sub" / ".git").mkdir(parents=True)
    (root / "letters.txt").write_bytes(LETTERS)
    (root / "sub" / "index.html").write_text("<p>sub")
    (root / "sub" / ".git" / "config").write_text("secret")
    (root / ".env").write_text("secret")
    (root / "empty").touch()
    (root / "none").mkdir()
    (tmp_path / "outside").write_text("secret")
    return root


@pytest.fixture
def port(served: Callable[..., Behind], folder: Path) -> int:
    return served({"kind": "static", "directory": str(folder)}).port


def test_a_file_has_its_type_and_validators(port: int, folder: Path) -> None:
    for name, expected in {
        "a.html": "text/html; charset=utf-8",
        "a.css": "text/css; charset=utf-8",
        "a.mjs": "text/javascript; charset=utf-8",
        "a.svg": "image/svg+xml",
        "a.woff2": "font/woff2",
        "a.json": "application/json",
        "a.tar.gz": "application/gzip",
        "a.unheard-of": "application/octet-stream",
        "a": "application/octet-stream",
        "a b é.txt": "text/plain; charset=utf-8",
    }.items():
        (folder / name).write_bytes(LETTERS)
        with connected(port) as connection:
            status, headers, body = get(connection, "/" + name.replace(" ", "%20").replace("é", "%c3%a9"))
        assert (status, body, headers["content-type"], headers["accept-ranges"]) == (200, LETTERS, expected, "bytes"), name
        assert headers["etag"].startswith('"') and email.utils.parsedate_to_datetime(headers["last-modified"])


def test_a_folder_has_its_index_and_no_listing(port: int) -> None:
    with connected(port) as connection:
        assert get(connection, "/sub/")[2] == b"<p>sub"
        status, headers, _body = get(connection, "/sub?x=//y")
        assert (status, headers["location"]) == (302, "/sub/?x=//y")
        for path in ("/", "/none/", "/letters.txt/", "/letters.txt/x", "/nothing"):
            assert get(connection, path)[0] == 404, path


@pytest.mark.parametrize("path", [
    "/.env", "/%2eenv", "/sub/.git/config", "/sub/%2egit/config", "/../outside", "/%2e%2e/outside", "/..%2foutside", "/%2e%2e%2foutside", "/sub/../../outside",
    "/sub/..%5c..%5coutside", "/sub%2findex.html", "/%00", "/letters.txt%00.html", "/link", "/linked/outside", "/linked/", "/hidden", "//etc/passwd",
    "//evil.example/sub", "/sub//index.html", "/./letters.txt", "/" + "x" * 300, "/" + "x/" * 3000,
])  # fmt: skip
def test_nothing_else_can_be_had(port: int, folder: Path, path: str) -> None:
    (folder / "link").symlink_to(folder.parent / "outside")
    (folder / "linked").symlink_to(folder.parent)
    (folder / "hidden").symlink_to(folder / ".env")
    with connected(port) as connection:
        status, headers, body = get(connection, path)
        assert status == 404 and b"secret" not in body and "location" not in headers
        assert get(connection, "/letters.txt")[2] == LETTERS


def test_a_link_within_the_folder_and_a_folder_that_is_exchanged(served: Callable[..., Behind], folder: Path) -> None:
    (folder / "inner").symlink_to("letters.txt")
    release = folder.parent / "release"
    release.symlink_to(folder)
    other = folder.parent / "other"
    other.mkdir()
    (other / "inner").write_text("second")
    with connected(served({"kind": "static", "directory": str(release)}).port) as connection:
        assert get(connection, "/inner")[2] == LETTERS
        release.unlink()
        release.symlink_to(other)
        assert get(connection, "/inner")[2] == b"second"


def test_what_is_no_file_is_not_opened(port: int, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        (folder / "device").symlink_to("/dev/zero")
        with connected(port) as connection:
            for name in ("pipe", "socket", "device"):
                assert get(connection, f"/{name}")[0] == 404, name


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="needs setpriv for root, who may read anything")
def test_a_file_that_may_not_be_read_is_forbidden(port: int, folder: Path) -> None:
    (folder / "letters.txt").chmod(0)
    with connected(port) as connection:
        assert get(connection, "/letters.txt")[0] == 403


def test_other_methods_are_refused_with_what_is_allowed(port: int) -> None:
    with connected(port) as connection:
        for method, expected in (("POST", 405), ("DELETE", 405), ("BREW", 501), ("OPTIONS", 204)):
            status, headers, _body = get(connection, "/letters.txt", method=method)
            assert (status, headers["allow"]) == (expected, "GET, HEAD, OPTIONS"), method
        status, headers, _body = get(connection, "/letters.txt", method="HEAD")
        assert (status, headers["content-length"]) == (200, "26")
        status, headers, _body = get(connection, "/nothing", method="HEAD")
        assert status == 404 and get(connection, "/empty")[::2] == (200, b"")


def test_conditions(port: int, folder: Path) -> None:
    with connected(port) as connection:
        _status, headers, _body = get(connection, "/letters.txt")
        tag, date = headers["etag"], headers["last-modified"]
        old, later = "Mon, 01 Jan 2001 00:00:00 GMT", email.utils.formatdate(time.time() + 10, usegmt=True)
        for asked, expected in {
            (f"If-None-Match: {tag}",): 304,
            (f"If-None-Match: W/{tag}",): 304,
            (f'If-None-Match: "x,y", {tag}',): 304,
            ('If-None-Match: "x"', f"If-None-Match: {tag}"): 304,
            ("If-None-Match: *",): 304,
            ('If-None-Match: "x"',): 200,
            # The tag counts, the date does not.
            ('If-None-Match: "x"', f"If-Modified-Since: {later}"): 200,
            (f"If-Modified-Since: {date}",): 304,
            (f"If-Modified-Since: {old}",): 200,
            ("If-Modified-Since: yesterday",): 200,
            (f"If-Match: {tag}",): 200,
            ("If-Match: *",): 200,
            ('If-Match: "x"',): 412,
            (f"If-Match: W/{tag}",): 412,
            (f"If-Match: {tag}", f"If-Unmodified-Since: {old}"): 200,
            (f"If-Unmodified-Since: {old}",): 412,
            (f"If-Unmodified-Since: {date}",): 200,
        }.items():
            status, headers, body = get(connection, "/letters.txt", headers=asked)
            assert (status, body) == (expected, LETTERS if expected == 200 else b""), asked
            assert headers["etag"] == tag
            assert expected != 304 or not {"content-length", "content-type"} & headers.keys()
        (folder / "letters.txt").write_bytes(LETTERS[::-1])
        status, headers, _body = get(connection, "/letters.txt", headers=(f"If-None-Match: {tag}",))
        assert status == 200 and headers["etag"] != tag


@pytest.mark.parametrize(("asked", "status", "body", "range_"), [
    ("bytes=0-0", 206, b"a", "bytes 0-0/26"), ("bytes=1-3", 206, b"bcd", "bytes 1-3/26"), ("BYTES=24-", 206, b"yz", "bytes 24-25/26"),
    ("bytes=-2", 206, b"yz", "bytes 24-25/26"), ("bytes=-99", 206, LETTERS, "bytes 0-25/26"), ("bytes=20-99", 206, b"uvwxyz", "bytes 20-25/26"),
    ("bytes= 1-1 , ,", 206, b"b", "bytes 1-1/26"), ("bytes=30-,2-3", 206, b"cd", "bytes 2-3/26"),
    ("bytes=26-", 416, None, "bytes */26"), ("bytes=-0", 416, None, "bytes */26"),
    ("bytes=3-1", 200, LETTERS, None), ("bytes=x", 200, LETTERS, None), ("lines=1-2", 200, LETTERS, None), ("bytes=-", 200, LETTERS, None),
    ("bytes=1-2-3", 200, LETTERS, None), ("bytes=" + "9" * 400 + "-", 200, LETTERS, None), ("bytes=" + "0-0," * 1000 + "0-0", 200, LETTERS, None),
    ("bytes=0-20,1-25", 200, LETTERS, None),
])  # fmt: skip
def test_a_range(port: int, asked: str, status: int, body: bytes | None, range_: str | None) -> None:
    with connected(port) as connection:
        got, headers, received = get(connection, "/letters.txt", headers=(f"Range: {asked}",))
        assert (got, headers.get("content-range")) == (status, range_)
        assert body is None or received == body


def test_several_ranges(port: int) -> None:
    with connected(port) as connection:
        status, headers, body = get(connection, "/letters.txt", headers=("Range: bytes=0-1,-1",))
        assert status == 206 and headers["content-type"].startswith("multipart/byteranges; boundary=") and "content-range" not in headers
        boundary = headers["content-type"].partition("boundary=")[2]
        parts = body.decode().split(f"\r\n--{boundary}")
        kind = "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes "
        assert parts == ["", f"{kind}0-1/26\r\n\r\nab", f"{kind}25-25/26\r\n\r\nz", "--\r\n"]


def test_a_range_is_of_the_file_that_is_meant(port: int) -> None:
    with connected(port) as connection:
        _status, headers, _body = get(connection, "/letters.txt")
        tag, date = headers["etag"], headers["last-modified"]
        for condition, expected in ((tag, 206), (date, 206), (f"W/{tag}", 200), ('"x"', 200), ("Mon, 01 Jan 2001 00:00:00 GMT", 200)):
            assert get(connection, "/letters.txt", headers=("Range: bytes=0-0", f"If-Range: {condition}"))[0] == expected, condition
        assert get(connection, "/letters.txt", method="HEAD", headers=("Range: bytes=0-0",))[0] == 200
        assert get(connection, "/letters.txt", headers=("Range: bytes=0-0", f"If-None-Match: {tag}"))[0] == 304
    assert exchange(port, b"GET /letters.txt HTTP/1.0\r\nRange: bytes=0-0\r\n\r\n").endswith(b"\r\n\r\na")


def test_a_large_file_comes_whole_and_in_parts(port: int, folder: Path) -> None:
    data = pattern(3_000_000)
    (folder / "large").write_bytes(data)
    with connected(port) as connection:
        for _ in range(2):
            assert get(connection, "/large")[2] == data
        assert get(connection, "/large", headers=("Range: bytes=1000-2500000",))[2] == data[1000:2_500_001]
        body = get(connection, "/large", headers=("Range: bytes=0-999999,2000000-",))[2]
        assert data[:1_000_000] in body and data[2_000_000:] in body


def test_a_file_that_is_removed_or_cut_short_while_it_is_sent(port: int, folder: Path) -> None:
    size = 32 << 20
    for removed in (True, False):
        path = folder / "huge"
        path.write_bytes(b"")
        os.truncate(path, size)
        with connected(port) as connection:
            connection.sendall(b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.3)
            if removed:
                path.unlink()
                assert len(answer(connection)[2]) == size
            else:
                os.truncate(path, 0)
                with pytest.raises((SSL.SysCallError, ConnectionError)):
                    while True:
                        connection.recv(1 << 16)


def test_descriptors_are_given_back(served: Callable[..., Behind], folder: Path) -> None:
    (folder / "huge").write_bytes(b"")
    os.truncate(folder / "huge", 64 << 20)
    running = served({"kind": "static", "directory": str(folder)})
    with connected(running.port) as connection:
        get(connection, "/letters.txt")
        before = len(os.listdir(f"/proc/{running.process.pid}/fd"))
        for path, headers in (("/letters.txt", ()), ("/letters.txt", ("If-None-Match: *",)), ("/letters.txt", ("Range: bytes=99-",)), ("/empty", ())):
            get(connection, path, headers=headers)
            get(connection, path, method="HEAD", headers=headers)
        for _ in range(5):
            with connected(running.port) as leaving:
                leaving.sendall(b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
                leaving.recv(1000)
        deadline = time.monotonic() + 3
        while len(os.listdir(f"/proc/{running.process.pid}/fd")) > before:
            assert time.monotonic() < deadline
            time.sleep(0.02)
