"""A table of requests and what the licences must say to them, over the shipped cards and licences."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from packshot.models.cards import card_ids
from packshot.models.detect.findings import CARDS
from packshot.models.licensing.licences import judge, licence_ids, load_licence
from packshot.models.licensing.parts import AS_NAMED, Origin, parts_of_files
from packshot.models.licensing.profile import Profile
from packshot.workflow.canvas.convert import is_model_file
from support.places import DATA

TABLE = yaml.safe_load((DATA / "licence_requests.yaml").read_text(encoding="utf-8"))

REQUESTS: list[dict[str, Any]] = TABLE["requests"]


def test_the_table_is_large_and_asks_for_every_card() -> None:
    assert len(REQUESTS) >= 80
    asked = {subject for request in REQUESTS for subject in request["ask"] if not is_model_file(subject)}
    assert asked == set(card_ids())


@pytest.mark.parametrize(
    "request_", REQUESTS, ids=lambda request: f"{'+'.join(request['ask'])}-{request['as']}-{request.get('with', '')}"
)
def test_the_answer(request_: dict[str, Any]) -> None:
    profile = Profile.model_validate({**TABLE["profiles"][request_["as"]], **request_.get("with", {})})
    known = {
        name: Origin(CARDS[found["base"]], not found.get("whole", False), found.get("licence", ""))
        for name, found in request_.get("made_from", {}).items()
    }
    files = [subject for subject in request_["ask"] if is_model_file(subject)]
    cards = [subject for subject in request_["ask"] if not is_model_file(subject)]
    decision = judge(parts_of_files(files, cards, profile, lambda name: known.get(name, AS_NAMED)), profile)
    refused = {f"{reason.licence}/{reason.clause_id}" for reason in decision.reasons}
    assert (decision.decision, refused) == (request_["decision"], set(request_.get("because", ())))
    for reason in decision.reasons:
        assert reason.changes_if
        assert reason.citation
    # Whatever the answer, it says which clauses it rests on, where they stand and what would change it.
    for said in decision.as_dict()["reasons"]:
        assert all(said[field] for field in ("component", "clause", "citation", "changes_if")), said
    assert bool(decision.as_dict()["reasons"]) == any(
        load_licence(part.part.licence if part.part.licence in licence_ids() else "unknown").clauses
        for part in decision.parts
    )
    for wanted in request_.get("duties", ()):
        assert any(wanted in duty for duty in decision.duties), decision.duties
    assert len(set(decision.duties)) == len(decision.duties)
