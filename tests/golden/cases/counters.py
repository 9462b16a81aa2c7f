# SPDX-License-Identifier: Apache-2.0
"""Rows "counters", "sampling", "non-key fields", "eviction" and "filter"."""
from case import case
from compare import value_of
from craft import ACK, PSH, SYN, TCP, UDP, ether, ip, ipv4, tag, tcp, udp

A, B = "10.0.0.1", "10.0.0.2"


@case("counters", "every packet counts, retransmissions too")
def retransmissions(c):
    c.send(0, ip(A, B, tcp(1000, 80, SYN)))
    for seconds in (1, 2, 3):
        c.send(seconds, ip(A, B, tcp(1000, 80, ACK | PSH, 100, sequence=2)))
    c.expect(A, 1000, B, 80, TCP, (4, 40 + 3 * 140), when=(0, 3), tcpControlBits=SYN | ACK | PSH)


@case("counters", "all twelve TCP flag bits are kept")
def control_bits(c):
    c.send(0, ip(A, B, tcp(1000, 80, 0x1c2)))           # NS, CWR, ECE, SYN
    c.send(1, ip(B, A, tcp(80, 1000, 0x052)))
    c.expect(A, 1000, B, 80, TCP, (1, 40), (1, 40), when=(0, 1), tcpControlBits=0x1c2,
             reverseTcpControlBits=0x052)


def sampled(packets):
    def check(records, run):
        total = sum(value_of(record, "packetDeltaCount") for record in records)
        octets = sum(value_of(record, "octetDeltaCount") for record in records)
        assert total == packets and octets == packets * 38
    return check


@case("sampling", "1 in 4 by count: the counters stay raw, the others are accounted for",
      "--sample", "1:4", slow=False)
def sample_by_count(c):
    for number in range(100):
        c.send(number / 100, ip(A, B, udp(1000, 53, 10)))
    c.account(seen=100, metered=25, sampled_out=75)
    c.check(sampled(25))


@case("sampling", "the sampling is reported with the records", "--sample", "1:10", "--fields",
      "+samplingPacketInterval", slow=False)
def sample_reported(c):
    for number in range(20):
        c.send(number / 100, ip(A, B, udp(1000, 53, 10)))
    c.account(metered=2, sampled_out=18)
    c.expect_fields(packetDeltaCount=2, octetDeltaCount=76)
    c.check(lambda records, run: records[0]["samplingPacketInterval"])


@case("non-key-fields", "what the first packet of the record said", "-d", "10", "--fields",
      "+ipClassOfService", slow=False)
def class_of_service(c):
    for seconds, tos in ((0, 8), (1, 16), (20, 32), (21, 8)):
        c.send(seconds, ipv4(A, B, udp(1000, 53), tos=tos))
    c.expect(A, 1000, B, 53, UDP, (2, 56), when=(0, 1), reason=1, ipClassOfService=8)
    c.expect(A, 1000, B, 53, UDP, (2, 56), when=(20, 21), ipClassOfService=32)


def pushed_out(bound, packets):
    def check(records, run):
        assert len(records) == packets
        assert {record["flowEndReason"] for record in records} == {4, 5}
        assert sum(record["flowEndReason"] == 4 for record in records) <= bound
        assert run.stats["flows"]["active_max"] <= bound
    return check


@case("eviction", "more flows than --max-flows: some leave early with reason 5, none is lost",
      "--max-flows", "64", slow=False, workers=False)
def evicted(c):
    for number in range(640):
        c.send(number / 1000, ip("10.1.%d.%d" % divmod(number, 256), B, udp(1000, 53, 10)))
        c.expect_fields(sourceIPv4Address="10.1.%d.%d" % divmod(number, 256), packetDeltaCount=1,
                        octetDeltaCount=38)
    c.check(pushed_out(64, 640))


@case("eviction", "a flood of single packets must not push out a conversation that is alive",
      "--max-flows", "256", slow=False, workers=False)
def alive_stays(c):
    for number in range(4000):
        c.send(number / 1000, ip("10.1.%d.%d" % divmod(number, 256), "10.2.0.1", udp(1000, 53)))
        if number % 20 == 0:
            c.send(number / 1000, ip(A, B, udp(7, 8)))
            c.send(number / 1000, ip(B, A, udp(8, 7)))

    def check(records, run):
        alive = [record for record in records if record["sourceIPv4Address"] == A]
        assert [(r["packetDeltaCount"], r["reversePacketDeltaCount"])
                for r in alive] == [(200, 200)]
        assert sum(value_of(r, "packetDeltaCount") + value_of(r, "reversePacketDeltaCount")
                   for r in records) == 4400
    c.check(check)


def tagged_and_plain(c):
    c.send(0, ip(A, B, udp(1000, 53)))
    c.frame(1, ether(tag(5, ip(A, B, udp(1001, 53))), 0x8100))
    c.frame(2, ether(tag(5, tag(6, ip(A, B, udp(1002, 53))), 0x8100), 0x88a8))
    c.send(3, ip(A, B, udp(1003, 54)))
    c.frame(4, ether(tag(5, ip(A, B, udp(1004, 54))), 0x8100))


@case("filter", "a filter means the same for plain and VLAN-tagged packets", "udp", "port", "53",
      slow=False)
def filter_vlan(c):
    tagged_and_plain(c)
    c.expect(A, 1000, B, 53, UDP, (1, 28))
    c.expect(A, 1001, B, 53, UDP, (1, 28), when=(1, 1), vlanId=5)
    c.expect(A, 1002, B, 53, UDP, (1, 28), when=(2, 2), vlanId=5, dot1qCustomerVlanId=6)
    c.account(seen=5, metered=3, filtered=2)


@case("filter", "a negated filter as well", "not", "port", "53", slow=False)
def filter_not(c):
    tagged_and_plain(c)
    c.expect(A, 1003, B, 54, UDP, (1, 28), when=(3, 3))
    c.expect(A, 1004, B, 54, UDP, (1, 28), when=(4, 4), vlanId=5)
    c.account(seen=5, metered=2, filtered=3)


@case("filter", "a filter that takes nothing gives no record", "tcp", slow=False)
def filter_nothing(c):
    tagged_and_plain(c)
    c.account(seen=5, metered=0, filtered=5)
