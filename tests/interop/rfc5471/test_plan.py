# SPDX-License-Identifier: Apache-2.0
"""docs/rfc5471.md names every section of the plan with tests that exist and say so, and every test
of this folder; each check has a twin with a planted fault."""
import pytest

from interop.rfc5471 import plan

OWN = {"test_document_is_whole", "test_fault_in_the_document_is_seen"}


def every_test():
    return {name: text for name, text in plan.tests_here().items() if name not in OWN}


def test_document_is_whole():
    """Nothing is missing."""
    assert plan.problems(plan.DOCUMENT.read_text(), every_test()) == []


TABLE = """
## RFC 5471: the plan
| section | what | tests |
|---|---|---|
| 3.1.1 | connectivity | `test_a` |
| 3.2.1 | types | `test_b`, `docs/x.c::fits` |
"""
HERE = {"test_a": "RFC 5471, 3.1.1: it connects", "test_b": "RFC 7011, 8.1 (RFC 5471, 3.2, 3.2.1)"}


@pytest.mark.parametrize("old, new, tests_too, fault", [
    ("", "", {}, None),
    ("| 3.2.1 |", "| 3.2 |", {}, "section 3.2.1 of RFC 5471 is not in the table"),
    ("`test_a`", "", {}, "RFC 5471, 3.1.1 (connectivity) names no test"),
    ("`test_a`", "`test_c`", {}, "RFC 5471, 3.1.1 names test_c, which is not there"),
    ("x.c", "y.c", {}, "RFC 5471, 3.2.1 names docs/y.c::fits, which is not there"),
    ("fits", "fails", {}, "RFC 5471, 3.2.1 names docs/x.c::fails, which is not there"),
    ("", "", {"test_c": "RFC 5471, 3.1.1: more"}, "test_c stands in no table"),
    ("", "", {"test_a": "RFC 5471, 3.1: it connects"},
     "test_a does not say that it is for RFC 5471, 3.1.1"),
    ("", "", {"test_a": "RFC 7011, 3.1.1"}, "test_a does not say that it is for RFC 5471, 3.1.1"),
])
def test_fault_in_the_document_is_seen(tmp_path, old, new, tests_too, fault):
    """Twins of the check above."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "x.c").write_text("fits")
    found = plan.problems(TABLE.replace(old, new, 1), {**HERE, **tests_too}, ["3.1.1", "3.2.1"],
                          tmp_path)
    assert found[:1] == ([fault] if fault else [])
