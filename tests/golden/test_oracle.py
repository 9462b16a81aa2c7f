# SPDX-License-Identifier: Apache-2.0
"""Every capture we have: weir against tshark's per-packet fields, and against itself where only a
setting differs that must change no sum or no record.

With timers off there is one record for each key, with packets and IP octets each way, first and
last time, and the source that sent the first packet. tests/golden/tshark.py makes the same from
tshark.
"""
import functools

import pytest

import compare
import craft
import slow_meter
import tshark
from runner import DATA, capture_name, captures, meter

OFF = ("-d", "off", "-t", "off", "--tcp-linger", "off", "--direction", "first")
CAPTURES = captures()
SLOW_LINKS = (1, 101, 113)

every_capture = pytest.mark.parametrize("capture", CAPTURES, ids=capture_name)


@functools.lru_cache(maxsize=None)
def oracle(capture):
    return tshark.Oracle(capture)


@functools.lru_cache(maxsize=None)
def whole(capture):
    return meter(capture, *OFF)


def flows_of(records):
    """Records of a run without timers, as the oracle has flows."""
    flows = {}
    for record in records:
        key, swapped = compare.end_points(record)
        assert key not in flows, "two records of one key: %s" % (key,)
        totals = compare.sums_by_key([record])[key]
        flows[key] = tshark.Flow(totals, record["flowStartMicroseconds"],
                                 record["flowEndMicroseconds"],
                                 (compare.either(record, "source"), record["sourceTransportPort"]))
    return flows


def in_microseconds(flows):
    return {key: flow._replace(first=flow.first // 1000, last=flow.last // 1000)
            for key, flow in flows.items()}


@every_capture
def test_exact(capture):
    expected, run = oracle(capture), whole(capture)
    wrong = compare.sum_differences(in_microseconds(expected.flows), flows_of(run.records))
    assert not wrong, "\n".join(wrong)
    assert not compare.unbalanced(run.stats)
    assert not compare.unaccounted(run.stats, run.records)
    assert run.stats["packets"]["seen"] == expected.packets
    assert run.stats["packets"]["metered"] == expected.metered
    assert run.stats["octets"]["seen"] == expected.octets


@every_capture
def test_timers_change_no_sum(capture):
    sums = compare.sums_by_key(whole(capture).records)
    for settings in ((), ("-d", "1", "-t", "3", "--tcp-linger", "0"),
                     ("-d", "100ms", "-t", "500ms")):
        run = meter(capture, *settings)
        wrong = compare.sum_differences(sums, compare.sums_by_key(run.records))
        assert not wrong, "%s\n%s" % (run, "\n".join(wrong))
        assert not compare.unbalanced(run.stats)


@every_capture
def test_workers_agree(capture):
    """The same records, as multisets; with --sort the same octets. Each worker remembers servers of
    its own, so without evidence; with it the same sums."""
    first = ("--direction", "first")
    one, sorted_one = meter(capture, *first), meter(capture, *first, "--sort")
    assert not compare.multiset_differences(one.records, sorted_one.records)
    sums = compare.sums_by_key(meter(capture).records)
    for workers in (2, 3):
        several = meter(capture, *first, "-j", workers)
        assert not compare.multiset_differences(one.records, several.records)
        assert meter(capture, *first, "--sort", "-j", workers).output == sorted_one.output
        assert several.stats["packets"] == one.stats["packets"]
        several = meter(capture, "-j", workers)
        assert not compare.sum_differences(sums, compare.sums_by_key(several.records))


@every_capture
def test_slow_meter_and_tshark(capture):
    """The two oracles, against each other."""
    link, frames, _ = craft.read_pcap(capture.read_bytes())
    if link not in SLOW_LINKS:
        return
    records, _ = slow_meter.run(frames, link, idle=None, active=None, linger=None,
                                direction="first")
    wrong = compare.sum_differences(in_microseconds(oracle(capture).flows), flows_of(records))
    assert not wrong, "\n".join(wrong)


@every_capture
def test_slow_meter_and_weir(capture):
    """With timers on: whole records, end reasons, TCP flags, direction by evidence."""
    link, frames, _ = craft.read_pcap(capture.read_bytes())
    if link not in SLOW_LINKS or slow_meter.goes_back_far(frames):
        return
    for settings, timers in (((), {}), (("-d", "1", "-t", "3", "--tcp-linger", "1"),
                                        {"idle": 1, "active": 3, "linger": 1})):
        expected = slow_meter.run(frames, link, **timers)[0]
        wrong = compare.differences(expected, meter(capture, *settings).records)
        assert not wrong, "\n".join([str(settings), *wrong])


def test_third_party_captures_are_there():
    if not DATA.is_dir():
        pytest.skip("WEIR_DATA: no third-party captures")
    assert any(DATA in path.parents for path in CAPTURES)
