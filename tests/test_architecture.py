"""The arrows of the house: who may import whom, and who knows pytest, hypothesis and torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gradcheck_plugin
import reference_impls

ROOTS = [Path(p.__file__ or "").parent for p in (gradcheck_plugin, reference_impls)]
FILES = [p for root in ROOTS for p in sorted(root.rglob("*.py")) if "demo" not in p.parts]


def name_of(path: Path) -> str:
    root = next(r for r in ROOTS if path.is_relative_to(r))
    return ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, *, module_level: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typed = [n for n in tree.body if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    for top in (n for n in tree.body if not (module_level and n in typed)):
        for node in [top] if module_level else ast.walk(top):
            if isinstance(node, ast.Import):
                yield from (a.name for a in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{a.name}" for a in node.names)


def knows(path: Path, package: str, **options: bool) -> bool:
    return any(name == package or name.startswith(package + ".") for name in imports(path, **options))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_who_knows_what(path: Path) -> None:
    name = name_of(path)
    if name != "gradcheck_plugin.plugin":
        assert not knows(path, "pytest")
    if name != "gradcheck_plugin.search":
        assert not knows(path, "hypothesis")
    assert not knows(path, "torch", module_level=True)
    if name.startswith("reference_impls"):
        assert not knows(path, "gradcheck_plugin")


ARROWS = {  # a package or module of the plugin, and those below it that it may import; all know reference_impls
    "model": "",
    "sizes": "",
    "names": "",
    "author": "model names",
    "running": "author model",
    "loading": "running",
    "faults": "author loading model names running",
    "objects": "author loading model names running",
    "conventions": "author model names objects oracles running sizes",
    "subject": "conventions model running",
    "oracles": "model",
    "judging": "conventions model objects oracles running sizes subject",
    "binding": "author conventions faults judging loading model names objects oracles running sizes subject",
    "plans": "conventions loading model outcome subject",
    "search": "model running sizes subject",
    "cases": "faults judging model running search sizes subject",
    "diagnosis": "binding faults judging model objects oracles running search sizes subject",
    "session": "binding cases conventions faults judging loading model oracles running search subject",
    "checks": "diagnosis judging model oracles running search session sizes subject",
    "runner": "conventions faults loading model plans running subject suite",
    "report": "model",
}
DOORS = {"api", "cli", "plugin", "__main__", ""}  # what these know is their own affair, as long as nothing knows them


def package_of(name: str) -> str:
    return [*name.split("."), ""][1] if name.startswith("gradcheck_plugin") else ""


def ours(path: Path) -> set[str]:
    """The modules of the plugin that one imports, anywhere in it and for its types alone, too."""
    names = {name_of(p) for p in FILES}
    found = {n for n in imports(path) if n in names and n.startswith("gradcheck_plugin.")}
    return {n for n in found if not any(other.startswith(n + ".") for other in found)}


GRAPH = {name_of(p): ours(p) for p in FILES if name_of(p).startswith("gradcheck_plugin.")}


@pytest.mark.parametrize("owner", ARROWS)
def test_arrows_point_one_way(owner: str) -> None:
    mine = [n for n in GRAPH if package_of(n) == owner]
    assert mine
    allowed = {owner, *ARROWS[owner].split()}
    assert [(n, other) for n in mine for other in GRAPH[n] if package_of(other) not in allowed] == []


def test_nothing_knows_the_doors() -> None:
    below = [n for n in GRAPH if package_of(n) not in {*DOORS, "progress", "child", "catalogue"}]
    assert [(n, d) for n in below for d in GRAPH[n] if package_of(d) in DOORS] == []


@pytest.mark.parametrize("of", ["modules", "packages"])
def test_there_is_no_circle(of: str) -> None:
    graph: dict[str, set[str]] = {}
    for name, others in GRAPH.items():
        key = package_of(name) if of == "packages" else name
        graph.setdefault(key, set()).update(package_of(o) if of == "packages" else o for o in others)
    graph = {key: others - {key} for key, others in graph.items()}
    while free := [key for key, others in graph.items() if not others & graph.keys()]:
        graph = {key: others for key, others in graph.items() if key not in free}
    assert graph == {}


def test_every_reference_module_has_one_spec() -> None:
    for path in FILES:
        name = name_of(path)
        if name.count(".") == 2 and name.startswith("reference_impls"):
            text = path.read_text(encoding="utf-8")
            assert ("SPEC = " in text) or ("SPECS = " in text), name


def test_reference_files_fit_on_the_wall() -> None:
    references = [p for p in FILES if name_of(p).startswith("reference_impls.") and name_of(p).count(".") == 2]
    assert references
    assert {name_of(p): n for p in references if (n := len(p.read_text(encoding="utf-8").splitlines())) > 150} == {}
