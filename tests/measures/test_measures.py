# SPDX-License-Identifier: Apache-2.0
"""Every measure against its slow twin, on every capture there is.

A module slow_NAME.py here says which fields it knows (FIELDS, both directions by name) and computes
them from the packets of one record: measure(flow) -> {field: value}; None or nothing: absent.
ARGUMENTS, where a module has it, are options of weir's that it takes for granted. Integers and
texts must be equal, floats within 1e-9 relative, and what is absent must be absent.
Neighbours: packets.py (records with their packets), docs/measures.md (the formulas).
"""
import functools
import importlib
import math
from pathlib import Path

import pytest

import packets              # first: it knows where slow_meter is
import slow_meter
from runner import capture_name, captures, meter

HERE = Path(__file__).parent
MODULES = sorted(path.stem for path in HERE.glob("slow_*.py"))
CAPTURES = captures()
TIMERS = {"off": packets.OFF, "default": packets.DEFAULT}
WEIR_TIMERS = {"off": packets.WEIR_OFF, "default": ()}
SHOWN = 12


@functools.lru_cache(maxsize=2)
def flows(capture, timers):
    return packets.flows(capture, TIMERS[timers])


@functools.lru_cache(maxsize=2)
def goes_back_far(capture):
    return slow_meter.goes_back_far(packets.read_capture(capture))


def same(ours, theirs):
    """weir's value and the slow one."""
    if ours is None or theirs is None:
        return ours is theirs
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, float) and isinstance(ours, (int, float)):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=0)
    return type(ours) is type(theirs) and ours == theirs


def differences(module, pairs):
    wrong = []
    for flow, record in pairs:
        expected = module.measure(flow)
        for name in module.FIELDS:
            if not same(record.get(name), expected.get(name)):
                wrong.append("%s of %s: found %r, expected %r" % (
                    name, packets.identity(record)[0][:3], record.get(name), expected.get(name)))
        unknown = set(expected) - set(module.FIELDS)
        assert not unknown, "%s computes what it does not declare: %s" % (module.__name__, unknown)
    return wrong


def run(module, capture, timers):
    return packets.records(capture, module.FIELDS, *WEIR_TIMERS[timers],
                           *getattr(module, "ARGUMENTS", ()))


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("capture", CAPTURES, ids=capture_name)
def test_measure(capture, name):
    module = importlib.import_module(name)
    for timers in TIMERS:
        if timers != "off" and goes_back_far(capture):
            continue
        pairs = packets.pair(flows(capture, timers), run(module, capture, timers))
        wrong = differences(module, pairs)
        assert not wrong, "timers %s: %d values differ\n%s" % (timers, len(wrong),
                                                               "\n".join(wrong[:SHOWN]))


@pytest.mark.parametrize("capture", CAPTURES, ids=capture_name)
def test_every_packet_is_in_a_record(capture):
    """The packets that the measures are computed from are all of them, each once."""
    metered = meter(capture, "-o", "null:").stats["packets"]["metered"]
    for timers in TIMERS:
        seen = [p.number for flow in flows(capture, timers) for p in flow.packets]
        assert len(seen) == len(set(seen)) == metered


def test_a_planted_difference_is_seen():
    assert same(1, 1) and same(0.5, 0.5) and same([1, 0.25], [1, 0.25]) and same(None, None)
    assert same(2, 2.0) and same(1 + 1e-12, 1.0) and same("a", "a")
    for ours, theirs in ((1, 2), (None, 0), (0, None), (1.0 + 1e-8, 1.0), ([1], [1, 2]), ([1], [2]),
                         (1e-30, 0.0), ("1", 1), (True, 1), (1.0, 1), ([], None)):
        assert not same(ours, theirs)


def test_a_wrong_measure_is_seen():
    """A module that is wrong in one value of one record is told so."""
    class Module:
        __name__ = "slow_planted"
        FIELDS = ["octetDeltaCount", "flowEndReason"]

        @staticmethod
        def measure(flow):
            return {"octetDeltaCount": sum(p.ip_bytes for p in flow.packets if p.sender == 0) + 1,
                    "flowEndReason": flow.reason}

    capture = next(path for path in CAPTURES if path.name == "dns.pcap")
    pairs = packets.pair(flows(capture, "default"), run(Module, capture, "default"))
    wrong = differences(Module, pairs)
    assert len(wrong) == len(pairs) and all("octetDeltaCount" in line for line in wrong)
