from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from packshot.errors import OutputUnwritable
from packshot.paths import (
    atomic_write,
    cache_dir,
    checkout,
    config_dir,
    leads_down,
    resolve_within,
    shipped,
    write_new,
    write_text,
    writing,
)


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "first")

    def fail_half_way() -> None:
        with atomic_write(path) as file:
            file.write(b"half of the sec")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "first"
    with atomic_write(path, durable=False) as file:
        file.write(b"second")
        assert path.read_text() == "first"
    assert path.read_text() == "second"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_replaces_none(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:  # as on exFAT

        def refuse(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "new" / "a.jpg"
    assert write_new(path, b"first")
    assert not write_new(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(OutputUnwritable):
        write_new(path / "below.jpg", b"third")


def test_a_kill_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "first")
    code = """
import os, signal, sys
from pathlib import Path
from packshot.paths import atomic_write

with atomic_write(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert path.read_text() == "first"


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own in memory; the test is skipped where this user may not mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    mount = subprocess.run(command, capture_output=True, text=True, check=False)
    if mount.returncode:
        pytest.skip(f"cannot mount: {mount.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_costs_nothing_that_was_there(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k") as disk:
        path = disk / "a.bin"
        with atomic_write(path) as file:
            file.write(b"first")
        with pytest.raises(OutputUnwritable, match=os.strerror(errno.ENOSPC)) as caught, atomic_write(path) as file:
            file.write(bytes(1 << 20))
        assert caught.value.place == str(path)
        assert caught.value.remedy
        assert path.read_bytes() == b"first"
        assert list(disk.iterdir()) == [path]


def test_a_read_only_disk_is_refused(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "ro") as disk, pytest.raises(OutputUnwritable, match=os.strerror(errno.EROFS)):
        write_text(disk / "a.txt", "x")


def test_dev_full_is_a_full_disk() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OutputUnwritable, match=os.strerror(errno.ENOSPC)), writing(full):
        full.write_bytes(b"x")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputUnwritable):
            write_text(tmp_path / "a.txt", "x")
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    blocked = tmp_path / "a"
    blocked.write_text("mine")
    for path in (blocked / "b.txt", blocked / "c" / "d.txt"):
        with pytest.raises(OutputUnwritable) as caught:
            write_text(path, "x")
        assert caught.value.place == str(path)
    assert blocked.read_text() == "mine"


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(OutputUnwritable):
        write_text(tmp_path / "a", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["n" * 300, "ü" * 200, "界" * 100])
def test_a_name_that_is_too_long_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputUnwritable):
        write_text(tmp_path / name, "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127, "界" * 85])
def test_the_longest_names_can_be_written(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_error_that_is_not_about_the_file_passes_through(tmp_path: Path) -> None:
    near, far = socket.socketpair()
    far.close()
    with near, pytest.raises(BrokenPipeError), atomic_write(tmp_path / "a"):
        near.sendall(b"x")
    assert not list(tmp_path.iterdir())


def test_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = checkout()
    assert root
    assert (root / "nodes").is_dir()
    assert shipped("examples") == root / "examples"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert cache_dir() == tmp_path / "packshot"


@pytest.mark.parametrize("name", ["", ".", "a", "a/b/c", "a/../b", "here.txt/below", "in/here.txt"])
def test_a_name_within_a_folder_leads_to_a_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "here.txt").touch()
    (tmp_path / "in").symlink_to(tmp_path)
    assert resolve_within(tmp_path.resolve(), name) == (tmp_path / name).resolve()


@pytest.mark.parametrize("name", ["..", "../x", "/etc", "a/../../b", "a\0b", "out", "out/x", "x" * 300])
def test_a_name_that_leads_out_of_a_folder_leads_nowhere(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    assert resolve_within(root.resolve(), name) is None


def test_cache_and_settings_are_their_owners_alone_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    cache_dir().mkdir(parents=True)
    cache_dir().chmod(0o777)  # as an earlier version left it
    before = os.umask(0)
    try:
        write_text(cache_dir() / "host" / "deep" / "installation.json", "{}")
        write_text(config_dir() / "profile.yaml", "")
        write_text(tmp_path / "run" / "manifest.csv", "")
    finally:
        os.umask(before)
    for own in (cache_dir(), config_dir()):
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (own, *own.rglob("*"))}
        assert modes == {path: 0o700 if path.is_dir() else 0o600 for path in modes}
    assert stat.S_IMODE((tmp_path / "run" / "manifest.csv").stat().st_mode) == 0o666, "elsewhere the umask says"


PLAIN = ["a.png", "pictures/a b.png", "ä/…/名.webp", ".stage/x", "index-2.html", "console.png"]
ELSEWHERE = [
    *("", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "...", "a.", "a ", "a /b", "a\\b", "C:/a"),
    *("a:b", "con", "CON.png", "a/nul.txt", "aux .png", "com1", "LPT9.jpg", "conin$", "com\u00b9.png"),
    *("a\0b", "a\nb", "\x1b[31m", "a\x7f"),
]


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_name_leads_down(name: str) -> None:
    assert leads_down(name)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_name_that_leads_elsewhere_on_any_system_does_not(name: str) -> None:
    assert not leads_down(name)
