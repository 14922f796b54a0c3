"""The host's ports, links and log."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from packshot.errors import HostFailed
from packshot.host.process import link_folder, port_refusal, tail


def test_the_pack_is_linked_once_and_never_over_something_else(tmp_path: Path) -> None:
    pack, moved, link = tmp_path / "pack", tmp_path / "moved", tmp_path / "custom_nodes" / "packshot"
    for folder in (pack, moved):
        folder.mkdir()
        (folder / "__init__.py").touch()
    link_folder(link, pack, replace=False)
    link_folder(link, pack, replace=False)
    assert (link / "__init__.py").samefile(pack / "__init__.py")
    with pytest.raises(HostFailed, match="something else"):
        link_folder(link, moved, replace=False)
    assert link.resolve() == pack
    link_folder(link, moved, replace=True)
    assert link.resolve() == moved
    link.unlink()
    link.mkdir()
    with pytest.raises(HostFailed, match="something else"):
        link_folder(link, pack, replace=True)
    assert link.is_dir()


def test_a_port_is_refused_only_while_something_listens_on_it() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert port_refusal("127.0.0.1", port)
    assert not port_refusal("127.0.0.1", port)
    assert port_refusal("127.0.0.1", 70000)


def test_the_end_of_a_log_comes_without_colours(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    assert tail(log, 3) == []
    log.write_bytes(b"one\n\x1b[32m[INFO]\x1b[0m two\nthree \xff\n")
    assert tail(log, 2) == ["[INFO] two", "three \N{REPLACEMENT CHARACTER}"]
    assert tail(log, 0) == []
