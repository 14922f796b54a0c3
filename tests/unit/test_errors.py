from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot import errors
from packshot.errors import (
    DeliveryUnknown,
    HostLost,
    InputUnknown,
    JobTimeout,
    ModelMissing,
    PackshotError,
    nearest,
    read_report,
)

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PackshotError)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not PackshotError])
def test_every_error_has_a_slug_and_an_exit_code(kind: type[PackshotError]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+|timeout", kind.slug)
    assert kind.exit_code in (2, 3, 4)
    assert kind.__doc__
    error = kind("it broke", place="node 7", remedy="mend it")
    assert str(error) == f"[{kind.slug}] node 7: it broke (mend it)"
    assert error.as_dict() == {"slug": kind.slug, "message": "it broke", "place": "node 7", "remedy": "mend it"}
    assert str(kind("it broke")) == f"[{kind.slug}] it broke"


def test_slugs_are_unique() -> None:
    slugs = [kind.slug for kind in KINDS if kind is not DeliveryUnknown]
    assert len(set(slugs)) == len(slugs)
    assert DeliveryUnknown.slug == HostLost.slug, "a kind of it, and told apart by who drives a host alone"


def test_a_timeout_is_pythons_too() -> None:
    with pytest.raises(TimeoutError, match="late"):
        raise JobTimeout("late")
    assert not issubclass(InputUnknown, OSError)


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("colour", ["width", "color"], "did you mean 'color'?"),
        ("SEED", ["Prompt", "seed"], "did you mean 'seed'?"),
        ("prmpt", ["Prompt", "seed"], "did you mean 'Prompt'?"),
        ("zebra", ["Prompt", "seed"], "known: Prompt, seed"),
        ("", ["seed"], "known: seed"),
        ("seed", [], ""),
    ],
)
def test_the_nearest_name(name: str, known: list[str], said: str) -> None:
    assert nearest(name, iter(known)) == said


@settings(deadline=None)
@given(st.text(), st.lists(st.text()))
def test_a_proposal_is_always_a_known_name(name: str, known: list[str]) -> None:
    said = nearest(name, known)
    proposed = re.fullmatch(r"did you mean '(.*)'\?", said, re.DOTALL)
    assert proposed is None or proposed[1] in known


LINES = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60)


@given(st.sampled_from([kind for kind in KINDS if PackshotError in kind.__bases__]), LINES, LINES, LINES)
def test_a_report_is_read_as_the_error_it_was(kind: type[PackshotError], message: str, place: str, remedy: str) -> None:
    error = kind(message, place=place, remedy=remedy)
    for text in (error.report(), f"card - {error.report()}", f"{error.report()}\n\nThis error means …"):
        read = read_report(text)
        assert type(read) is kind
        assert read.as_dict() == error.as_dict()


def test_a_report_says_the_node_before_its_own_place() -> None:
    read = read_report(ModelMissing("no file", place="vae folder").report(), 'node 7 "Model"')
    assert read is not None
    assert read.place == 'node 7 "Model", vae folder'


@pytest.mark.parametrize("text", ["", "no report", "[unknown-slug] text", "[7] text", "list index out of range [1]"])
def test_other_text_is_no_report(text: str) -> None:
    assert read_report(text) is None


def test_no_error_holds_the_secrets_of_an_address() -> None:
    address = "https://ann:s3cret@shop.example/a.jpg?w=3&sig=s3cret"
    error = InputUnknown(f"cannot read {address}", place=address, remedy=f"look at {address}")
    for text in (str(error), error.report(), repr(error), str(error.as_dict()), str(error.args)):
        assert "s3cret" not in text
        assert "shop.example/a.jpg?w=3&sig=***" in text
