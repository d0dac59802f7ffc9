"""A pattern for names takes its examples and leaves the names alone that it must not take."""

from __future__ import annotations

import pytest

from gradcheck_plugin.names import arguments, settings, words
from gradcheck_plugin.names.patterns import Pattern

PATTERNS = {n: v for module in (arguments, settings, words) for n, v in vars(module).items() if isinstance(v, Pattern)}


@pytest.mark.parametrize("name", PATTERNS)
def test_the_examples_of_a_pattern(name: str) -> None:
    pattern = PATTERNS[name]
    assert pattern.examples
    assert pattern.others
    assert [n for n in pattern.examples if not pattern.fits(n)] == []
    assert [n for n in pattern.others if pattern.fits(n)] == []


def test_tables_hold_names_in_lower_case_once() -> None:
    tables = {
        n: v
        for module in (arguments, settings)
        for n, v in vars(module).items()
        if n.isupper() and isinstance(v, tuple)
    }
    tables |= {f"OPTION_NAMES[{o}]": names for o, names in settings.OPTION_NAMES.items()}
    assert {n: v for n, v in tables.items() if len(set(v)) < len(v) or any(w != w.lower() for w in v)} == {}
    assert all(name == name.lower() for name in settings.SETTINGS)
