# SPDX-License-Identifier: Apache-2.0
"""Comparing answers flow by flow: each kind of difference is counted as what it is, and what has no
cause is wrong."""
from bench_modules import answers

ONE, TWO, INNER = "TCP 192.0.2.1:80 192.0.2.2:1024", "UDP 192.0.2.1:53 192.0.2.2:1025", \
    "UDP 198.51.100.1:53 198.51.100.2:1026"
OUTER = "41 192.0.2.1:0 192.0.2.2:0"


def compare(ours, theirs):
    return answers.compare(ours, {place: list(names) for place, names in theirs.items()})


def test_equal_answers():
    found = compare([(ONE, "HTTP", False), (TWO, "DNS", False), (TWO, "Unknown", False)],
                    {ONE: ["HTTP"], TWO: ["Unknown", "DNS"]})
    assert (found.same, found.compared, found.wrong(), list(found.lines())) == (3, 3, 0, [])


def test_a_cause_for_what_is_known():
    found = compare([(ONE, "FTP_DATA", True), (OUTER, "Unknown", False)],
                    {ONE: ["Unknown"], INNER: ["DNS"]})
    assert found.other == {answers.OF_ANNOUNCED: 1}
    assert (found.compared, found.outer, found.inner, found.wrong()) == (1, 1, 1, 0)
    assert len(list(found.lines())) == 2


def test_another_name_is_wrong():
    for announced, theirs in ((False, "Unknown"), (True, "HTTP")):
        found = compare([(ONE, "FTP_DATA", announced)], {ONE: [theirs]})
        assert found.other == {answers.UNEXPLAINED: 1} and found.wrong() == 1


def test_names_that_cancel_in_sums_are_wrong():
    found = compare([(ONE, "HTTP", False), (TWO, "DNS", False)], {ONE: ["DNS"], TWO: ["HTTP"]})
    assert found.wrong() == 2


def test_flows_of_one_side_are_wrong():
    assert compare([(ONE, "HTTP", False)], {}).wrong() == 1
    assert compare([], {INNER: ["DNS"]}).wrong() == 1
