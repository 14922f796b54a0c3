"""The Python examples of the docs use the face of the package alone; those of pages that need no host run here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from page_examples import PAGES, PageExample, examples_of, foreign_imports, run_examples, write_files

EXAMPLES = [example for page in PAGES for example in examples_of(page)]
WITH_HOST = {example.page for example in EXAMPLES if example.needs_host}
WITHOUT_HOST = [page for page in PAGES if page not in WITH_HOST and any(example.runs for example in examples_of(page))]


def test_the_docs_have_examples() -> None:
    assert len(EXAMPLES) > 5
    fences = sum(page.read_text(encoding="utf-8").count("```python") for page in PAGES)
    assert fences == len(EXAMPLES), "a block that is marked python was not read; see docs/page_examples.py"


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.place for example in EXAMPLES])
def test_it_imports_from_the_face_alone(example: PageExample) -> None:
    foreign = list(foreign_imports(example))
    assert not foreign, f"{example.place}: import it from packshot, or offer it in packshot.__all__: {foreign}"


@pytest.mark.parametrize("page", WITHOUT_HOST, ids=[page.name for page in WITHOUT_HOST])
def test_it_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    run_examples([example for example in examples_of(page) if example.runs])


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_prose_says_so_where_it_names_an_inner_module(page: Path) -> None:
    paragraphs = page.read_text(encoding="utf-8").split("\n\n")
    unmarked = [text for text in paragraphs if re.search(r"`packshot\.\w+\.\w+", text) and "inner module" not in text]
    assert not unmarked, f"use a name of packshot.__all__, or say that it is an inner module: {unmarked}"
