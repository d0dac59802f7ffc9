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
    body = [n for n in tree.body if not (isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test))]
    for top in body:
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


FORBIDDEN = {  # a package, and those of ours that it must not import
    "gradcheck_plugin.model": "oracles submission checks search suite diagnosis report",
    "gradcheck_plugin.oracles": "submission checks search suite diagnosis report",
    "gradcheck_plugin.submission": "checks search suite diagnosis report",
    "gradcheck_plugin.checks": "search suite diagnosis report",
    "gradcheck_plugin.search": "suite diagnosis report plugin cli",
    "gradcheck_plugin.diagnosis": "report plugin cli api",
    "gradcheck_plugin.report": "oracles submission checks search suite diagnosis",
}


@pytest.mark.parametrize("owner", FORBIDDEN)
def test_arrows_point_one_way(owner: str) -> None:
    mine = [p for p in FILES if name_of(p) == owner or name_of(p).startswith(owner + ".")]
    assert mine
    forbidden = [f"gradcheck_plugin.{n}" for n in FORBIDDEN[owner].split()]
    assert [(name_of(p), f) for p in mine for f in forbidden if knows(p, f)] == []


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
