# SPDX-License-Identifier: Apache-2.0
"""The data set: `weir meter --fields all -o csv:` has one header, one row a record, as many values
as columns in each, and no number that is none."""
import csv
import io
import math
import re

import pytest

import packets  # noqa: F401  (the path to golden/)
from runner import ROOT, capture_name, captures, weir

CAPTURES = captures()


def table(capture, *arguments):
    run = weir("meter", "-r", capture, "--fields", "all", "-o", "csv:-", *arguments)
    return list(csv.reader(io.StringIO(run.output.decode(), newline="")))


def strays(rows):
    """What is wrong with a table: rows of another width, repeated names, words for no number."""
    header, *records = rows
    wrong = ["column %s twice" % name for name in {n for n in header if header.count(n) > 1}]
    for number, row in enumerate(records, 2):
        if len(row) != len(header):
            wrong.append("line %d has %d values for %d columns" % (number, len(row), len(header)))
        if row == header:
            wrong.append("line %d is the header again" % number)
        for name, value in zip(header, row):
            if is_no_number(value):
                wrong.append("line %d: %s is %s" % (number, name, value))
    return wrong


def is_no_number(value):
    """NaN or infinity in any spelling, alone or in a list."""
    for word in re.split(r"[\[\], ]+", value):
        if re.fullmatch(r"[+-]?(nan|inf|infinity)(\(.*\))?", word, re.I):
            return True
        if re.fullmatch(r"[+-]?[0-9.]+e[+-]?[0-9]+", word, re.I) and not math.isfinite(float(word)):
            return True
    return False


@pytest.mark.parametrize("capture", CAPTURES, ids=capture_name)
def test_data_set(capture):
    rows = table(capture)
    assert not strays(rows)
    records = weir("meter", "-r", capture, "-o", "json:-").records
    assert len(rows) - 1 == len(records)


def test_columns_are_the_same_for_every_capture():
    """So the rows of many captures are one table."""
    headers = {tuple(table(path)[0]) for path in CAPTURES[:8]}
    assert len(headers) == 1
    assert len(next(iter(headers))) > 150


def test_every_measured_column_is_documented():
    """Each column that a measure gives is in docs/measures.md by its name or its reverse's."""
    page = (ROOT / "docs" / "measures.md").read_text()
    module_fields = {name for path in sorted((ROOT / "tests/measures").glob("slow_*.py"))
                     for name in getattr(__import__(path.stem), "FIELDS")}
    columns = set(table(CAPTURES[0])[0])
    missing = [name for name in sorted(module_fields & columns)
               if not any(form in page for form in forms(name))]
    base = set(__import__("slow_base").FIELDS)
    assert not [name for name in missing if name not in base]


def forms(name):
    yield "`%s`" % name
    if name.startswith("reverse"):
        stem = name[len("reverse"):]
        yield "`%s`" % stem
        yield "`%s`" % (stem[0].lower() + stem[1:])


def test_planted_faults_are_seen():
    good = [["a", "b"], ["1", ""], ["2.5", "[1,2]"]]
    assert not strays(good)
    assert strays([*good, ["1"]]) and strays([["a", "a"], ["1", "2"]]) and strays([*good, good[0]])
    for value in ("nan", "NaN", "-inf", "Infinity", "-nan(0x1)", "[1,nan]", "1e999"):
        assert strays([*good, ["1", value]]), value
    for value in ("", "0", "info", "nanny", "1e10", "[]", "-1"):
        assert not strays([*good, ["1", value]]), value
