"""Realistic user files in every convention: right ones pass whole, wrong ones fail where and why they are wrong."""

from __future__ import annotations

import pytest
from submission_reports import grouped
from submission_reports import report_from_elsewhere as report
from submissions.expected import RIGHT, WRONG

from gradcheck_plugin.model import Verdict
from reference_impls.spec import RULES


@pytest.mark.parametrize(("file", "name"), grouped((f, n) for f, names in RIGHT.items() for n in names))
def test_right_code_passes(file: str, name: str) -> None:
    mine = [r for r in report("right", file).results if r.target == name]
    assert mine, [n for n in report("right", file).not_driven if n.target == name]
    assert {(r.property, r.verdict, r.reason) for r in mine if r.verdict is not Verdict.PASS} == set()
    gradients = [r for r in mine if r.property not in ("contract", "forward", *RULES)]
    assert gradients or [r.property for r in mine] in [[kind] for kind in RULES]


@pytest.mark.parametrize("file", grouped((f,) for f in RIGHT))
def test_nothing_is_left_out(file: str) -> None:
    assert {r.target for r in report("right", file).results} == set(RIGHT[file])
    assert report("right", file).not_driven == []


@pytest.mark.parametrize(("file", "name"), grouped(WRONG))
def test_wrong_code_fails_by_its_cause(file: str, name: str) -> None:
    property, code = WRONG[file, name]
    failed = {r.property: r.finding for r in report("wrong", file).results if r.target == name and r.finding}
    assert property in failed
    finding = failed[property]
    assert finding is not None
    assert finding.code == code, finding.message


@pytest.mark.parametrize(("file", "name"), grouped(WRONG))
def test_a_wrong_gradient_does_not_take_the_right_ones_along(file: str, name: str) -> None:
    mine = [r for r in report("wrong", file).results if r.target == name]
    blocked = [r for r in mine if r.verdict is Verdict.NOT_JUDGED]
    contract = next((r for r in mine if r.property == "contract"), None)
    assert bool(blocked) <= bool(contract and contract.verdict is Verdict.FAIL)
