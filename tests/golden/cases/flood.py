# SPDX-License-Identifier: Apache-2.0
"""Row "eviction": what is exported about a flood of single packets (flows merged into records of
many)."""
from case import case
from compare import value_of
from craft import at, ip, udp

FLOOD_FIELDS = ("--fields", "+deltaFlowCount,+flowId")


def flood(c, seconds, targets=1, bound=16):
    """640 sources a second send one packet each; returns what --stats must say of evictions."""
    for number in range(640 * seconds):
        source = "10.%d.%d.%d" % (number >> 16, number >> 8 & 255, number & 255)
        target = "10.200.0.%d" % (number % targets)
        c.send(number / 640, ip(source, target, udp(number % 60000 + 1, 53, number % 10)))
    return 640 * seconds - bound


def flood_check(evicted, own, most_merged):
    def check(records, run):
        merged = [r for r in records if "sourceIPv4Address" not in r]
        single = [r for r in records if r["flowEndReason"] == 5 and r not in merged]
        assert len(single) == own
        assert 0 < len(merged) <= most_merged or own == evicted
        assert sum(value_of(r, "deltaFlowCount") for r in merged) == evicted - own
        assert run.stats["flood"] == {"merged_flows": evicted - own, "merged_records": len(merged)}
        assert sum(value_of(r, "packetDeltaCount") for r in records) == evicted + 16
        assert sum(value_of(r, "octetDeltaCount") for r in records) == sum(
            28 + number % 10 for number in range(evicted + 16))
        for record in merged:
            assert record["packetDeltaCount"] == record["deltaFlowCount"]
            assert record["flowEndReason"] == 5 and record["protocolIdentifier"] == 17
            assert record["reversePacketDeltaCount"] == 0
            assert record.get("destinationTransportPort") == 53
            for name in ("sourceIPv4Address", "sourceTransportPort", "flowId"):
                assert name not in record, name
    return check


@case("eviction", "a flood from many sources is exported as a few records that name its target",
      "--max-flows", "16", "--flood-records", "100", *FLOOD_FIELDS, slow=False, workers=False)
def flood_of_one_target(c):
    evicted = flood(c, 1)
    c.check(flood_check(evicted, 100, 1))
    # The first 100 sources are records of their own, the last 16 are in the table at the end.
    c.check(lambda records, run: assert_target(records, "10.200.0.0", range(100, 624)))


def assert_target(records, target, numbers):
    merged, = [r for r in records if "sourceIPv4Address" not in r]
    assert merged["destinationIPv4Address"] == target
    assert merged["octetDeltaCount"] == sum(28 + number % 10 for number in numbers)
    assert merged["flowStartMicroseconds"] == at(numbers[0] / 640) // 1000
    assert merged["flowEndMicroseconds"] == at(numbers[-1] / 640) // 1000


@case("eviction", "a flood of many targets stays at 64 records a second, without naming them all",
      "--max-flows", "16", "--flood-records", "10", *FLOOD_FIELDS, slow=False, workers=False)
def flood_of_many_targets(c):
    evicted = flood(c, 1, targets=200)
    c.check(flood_check(evicted, 10, 64))


@case("eviction", "each second of the clock has its own number of records",
      "--max-flows", "16", "--flood-records", "100", *FLOOD_FIELDS, slow=False, workers=False)
def flood_each_second(c):
    evicted = flood(c, 5)
    c.check(flood_check(evicted, 500, 5))


@case("eviction", "without a limit every flow of a flood is a record of its own",
      "--max-flows", "16", "--flood-records", "0", *FLOOD_FIELDS, slow=False, workers=False)
def flood_without_limit(c):
    evicted = flood(c, 1)
    c.check(flood_check(evicted, evicted, 0))
