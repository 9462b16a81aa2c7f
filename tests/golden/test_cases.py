# SPDX-License-Identifier: Apache-2.0
"""Runs every golden case: weir's records and accounts against what the crafting script said.

Each case is also run by the slow meter, where that knows the subject, so that the script's own
arithmetic is checked by a second hand; and by two and three workers, which must agree.
"""
import pathlib
import re

import pytest

import cases  # noqa: F401  (fills CASES)
import compare
import slow_meter
from case import CASES
from runner import ROOT, meter

ROWS = {
    "key": "key", "other keys": "other-keys", "VLAN": "vlan", "interfaces": "interfaces",
    "MPLS, PPPoE": "link", "tunnels": "tunnels", "octetDeltaCount": "octets",
    "offload super-frames": "super-frames", "snaplen": "snaplen", "fragments": "fragments",
    "IPv6 extension headers": "extension-headers", "ICMP": "icmp", "SCTP, DCCP, UDP-Lite": "ports",
    "start and end": "start-and-end", "idle and active timeout": "idle", "emission": "emission",
    "TCP end": "tcp-end", "end of a file": "end-of-file", "eviction": "eviction",
    "direction": "direction", "counters": "counters", "non-key fields": "non-key-fields",
    "own export": None,                 # live only: tests/net/test_live.py
    "filter": "filter", "default timeouts": "defaults",
}
TIMERS = {"-d": "idle", "-t": "active", "--tcp-linger": "linger"}
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def runs():
    """A case whose bound is divided among workers runs with one only."""
    return [pytest.param(case, workers, id="%s-%d" % (case, workers))
            for case in CASES for workers in (1, 2, 3) if workers == 1 or case.workers]


def verify(case, run):
    records = run.records
    if case.expected or not case.checks:
        assert not (wrong := compare.differences(case.expected, records)), explain(case, wrong, run)
    for check in case.checks:
        check(records, run)
    fates = run.stats["packets"]
    counted = {name: fates.get(name, 0) for name in case.packets}
    assert counted == case.packets, explain(case, [], run)
    assert not (wrong := compare.unbalanced(run.stats)), explain(case, wrong, run)
    assert not (wrong := compare.unaccounted(run.stats, records)), explain(case, wrong, run)
    assert fates["seen"] == case.packets.get("seen", len(case.frames))


def explain(case, wrong, run):
    return "\n".join([case.why, *wrong, str(run), run.output.decode()])


@pytest.mark.parametrize("case, workers", runs())
def test_case(case, workers, tmp_path):
    file = tmp_path / (case.name + ".pcap")
    file.write_bytes(case.capture())
    verify(case, meter(file, *(("-j", workers) if workers > 1 else ()), *case.arguments))


def timers(arguments):
    """The slow meter's settings from weir's arguments; what it does not know is an error."""
    settings, words = {}, iter(arguments)
    for word in words:
        if word in TIMERS:
            value = next(words)
            number, unit = re.fullmatch(r"([0-9.]*)(s|m|h|off|)", value).groups()
            settings[TIMERS[word]] = None if unit == "off" else float(number) * UNITS[unit]
        elif word == "--direction":
            settings["direction"] = next(words)
        else:
            assert word in ("--fields", "--snaplen"), "mark the case with slow=False: %s" % word
            next(words)
    return settings


@pytest.mark.parametrize("case", [case for case in CASES if case.slow], ids=str)
def test_slow_meter_agrees(case):
    records, fates = slow_meter.run(case.frames, link=case.link, **timers(case.arguments))
    known = [{name: value for name, value in want.items() if records and name in union(records)
              or value is None} for want in case.expected]
    assert not compare.differences(known, records), case.why
    assert {name: fates.get(name, 0) for name in case.packets if name != "seen"} == {
        name: count for name, count in case.packets.items() if name != "seen"}


def union(records):
    return {name for record in records for name in record}


def test_every_row_has_a_case():
    """The rows of the table in docs/semantics.md, or of the list above while that is not there."""
    rows = list(ROWS)
    page = ROOT / "docs" / "semantics.md"
    if page.exists():
        table = re.search(r"^\| *question *\|.*\n\|[-| :]+\n((?:\|.*\n)+)", page.read_text(), re.M)
        rows = re.findall(r"^\| *([^|]+?) *\|", table.group(1), re.M)
    proven = {case.row for case in CASES}
    for row in rows:
        name = next((ROWS[start] for start in ROWS if row.startswith(start)), row)
        assert name is None or name in proven, "no golden case for the row %r" % row


def test_cases_say_why():
    assert len({str(case) for case in CASES}) == len(CASES)
    assert all(len(case.why) > 15 for case in CASES)
    folder = pathlib.Path(cases.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == {
        name for name in vars(cases) if not name.startswith("_")}
