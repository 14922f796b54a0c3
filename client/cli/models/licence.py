"""``packshot models licence``: what the licences of a model, a workflow or a file say to the user's profile."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ...models.licensing.licences import NOTICE, Decision, Reason
from ...run.licence import judge_licence
from ..common import JsonOption, ProfileOption, echo, say


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
    decision = judge_licence(*subjects, profile=profile)
    if as_json:
        echo(json.dumps(decision.as_dict(), ensure_ascii=False))
    else:
        _show(decision)
    if decision.decision == "refuse":
        raise typer.Exit(2)


def _limits(decision: Decision) -> list[Reason]:
    """The clauses that would refuse another profile."""
    return [reason for reason in decision.grounds if reason.changes_if.startswith("refused ")]


def _show(decision: Decision) -> None:
    """The answer for people: what is refused and why, the duties, and where each licence is known from."""
    echo(decision.decision)
    for part in decision.parts:
        echo(f"  {part.decision:7} {part.part.name}  {part.part.licence}  ({part.part.basis})")
    for reason in decision.reasons:
        echo(f"refused  {reason.component}: {reason.clause} [{reason.licence}, {reason.citation}]")
        echo(f"         → {reason.changes_if}")
    for duty in decision.duties:
        echo(f"duty     {duty}")
    if decision.decision != "refuse":
        for line in dict.fromkeys(
            f"{limit.changes_if} [{limit.licence}, {limit.citation}]" for limit in _limits(decision)
        ):
            echo(f"limit    {line}")
    for duty in decision.when_distributing:
        echo(f"if you pass on the weights: {duty}")
    say(NOTICE)
