"""The rules of the house that a tool can hold: floors, circles, folders, declared packages, names.

Each message says what to do. What cannot be mended at once is a ratchet: a list or a count that may only shrink.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from typing import Any

import pytest
from source_modules import NODES_MAY_READ, ROOT, SourceModule, product_modules, room_imports, third_party

MODULES = product_modules()
CLIENT = [module for module in MODULES.values() if module.name.split(".")[0] == "client"]
NODES = [module for module in MODULES.values() if module.name.split(".")[0] == "nodes"]

MOST_FILES = 16
# Only ComfyUI has these, or they need a GPU: the client runs without.
HOST_ONLY = {"torch", "comfy", "comfy_api", "comfy_execution", "folder_paths", "nodes", "server"}

# Names that say nothing of what they hold, and how often each package still binds one.
VAGUE_NAMES = {
    "each",
    "every",
    "found",
    "given",
    "here",
    "kept",
    "known",
    "made",
    "named",
    "one",
    "own",
    "said",
    "some",
    "there",
    "told",
    "wanted",
}
VAGUE_CEILINGS = {"client": 510, "nodes": 145}
CEILING_SLACK = 10
# Public classes that still share their name with another one.
DOUBLED_CLASSES = [
    "Change",
    "Entry",
    "Finding",
    "Item",
    "Latent",
    "Layout",
    "Look",
    "Match",
    "Outcome",
    "Output",
    "Part",
    "Phase",
    "Picture",
    "Placement",
    "Plan",
    "Preview",
    "Report",
    "Row",
    "Rule",
    "Source",
    "Statement",
    "Tensor",
    "Variant",
    "Weights",
    "Written",
]


def arrows(modules: list[SourceModule]) -> Iterator[tuple[SourceModule, SourceModule]]:
    for module in modules:
        for name in sorted(module.imports):
            yield module, MODULES[name]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    tomllib = pytest.importorskip("tomllib", reason="tomllib is in Python 3.11 and newer")
    loaded: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return loaded


def test_every_room_of_the_client_has_a_floor() -> None:
    homeless = sorted({module.room for module in CLIENT if module.room and module.floor is None})
    assert not homeless, f"give {homeless} a floor: FLOORS in docs/source_modules.py, and the tables of the docs"


def test_the_client_imports_downwards_only() -> None:
    upward = [
        f"{module.name} (floor {module.floor}) imports {target.name} (floor {target.floor})"
        for module, target in arrows(CLIENT)
        if module.floor is not None and (target.floor is None or target.floor > module.floor)
    ]
    assert not upward, f"move what is shared to the lower floor, or hand it in as an argument: {upward}"


def test_nodes_import_the_domain_and_two_readers_only() -> None:
    stray = [
        f"{module.name} imports {target.name}"
        for module, target in arrows(NODES)
        if target in CLIENT and target.name not in NODES_MAY_READ and target.floor not in (0, 1)
    ]
    assert not stray, f"nodes may import floors 0 and 1 of client/, and {NODES_MAY_READ}: {stray}"


def test_the_client_does_not_import_the_nodes_and_the_root_only_their_extension() -> None:
    assert not [f"{module.name} imports {target.name}" for module, target in arrows(CLIENT) if target in NODES]
    assert MODULES[""].imports == {"nodes.extension"}, "keep the root __init__.py to the door for ComfyUI"


@pytest.mark.parametrize("package", ["client", "nodes"])
def test_the_product_is_imported_relatively(package: str) -> None:
    named = [m.name for m in MODULES.values() if m.name.startswith(package) and "packshot" in m.absolute_imports]
    assert not named, f"import with leading dots: inside ComfyUI the package has no fixed name: {named}"


def test_neither_modules_nor_rooms_are_in_a_circle() -> None:
    """Imports inside functions count, and those that only a type checker makes."""
    for graph in ({name: module.imports - {name} for name, module in MODULES.items()}, room_imports()):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(f"move what both need to a module of its own, on a lower floor: {' <- '.join(error.args[1])}")


def test_the_client_needs_neither_torch_nor_comfyui() -> None:
    heavy = {module.name: sorted(module.absolute_imports & HOST_ONLY) for module in CLIENT}
    assert not {name: names for name, names in heavy.items() if names}, "move this to nodes/"


def test_no_folder_holds_more_files_than_a_reader_takes_in() -> None:
    files = Counter[str]()
    for folder in ("client", "nodes", "tests", "web"):
        paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".js", ".mjs"}]
        files.update(str(path.parent.relative_to(ROOT)) for path in paths)
    full = {folder: count for folder, count in files.items() if count > MOST_FILES}
    assert not full, f"at most {MOST_FILES} modules a folder; make a folder of those that belong together: {full}"


def test_the_list_of_packages_is_whole(project: dict[str, Any]) -> None:
    folders = [path.parent.relative_to(ROOT / "client").parts for path in (ROOT / "client").rglob("__init__.py")]
    packages = {".".join(("packshot", *parts)) for parts in folders} | {"packshot.workflows", "packshot.examples"}
    listed = project["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    missing, extra = sorted(packages - set(listed)), sorted(set(listed) - packages)
    assert not missing, f"add to tool.setuptools.packages in pyproject.toml, or the wheel lacks it: {missing}"
    assert not extra, f"remove from tool.setuptools.packages in pyproject.toml: {extra}"


def test_what_the_client_imports_is_declared(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    lists = [project["project"]["dependencies"], *(extras[name] for name in extras if name != "dev")]
    declared = {normal(re.split(r"[\[<>=~!; ]", requirement)[0]) for names in lists for requirement in names}
    distributions = packages_distributions()
    undeclared = {
        f"{module.name}: {package}"
        for module in CLIENT
        for package in third_party(module)
        if not declared & {normal(name) for name in distributions.get(package, [package])}
    }
    assert not undeclared, f"declare it in pyproject.toml, as a dependency or in an extra: {sorted(undeclared)}"


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_node_ids_in_the_client_exist() -> None:
    extension = MODULES["nodes.extension"].tree
    lists = [node for node in ast.walk(extension) if isinstance(node, ast.List)]
    registered = {ast.unparse(name) for names in lists for name in names.elts}
    schemas = {
        ast.literal_eval(keyword.value): cls.name
        for module in NODES
        for cls in module.tree.body
        if isinstance(cls, ast.ClassDef)
        for call in ast.walk(cls)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "io.Schema"
        for keyword in call.keywords
        if keyword.arg == "node_id"
    }
    assert set(schemas.values()) == registered, "register every node in nodes/extension.py"
    assert all(node_id == name for node_id, name in schemas.items()), "name the class of a node as its id"
    spelt = {
        (module.name, node.value)
        for module in CLIENT
        if module.room  # the face names PackshotError
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and re.fullmatch(r"Packshot[A-Z]\w*", str(node.value))
    }
    assert len(spelt) > 10
    unknown = sorted(place for place in spelt if place[1] not in schemas)
    assert not unknown, f"no node has this id; correct it here or in the node's schema: {unknown}"


def test_the_list_of_doubled_class_names_only_shrinks() -> None:
    homes = defaultdict[str, list[str]](list)
    for module in [*CLIENT, *NODES]:
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module.name)
    doubled = {name: modules for name, modules in homes.items() if len(modules) > 1}
    fresh = {name: modules for name, modules in doubled.items() if name not in DOUBLED_CLASSES}
    assert not fresh, f"name the new class by what sets it apart, as LoRATensor does from Tensor: {fresh}"
    gone = [name for name in DOUBLED_CLASSES if name not in doubled]
    assert not gone, f"no longer doubled, good: take it out of DOUBLED_CLASSES: {gone}"
    assert sorted(DOUBLED_CLASSES) == DOUBLED_CLASSES


@pytest.mark.parametrize(("package", "modules"), [("client", CLIENT), ("nodes", NODES)], ids=["client", "nodes"])
def test_the_count_of_vague_names_only_sinks(package: str, modules: list[SourceModule]) -> None:
    places = [f"{module.name}:{line} {name}" for module in modules for name, line in bound_names(module)]
    vague = [place for place in places if place.split()[-1] in VAGUE_NAMES]
    ceiling = VAGUE_CEILINGS[package]
    assert len(vague) <= ceiling, (
        f"{len(vague)} vague names in {package}/, the ceiling is {ceiling}: name what you added by the thing that it "
        f"holds (`lora`, not `one`); see which with `git diff`. None of these words is a name: {sorted(VAGUE_NAMES)}"
    )
    assert len(vague) >= ceiling - CEILING_SLACK, f"fewer, good: set VAGUE_CEILINGS[{package!r}] to {len(vague)}"


def bound_names(module: SourceModule) -> Iterator[tuple[str, int]]:
    """Yield each name that is assigned, looped over, unpacked, imported by ``with``, or a parameter, and its line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
