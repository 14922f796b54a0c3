"""Which item a host gets next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from packshot.catalog.runner.backlog import PATIENCE, Backlog
from packshot.errors import ModelMissing, NodeMissing


def lines(*models: str) -> list[tuple[str, str, str]]:
    return [(f"{model}{number}", "", model) for number, model in enumerate(models)]


def drained(backlog: Backlog, *urls: str) -> list[tuple[str, str]]:
    taken = []
    while len(backlog):
        for url in urls:
            item = backlog.take(url)
            if item is not None:
                taken.append((url, item))
    return taken


def test_models_that_alternate_are_made_one_after_the_other():
    backlog = Backlog(lines(*"ABAB"))
    backlog.host_is_live("x", True)
    assert [item for _, item in drained(backlog, "x")] == ["A0", "A2", "B1", "B3"]


def test_two_hosts_take_a_model_each():
    backlog = Backlog(lines(*"ABAB"))
    for url in "xy":
        backlog.host_is_live(url, True)
    assert drained(backlog, "x", "y") == [("x", "A0"), ("y", "B1"), ("x", "A2"), ("y", "B3")]


def test_a_host_that_runs_out_helps_with_the_other_model():
    backlog = Backlog(lines(*"ABBB"))
    for url in "xy":
        backlog.host_is_live(url, True)
    assert drained(backlog, "x", "y") == [("x", "B1"), ("y", "A0"), ("x", "B2"), ("y", "B3")]


def test_no_model_starves():
    backlog = Backlog(lines(*("A" * 5 * PATIENCE), "B"))
    backlog.host_is_live("x", True)
    order = [item for _, item in drained(backlog, "x")]
    assert order.index(f"B{5 * PATIENCE}") == PATIENCE


@given(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=400), st.integers(1, 3))
def test_everything_is_taken_once_and_nothing_waits_for_ever(models, hosts):
    backlog = Backlog(lines(*models))
    urls = [f"h{number}" for number in range(hosts)]
    for url in urls:
        backlog.host_is_live(url, True)
    taken = [item for _, item in drained(backlog, *urls)]
    assert sorted(taken) == sorted(item for item, _, _ in lines(*models))
    kinds = len(set(models))
    for model in set(models):
        at = [place for place, item in enumerate(taken) if item[0] == model]
        gaps = [after - before for before, after in zip([-1, *at], at, strict=False)]
        assert max(gaps) <= PATIENCE + kinds


def test_what_was_lost_on_a_host_goes_to_another_one():
    backlog = Backlog([])
    for url in "xy":
        backlog.host_is_live(url, True)
    backlog.put_back("item", "", "A", avoid="x")
    assert backlog.take("x") is None
    assert backlog.take("y") == "item"
    backlog.put_back("item", "", "A", avoid="x")
    backlog.host_is_live("y", False)
    assert backlog.take("x") == "item", "there is no other host"


def test_a_host_that_cannot_run_a_workflow_leaves_it_to_others():
    backlog = Backlog([("a", "one", ""), ("b", "two", "")])
    for url in "xy":
        backlog.host_is_live(url, True)
    refusal = NodeMissing("no such node")
    backlog.refuse("x", "one", "", refusal)
    assert backlog.take("x") == "b"
    assert backlog.take("x") is None
    assert backlog.stuck("xy") is None
    assert backlog.stuck("x") is refusal
    backlog.refuse("y", "one", "", refusal)
    assert backlog.stuck("xy") is refusal
    assert backlog.stuck("") is None, "there is no host to say so"


def test_what_no_host_can_make_keeps_nothing_else_from_being_made():
    backlog = Backlog([("a", "one", "A"), ("b", "one", "B")])
    backlog.host_is_live("x", True)
    refusal = ModelMissing("no such file")
    backlog.refuse("x", "one", "A", refusal)
    assert backlog.stuck("x") is None
    assert backlog.take("x") == "b", "the same workflow with other weights"
    assert backlog.stuck("x") is refusal


def test_what_failed_on_the_only_host_is_made_there_after_all_else():
    backlog = Backlog([("b", "", ""), ("c", "", "")])
    backlog.host_is_live("x", True)
    backlog.put_back("a", "", "", avoid="x")
    assert [backlog.take("x") for _ in range(4)] == ["b", "c", "a", None]


def test_what_hosts_were_lost_with_comes_last_and_where_risks_are_taken_first():
    backlog = Backlog([("a", "", ""), ("b", "", ""), ("c", "", "")], suspects={"a"})
    backlog.host_is_live("x", True)
    assert backlog.take("x") == "b"
    assert backlog.take("x", risky=True) == "a"
    backlog.put_back("a", "", "", avoid="x", suspect=True)
    assert [backlog.take("x") for _ in range(3)] == ["c", "a", None]


def test_what_hosts_were_lost_with_goes_to_another_host_if_there_is_one():
    backlog = Backlog([])
    for url in "xy":
        backlog.host_is_live(url, True)
    backlog.put_back("a", "", "", avoid="x", suspect=True)
    assert backlog.take("x", risky=True) is None
    assert backlog.take("x") is None
    assert backlog.take("y") == "a"
