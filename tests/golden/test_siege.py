# SPDX-License-Identifier: Apache-2.0
"""A small siege: 200,000 flows of one packet fall upon a table of 20,000 with 1,000 that are alive.
And the faults that siege_check() must see."""
import copy

import pytest

import siege as under
from siege import Siege

SIEGE = Siege(flood=200_000, per_second=4000, bound=20_000, own=200)


@pytest.fixture(scope="module", name="capture")
def fixture_capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("siege") / "siege.pcap"
    under.write(SIEGE, path)
    return path


@pytest.fixture(scope="module", name="outcome")
def fixture_outcome(capture):
    return under.meter(SIEGE, capture)


def test_established_flows_live_through_it(outcome):
    under.siege_check(SIEGE, outcome)


def test_memory_does_not_grow(capture, outcome):
    early = under.meter(SIEGE, capture, "--count", str(SIEGE.packets // 5))
    under.memory_check(early.memory_kb, outcome.memory_kb)


def test_two_workers(capture):
    """Each has half of the table; established flows stay in one."""
    two = under.meter(SIEGE, capture, "--workers", "2")
    under.established_check(SIEGE, two.records)
    under.sums_check(SIEGE, two)


def seen(outcome):
    with pytest.raises(AssertionError):
        under.siege_check(SIEGE, outcome)


def test_a_piece_of_an_established_flow_is_seen(outcome):
    broken = copy.deepcopy(outcome)
    one = next(r for r in broken.records if r["packetDeltaCount"] > 5 and r["flowEndReason"] == 4)
    one["packetDeltaCount"] -= 2
    one["octetDeltaCount"] -= 2 * under.IP_BYTES
    broken.records.append({**one, "packetDeltaCount": 2, "octetDeltaCount": 2 * under.IP_BYTES})
    seen(broken)


def test_a_lost_record_is_seen(outcome):
    broken = copy.copy(outcome)
    broken.records = [r for r in outcome.records if r["flowEndReason"] != 5][:-1] + [
        r for r in outcome.records if r["flowEndReason"] == 5]
    seen(broken)


def test_an_unbounded_export_is_seen(capture):
    """What the option is for: without it each flow of the flood is a record."""
    everything = under.meter(SIEGE, capture, "--flood-records", "0")
    under.established_check(SIEGE, everything.records)
    under.sums_check(SIEGE, everything)
    with pytest.raises(AssertionError, match="not bounded"):
        under.eviction_check(SIEGE, everything)


def test_a_table_that_grows_is_seen(capture, outcome):
    grown = under.meter(SIEGE, capture, "--max-flows", "200k", "--idle-timeout", "off")
    with pytest.raises(AssertionError, match="memory grew"):
        under.memory_check(outcome.memory_kb, grown.memory_kb)
    with pytest.raises(AssertionError, match="the table grew"):
        under.eviction_check(SIEGE, grown)
