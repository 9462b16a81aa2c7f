# SPDX-License-Identifier: Apache-2.0
"""RFC 5471's plan by its section numbers, and what docs/rfc5471.md says of where each is tested.

Neighbours: test_plan.py (compares the two with the tests that there are).
"""
import ast
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[2]
DOCUMENT = ROOT / "docs" / "rfc5471.md"

# Every section that describes a test; 3.7.1 is the preparation of those that follow it.
SECTIONS = """
3.1.1 3.2.1 3.2.2 3.2.3 3.2.4 3.2.5.1 3.2.5.2 3.2.5.3 3.2.5.4 3.2.5.5 3.3.1 3.3.2 3.3.3
3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 3.5.1 3.5.2 3.5.3 3.5.4 3.5.5 3.5.6
3.6.1 3.6.2 3.6.3 3.6.4 3.6.5 3.6.6 3.6.7 3.6.8.1 3.6.8.2 3.6.8.3.1 3.6.8.3.2
3.7.1 3.7.2 3.7.3 3.7.4 3.7.5 3.7.6 3.7.7
""".split()


@dataclass(frozen=True)
class Row:
    rfc: str                # "5471"
    section: str
    text: str
    tests: tuple            # names, or (path, name) of a test elsewhere


def tests_here(folder=FOLDER):
    """{name: docstring} of every test in the folder."""
    found = {}
    for path in sorted(folder.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert node.name not in found, f"two tests are called {node.name}"
                found[node.name] = " ".join((ast.get_docstring(node) or "").split())
    return found


def rows(text):
    """The tables under headings '## RFC NNNN': | section | what | tests, in backquotes |."""
    rfc, found = None, []
    for line in text.splitlines():
        if line.startswith("## "):
            heading = re.match(r"## RFC (\d+)", line)
            rfc = heading and heading[1]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if rfc and line.startswith("|") and len(cells) == 3 and re.match(r"[\d.]+$", cells[0]):
            found.append(Row(rfc, cells[0], cells[1], tuple(re.findall(r"`([^`]+)`", cells[2]))))
    return found


def problems(text, tests, sections=SECTIONS, root=ROOT):
    """What is wrong with the document, one sentence each."""
    table = rows(text)
    there = {row.section for row in table if row.rfc == "5471"}
    wrong = [f"section {section} of RFC 5471 is not in the table"
             for section in sections if section not in there]
    for row in table:
        place = f"RFC {row.rfc}, {row.section}"
        if not row.tests:
            wrong.append(f"{place} ({row.text}) names no test")
        for name in row.tests:
            wrong += cited(place, name, tests, root)
    named = {name for row in table for name in row.tests}
    return wrong + [f"{name} stands in no table" for name in tests if name not in named]


def cited(place, name, tests, root):
    if "/" in name:
        path, _, function = name.partition("::")
        if not function or not (root / path).is_file() \
                or function not in (root / path).read_text():
            return [f"{place} names {name}, which is not there"]
        return []
    if name not in tests:
        return [f"{place} names {name}, which is not there"]
    if not says(tests[name], place):
        return [f"{name} does not say that it is for {place}"]
    return []


def says(docstring, place):
    """Whether "RFC 5471, 3.2.1, 3.2.2 (RFC 7011, 8.1)" speaks of the place."""
    rfc, section = place.removeprefix("RFC ").split(", ")
    for number, sections in re.findall(r"RFC (\d+), ((?:\d+(?:\.\d+)*(?:, )?)+)", docstring):
        if number == rfc and section in sections.strip(", ").split(", "):
            return True
    return False
