"""The short versions of the campaigns."""

from __future__ import annotations

from benchmarks.soundness import campaign


def test_right_code_is_never_failed() -> None:
    counts, notes = campaign(400)
    assert counts["samples"] == 400
    assert counts["PASS"] > 1000
    assert [n for n in notes if "FAIL" in n] == []
    assert counts["INCONCLUSIVE"] <= 0.001 * counts["PASS"], notes
