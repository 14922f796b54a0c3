from __future__ import annotations

from packshot import Workflow
from packshot.workflow.versions import library


def test_the_library_is_loaded_by_name() -> None:
    assert [workflow.name for workflow in Workflow.library()] == list(library())
