# SPDX-License-Identifier: Apache-2.0
"""Random traffic, random timers: weir against the slow meter, whole records, from fixed seeds.

A failure names its seed and the shortest prefix of the capture that still shows a difference.
WEIR_TEST_SEEDS widens the search (how many seeds; default 60).
"""
import os
import random

import pytest

import compare
import craft
import slow_meter
import traffic
from runner import meter

SEEDS = range(int(os.environ.get("WEIR_TEST_SEEDS", "60")))
PACKETS = 300


def arguments(timers):
    def text(value):
        return "off" if value is None else str(value)
    return ["-d", text(timers["idle"]), "-t", text(timers["active"]),
            "--tcp-linger", text(timers["linger"]), "--direction", timers["direction"]]


def differences(frames, timers, file, *more):
    expected, fates = slow_meter.run(frames, **timers)
    file.write_bytes(craft.pcap(frames))
    run = meter(file, *arguments(timers), *more)
    return (compare.differences(expected, run.records) + compare.unbalanced(run.stats) +
            compare.unaccounted(run.stats, run.records))


def shortest(frames, check):
    """The fewest leading frames for which check still complains."""
    low, high = 0, len(frames)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if check(frames[:middle]) else (middle, high)
    return high


@pytest.mark.parametrize("seed", SEEDS)
def test_random_traffic(seed, tmp_path):
    timers = traffic.timers(random.Random(seed))
    frames = traffic.Traffic(seed, PACKETS).frames
    # Each worker remembers servers of its own: with evidence they need not agree.
    workers = 1 if timers["direction"] == "evidence" else 1 + seed % 3
    file, more = tmp_path / "traffic.pcap", ("-j", workers)
    if differences(frames, timers, file, *more):
        count = shortest(frames, lambda part: differences(part, timers, file, *more))
        wrong = differences(frames[:count], timers, file, *more)
        pytest.fail("seed %d, %s: the first %d frames (%s)\n%s" % (
            seed, " ".join(arguments(timers)), count, file, "\n".join(wrong)), pytrace=False)


@pytest.mark.parametrize("seed", list(SEEDS)[:6])
def test_timers_change_no_sum(seed, tmp_path):
    """Whatever the timers, the records' sums are those of a run without any."""
    frames = traffic.Traffic(1000 + seed, 4 * PACKETS).frames
    file = tmp_path / "traffic.pcap"
    file.write_bytes(craft.pcap(frames))
    off = {"idle": None, "active": None, "linger": None, "direction": "first"}
    whole = compare.sums_by_key(meter(file, *arguments(off)).records)
    assert not compare.sum_differences(compare.sums_by_key(slow_meter.run(frames, **off)[0]), whole)
    for number in range(5):
        timers = traffic.timers(random.Random(seed * 10 + number))
        cut = compare.sums_by_key(meter(file, *arguments(timers)).records)
        assert not compare.sum_differences(whole, cut)


def test_the_search_finds_a_planted_fault():
    """shortest() must lead to the frame at which two results part."""
    frames = list(range(100))
    assert shortest(frames, lambda part: 37 in part) == 38
