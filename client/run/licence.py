"""What the licences of models, workflows and files say to a profile, before anything is run."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputInvalid, nearest
from ..models.cards import card_ids
from ..models.licensing.licences import Decision, Profile, judge
from ..models.licensing.parts import origin_of_file, parts_of_files
from ..workflow import Workflow
from ..workflow.canvas.convert import is_model_file
from ..workflow.versions import library
from .policy import RunPolicy
from .weights import Weights, judge_weights, weights_of_graph


def judge_licence(*subjects: str, profile: Profile | Path | str | None = None) -> Decision:
    """Say whether models may be used as a licence profile says, with which duties, or why not. Not legal advice.

    Several subjects are judged together: one refusal refuses. A workflow is judged by what its file names.

    Args:
        subjects: ids of model cards, workflows by name or file, and files of weights.
        profile: or its file; by default the user's own.

    Raises:
        InputInvalid: a subject is none of these, or the user's profile cannot be read.
        WorkflowInvalid, ModelCorrupt: a file cannot be read.
    """
    stated = RunPolicy.of(profile=profile).profile
    return Decision.of_all(_judge(subject, stated) for subject in subjects)


def _judge(subject: str, profile: Profile) -> Decision:
    """One card, file of weights, or workflow."""
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
