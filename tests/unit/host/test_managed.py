from __future__ import annotations

from pathlib import Path

from packshot import ManagedHost


def test_a_log_is_followed_into_the_next_one(tmp_path: Path) -> None:
    host = ManagedHost(home=tmp_path)
    assert list(host.logs()) == []
    host.log.write_text("one\ntwo\nthree\n")
    assert list(host.logs(2)) == ["two\n", "three\n"]
    pieces = host.logs(1, follow=True)
    assert next(pieces) == "three\n"
    with host.log.open("a") as file:
        file.write("fo")
    assert next(pieces) == "fo"
    host.log.write_text("anew\n")
    assert next(pieces) == "anew\n"
