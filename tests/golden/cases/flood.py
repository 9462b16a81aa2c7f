# SPDX-License-Identifier: Apache-2.0
"""Row "eviction": what is exported about a flood of single packets (flows merged into records of
many)."""
from case import case
from compare import value_of
from craft import ACK, SYN, at, ether, icmp, ip, tag, tcp, udp

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


MERGING = ("--max-flows", "16", "--flood-records", "1")


def one_merged(c, frames, **fields):
    """A hundred flows, of which 84 give way: one as it is, 83 in one record with these fields
    (None: absent)."""
    for number in range(100):
        c.frame(number / 1000, frames(number))

    def check(records, run):
        merged, = [r for r in records if value_of(r, "deltaFlowCount") > 1]
        assert merged["deltaFlowCount"] == 83 and merged["flowEndReason"] == 5
        assert merged["flowStartMicroseconds"] == at(1 / 1000) // 1000
        assert merged["flowEndMicroseconds"] == at(83 / 1000) // 1000
        assert {name: merged.get(name) for name in fields} == fields
    c.check(check)


@case("eviction", "the same over IPv6; a measure that can be added up is",
      *MERGING, "--fields", "+deltaFlowCount,+layer2OctetDeltaCount", slow=False, workers=False)
def flood_over_ipv6(c):
    one_merged(c, lambda n: ether(ip("2001:db8::%x" % n, "2001:db8:1::1", udp(n + 1, 53, 20))),
               sourceIPv6Address=None, destinationIPv6Address="2001:db8:1::1",
               sourceTransportPort=None, destinationTransportPort=53, packetDeltaCount=83,
               octetDeltaCount=83 * 68, layer2OctetDeltaCount=83 * 82)


@case("eviction", "of a flood of pings the type remains; ports are 0, as for any ICMP",
      *MERGING, "--fields", "+deltaFlowCount,+icmpTypeCodeIPv4", slow=False, workers=False)
def flood_of_pings(c):
    one_merged(c, lambda n: ether(ip("10.0.1.%d" % n, "10.0.0.1", icmp(8))),
               sourceIPv4Address=None, destinationIPv4Address="10.0.0.1", protocolIdentifier=1,
               sourceTransportPort=0, destinationTransportPort=0, icmpTypeCodeIPv4=0x0800)


@case("eviction", "answers to spoofed addresses: the server that sends them is named",
      *MERGING, "--fields", "+deltaFlowCount", slow=False, workers=False)
def flood_of_answers(c):
    one_merged(c, lambda n: ether(ip("10.9.0.1", "10.0.%d.1" % n, tcp(80, 1000 + n, SYN | ACK))),
               sourceIPv4Address=None, sourceTransportPort=None,
               destinationIPv4Address="10.9.0.1", destinationTransportPort=80,
               packetDeltaCount=0, reversePacketDeltaCount=83, reverseOctetDeltaCount=83 * 40,
               tcpControlBits=0, reverseTcpControlBits=SYN | ACK, biflowDirection=1)


@case("eviction", "VLANs that differ are absent",
      *MERGING, "--fields", "+deltaFlowCount", slow=False, workers=False)
def flood_in_vlans(c):
    one_merged(c, lambda n: ether(tag(n + 1, ip("10.0.0.1", "10.0.0.2", udp(7, 53))), 0x8100),
               sourceIPv4Address="10.0.0.1", destinationIPv4Address="10.0.0.2",
               sourceTransportPort=7, destinationTransportPort=53, vlanId=None)


@case("eviction", "a key of prefixes merges prefixes",
      *MERGING, "--key", "sourceIPv4Address/24,destinationIPv4Address/24",
      "--fields", "+deltaFlowCount", slow=False, workers=False)
def flood_of_prefixes(c):
    one_merged(c, lambda n: ether(ip("10.0.%d.1" % n, "10.9.0.1", udp(7, 53))),
               sourceIPv4Prefix=None, sourceIPv4PrefixLength=None,
               destinationIPv4Prefix="10.9.0.0", destinationIPv4PrefixLength=24)


@case("eviction", "each direction of a merged biflow that has packets is a record",
      *MERGING, "--uniflow", "--fields", "+deltaFlowCount", slow=False, workers=False)
def flood_as_uniflows(c):
    one_merged(c, lambda n: ether(ip("10.9.0.1", "10.0.%d.1" % n, tcp(80, 1000 + n, SYN | ACK))),
               sourceIPv4Address="10.9.0.1", sourceTransportPort=80, destinationIPv4Address=None,
               destinationTransportPort=None, packetDeltaCount=83)
