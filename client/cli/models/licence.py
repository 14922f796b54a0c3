"""``packshot models licence``: what the licences of a model, a workflow or a file say to the user's profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..common import JsonOption, ProfileOption, say

if TYPE_CHECKING:
    from ...models.licensing.licences import Decision, Profile, Reason


def licence(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="CARD|WORKFLOW|FILE…", help="Ids of models, workflows by name or file, files of weights."
        ),
    ],
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether models may be used as your licence profile says, with which duties, or why not. Not legal advice.

    Several are judged together: one refusal refuses. A workflow is judged by what its file names; a catalogue run
    judges it again with all that it really loads. Exits with 2 when the answer is no.
    """
    from ...models.licensing.licences import Decision, load_profile

    stated = load_profile(profile)
    decision = Decision.of_all(_judge(subject, stated) for subject in subjects)
    if as_json:
        typer.echo(json.dumps(decision.as_dict(), ensure_ascii=False))
    else:
        _show(decision)
    if decision.decision == "refuse":
        raise typer.Exit(2)


def _judge(subject: str, profile: Profile) -> Decision:
    """One card, file of weights, or workflow."""
    from ...errors import InputInvalid, nearest
    from ...models.cards import card_ids
    from ...models.licensing.licences import judge
    from ...models.licensing.parts import origin_of_file, parts_of_files
    from ...run.weights import Weights, judge_weights, weights_of_graph
    from ...workflow import Workflow
    from ...workflow.canvas.convert import is_model_file
    from ...workflow.versions import library

    if subject in card_ids():
        return judge_weights(Weights(frozenset(), frozenset({subject})), profile)
    if is_model_file(subject):
        path = Path(subject)
        if path.is_file():
            return judge(parts_of_files([subject], [], profile, lambda _: origin_of_file(path)), profile)
        return judge_weights(Weights(frozenset({subject}), frozenset()), profile)
    if not subject.endswith(".json") and not Path(subject).is_file() and subject.partition("@")[0] not in library():
        raise InputInvalid(
            f"'{subject}' is no model, no workflow and no file of weights",
            remedy=nearest(subject, [*card_ids(), *library()]),
        )
    return judge_weights(weights_of_graph(Workflow.load(subject).graph), profile)


def _limits(decision: Decision) -> list[Reason]:
    """The clauses that would refuse another profile."""
    return [reason for reason in decision.grounds if reason.changes_if.startswith("refused ")]


def _show(decision: Decision) -> None:
    """The answer for people: what is refused and why, the duties, and where each licence is known from."""
    from ...models.licensing.licences import NOTICE

    typer.echo(decision.decision)
    for one in decision.parts:
        typer.echo(f"  {one.decision:7} {one.part.name}  {one.part.licence}  ({one.part.basis})")
    for reason in decision.reasons:
        typer.echo(f"refused  {reason.component}: {reason.clause} [{reason.licence}, {reason.citation}]")
        typer.echo(f"         → {reason.changes_if}")
    for duty in decision.duties:
        typer.echo(f"duty     {duty}")
    if decision.decision != "refuse":
        for line in dict.fromkeys(f"{one.changes_if} [{one.licence}, {one.citation}]" for one in _limits(decision)):
            typer.echo(f"limit    {line}")
    for duty in decision.when_distributing:
        typer.echo(f"if you pass on the weights: {duty}")
    say(NOTICE)
