"""The server refuses every libssl but the one it was configured for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tlsforge_server.tls import libssl
from tlsforge_server.errors import ServerError

MAPS = """\
55d0c0000000-55d0c0001000 r--p 00000000 fe:00 11                         /opt/x/bin/python3.13
7f0000000000-7f0000001000 r--p 00000000 fe:00 12                         /opt/x/lib/libssl-tlsforge.so.3
7f0000001000-7f0000002000 r-xp 00001000 fe:00 12                         /opt/x/lib/libssl-tlsforge.so.3
7f0000003000-7f0000004000 r--p 00000000 fe:00 13                         /opt/x/lib/libcrypto-tlsforge.so.3
7f0000005000-7f0000006000 r--p 00000000 fe:00 14                         /usr/lib/libsslcommon/other.so
7f0000007000-7f0000008000 rw-p 00000000 00:00 0
7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0                          [vdso]
"""


def test_libraries_are_told_by_their_file_names() -> None:
    assert libssl.mapped_libraries(MAPS, "libssl") == ["/opt/x/lib/libssl-tlsforge.so.3"]
    assert libssl.mapped_libraries(MAPS, "libcrypto") == ["/opt/x/lib/libcrypto-tlsforge.so.3"]


def test_a_library_replaced_on_disk_is_not_the_one_configured() -> None:
    maps = MAPS.replace("libssl-tlsforge.so.3", "libssl-tlsforge.so.3 (deleted)")
    with pytest.raises(ServerError, match="deleted"):
        libssl.check_mapped(libssl.mapped_libraries(maps, "libssl"), Path("/opt/x/lib/libssl-tlsforge.so.3"))


def test_the_configured_one_is_taken_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.so").touch()
    (tmp_path / "link.so").symlink_to("real.so")
    libssl.check_mapped([str(tmp_path.resolve() / "real.so")], tmp_path / "link.so")


@pytest.mark.parametrize(
    ("mapped", "message"),
    [
        ([], "no libssl is mapped"),
        (["/a/libssl.so.3", "/b/libssl.so.3"], "more than one libssl is mapped: /a/libssl.so.3, /b/libssl.so.3"),
        (["/b/libssl.so.3"], "the libssl in use is /b/libssl.so.3, expected /a/libssl.so.3"),
    ],
)
def test_anything_else_is_refused(mapped: list[str], message: str) -> None:
    with pytest.raises(ServerError) as refused:
        libssl.check_mapped(mapped, Path("/a/libssl.so.3"))
    assert refused.value.code == "libssl-refused"
    assert message in refused.value.message


def test_without_a_memory_map_it_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(libssl, "MAPS", tmp_path / "none")
    with pytest.raises(ServerError, match="cannot be told"):
        libssl.open_mapped(Path("/a/libssl.so.3"))
