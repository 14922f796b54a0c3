"""Files that only their owner may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from packshot.errors import KeyRefused
from packshot.private_file import read_private, write_private

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such rights")


def test_what_is_written_only_its_owner_may_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert write_private(tmp_path / "deep" / "key", b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "deep" / "key").stat().st_mode) == 0o600
    assert read_private(tmp_path / "deep" / "key") == b"secret"
    assert not write_private(tmp_path / "deep" / "key", b"another")
    assert read_private(tmp_path / "deep" / "key") == b"secret"


@pytest.mark.parametrize("mode", [0o666, 0o644, 0o640, 0o602, 0o620])
def test_loose_rights_are_refused(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"secret")
    key.chmod(mode)
    with pytest.raises(KeyRefused, match="may read or change it") as refused:
        read_private(key)
    assert refused.value.place == str(key)
    assert "chmod 600" in refused.value.remedy


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing", "."):
        with pytest.raises(KeyRefused):
            read_private(tmp_path / name)
    write_private(tmp_path / "large", b"x" * (2 << 20))
    with pytest.raises(KeyRefused, match="larger"):
        read_private(tmp_path / "large")
