# SPDX-License-Identifier: Apache-2.0
"""Row "key" and row "other keys": which packets belong together."""
from case import case
from craft import ESP, SYN, TCP, UDP, ether, ip, ipv4, ipv6, tag, tcp, udp

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.1.9"
A6, B6 = "2001:db8::1", "2001:db8::2"


@case("key", "both directions of a conversation are one flow, and the source is who spoke first")
def both_directions(c):
    c.send(0, ip(A, B, udp(1000, 53, 10)))
    c.send(1, ip(B, A, udp(53, 1000, 20)))
    c.send(2, ip(A, B, udp(1000, 53, 30)))
    c.expect(A, 1000, B, 53, UDP, (2, 38 + 58), (1, 48), when=(0, 2))


@case("key", "the same when the higher address speaks first: the key's order is not the direction")
def higher_address_first(c):
    c.send(0, ip(B, A, udp(1000, 53, 10)))
    c.send(1, ip(A, B, udp(53, 1000, 20)))
    c.expect(B, 1000, A, 53, UDP, (1, 38), (1, 48), when=(0, 1))


@case("key", "addresses are compared as octets on the wire, not as a little-endian number")
def octet_order(c):
    c.send(0, ip("1.0.0.2", "2.0.0.1", udp(9, 8, 1)))
    c.send(1, ip("2.0.0.1", "1.0.0.2", udp(8, 9, 1)))
    c.expect("1.0.0.2", 9, "2.0.0.1", 8, UDP, (1, 29), (1, 29), when=(0, 1))


@case("key",
      "A:x to B:y and A:y to B:x are two flows: ports move with their addresses, never alone")
def ports_follow_addresses(c):
    c.send(0, ip(A, B, udp(1000, 2000, 10)))
    c.send(1, ip(A, B, udp(2000, 1000, 20)))
    c.send(2, ip(B, A, udp(2000, 1000, 30)))
    c.send(3, ip(B, A, udp(1000, 2000, 40)))
    c.expect(A, 1000, B, 2000, UDP, (1, 38), (1, 58), when=(0, 2))
    c.expect(A, 2000, B, 1000, UDP, (1, 48), (1, 68), when=(1, 3))


@case("key", "equal addresses are ordered by port: a host that talks to itself has biflows too")
def equal_addresses(c):
    c.send(0, ip(A, A, udp(5000, 53, 1)))
    c.send(1, ip(A, A, udp(53, 5000, 2)))
    c.send(2, ip(A, A, udp(53, 5001, 3)))
    c.send(3, ip(A, A, udp(5001, 53, 4)))
    c.expect(A, 5000, A, 53, UDP, (1, 29), (1, 30), when=(0, 1))
    c.expect(A, 53, A, 5001, UDP, (1, 31), (1, 32), when=(2, 3))


@case("key", "equal addresses and equal ports have one direction only")
def equal_ends(c):
    c.send(0, ip(A, A, udp(7, 7, 1)))
    c.send(1, ip(A, A, udp(7, 7, 1)))
    c.expect(A, 7, A, 7, UDP, (2, 58), when=(0, 1))


@case("key", "the protocol is part of the key")
def protocol(c):
    c.send(0, ip(A, B, udp(1000, 53)))
    c.send(1, ip(A, B, tcp(1000, 53, SYN)))
    c.expect(A, 1000, B, 53, UDP, (1, 28))
    c.expect(A, 1000, B, 53, TCP, (1, 40), when=(1, 1), tcpControlBits=2)


@case("key", "IPv6 like IPv4, with ports that move with their addresses")
def both_families(c):
    c.send(0, ip(A6, B6, udp(1000, 2000, 10)))
    c.send(1, ip(B6, A6, udp(2000, 1000, 20)))
    c.send(2, ip(B6, A6, udp(1000, 2000, 30)))
    c.expect(A6, 1000, B6, 2000, UDP, (1, 58), (1, 68), when=(0, 1))
    c.expect(B6, 1000, A6, 2000, UDP, (1, 78), when=(2, 2))


@case("other-keys",
      "addresses by prefix are exported as prefix and length, never as a host address",
      "--key", "sourceIPv4Address/24,destinationIPv4Address/24", slow=False)
def prefixes(c):
    c.send(0, ip(A, "192.0.2.1", udp(1, 2, 10)))
    c.send(1, ip(B, "192.0.2.77", udp(3, 4, 20)))
    c.send(2, ip("192.0.2.5", A, udp(2, 1, 30)))
    c.send(3, ip(C, "192.0.2.1", udp(5, 6, 40)))
    for prefix, counts, back, when in (("10.0.0.0", (2, 38 + 48), (1, 58), (0, 2)),
                                       ("10.0.1.0", (1, 68), (0, 0), (3, 3))):
        c.expect_fields(sourceIPv4Prefix=prefix, sourceIPv4PrefixLength=24,
                        destinationIPv4Prefix="192.0.2.0", destinationIPv4PrefixLength=24,
                        sourceIPv4Address=None, destinationIPv4Address=None,
                        sourceTransportPort=None, protocolIdentifier=None,
                        packetDeltaCount=counts[0], octetDeltaCount=counts[1],
                        reversePacketDeltaCount=back[0], reverseOctetDeltaCount=back[1])


@case("other-keys",
      "masks apply before ordering: with host bits kept the two directions would split",
      "--key", "sourceIPv4Address/8,destinationIPv4Address/8", slow=False)
def masks_before_order(c):
    c.send(0, ip("10.0.0.9", "10.0.0.1", udp(1, 2, 0)))
    c.send(1, ip("10.0.0.1", "10.0.0.9", udp(2, 1, 0)))
    c.check(lambda records, run: one_record_of(records, 2, 56))
    c.expect_fields(sourceIPv4Prefix="10.0.0.0", destinationIPv4Prefix="10.0.0.0")


def one_record_of(records, packets, octets):
    assert len(records) == 1
    record = records[0]
    assert record["packetDeltaCount"] + record.get("reversePacketDeltaCount", 0) == packets
    assert record["octetDeltaCount"] + record.get("reverseOctetDeltaCount", 0) == octets


@case("other-keys",
      "a key without its mirror makes uniflows: each packet counts for its own source",
      "--key", "sourceIPv4Address", slow=False)
def no_mirror(c):
    c.send(0, ip(A, B, udp(1, 2, 10)))
    c.send(1, ip(B, A, udp(2, 1, 20)))
    c.send(2, ip(A, C, udp(1, 2, 30)))
    c.expect_fields(sourceIPv4Address=A, destinationIPv4Address=None, packetDeltaCount=2,
                    octetDeltaCount=38 + 58, reversePacketDeltaCount=0)
    c.expect_fields(sourceIPv4Address=B, destinationIPv4Address=None, packetDeltaCount=1,
                    octetDeltaCount=48, reversePacketDeltaCount=0)


@case("other-keys",
      "host pairs: without ports in the key every conversation of the two is one flow",
      "--key", "sourceIPv4Address,destinationIPv4Address", slow=False)
def host_pairs(c):
    c.send(0, ip(A, B, udp(1, 2, 10)))
    c.send(1, ip(B, A, tcp(80, 90, SYN)))
    c.send(2, ipv4(A, B, bytes(20), ESP))
    c.expect_fields(sourceIPv4Address=A, destinationIPv4Address=B, sourceTransportPort=None,
                    destinationTransportPort=None, packetDeltaCount=2, octetDeltaCount=38 + 40,
                    reversePacketDeltaCount=1, reverseOctetDeltaCount=40)


@case("other-keys", "a key with no end at all: all that is left is one record for each value",
      "--key", "protocolIdentifier", slow=False)
def protocol_only(c):
    c.send(0, ip(A, B, udp(1, 2, 10)))
    c.send(1, ip(B, A, udp(2, 1, 20)))
    c.send(2, ip(C, A, udp(9, 9, 0)))
    c.expect_fields(protocolIdentifier=17, sourceIPv4Address=None, destinationIPv4Address=None)
    c.check(lambda records, run: one_record_of(records, 3, 38 + 48 + 28))


@case("other-keys", "VLAN ids count only where the key names them", "--key",
      "sourceIPv4Address,destinationIPv4Address,vlanId", slow=False)
def vlan_in_key(c):
    for seconds, vlan in ((0, 5), (1, 6), (2, 5)):
        c.frame(seconds, ether(tag(vlan, ip(A, B, udp(1, 2))), 0x8100))
    c.expect_fields(sourceIPv4Address=A, destinationIPv4Address=B, vlanId=5, packetDeltaCount=2)
    c.expect_fields(sourceIPv4Address=A, destinationIPv4Address=B, vlanId=6, packetDeltaCount=1)


FLOW_LABEL = ("sourceIPv6Address,destinationIPv6Address,protocolIdentifier,sourceTransportPort,"
              "destinationTransportPort,flowLabelIPv6")


@case("other-keys", "the flow label tells flows apart where there are no ports and it is not zero",
      "--key", FLOW_LABEL, slow=False)
def flow_label(c):
    c.send(0, ipv6(A6, B6, bytes(8), ESP, label=7))
    c.send(1, ipv6(A6, B6, bytes(8), ESP, label=8))
    c.send(2, ipv6(A6, B6, bytes(8), ESP, label=7))
    c.send(3, ipv6(B6, A6, bytes(8), ESP, label=7))
    for source, destination, label, packets in ((A6, B6, 7, 2), (A6, B6, 8, 1), (B6, A6, 7, 1)):
        c.expect_fields(sourceIPv6Address=source, destinationIPv6Address=destination,
                        flowLabelIPv6=label, packetDeltaCount=packets, reversePacketDeltaCount=0)


@case("other-keys", "with ports the flow label serves not: another label is the same flow",
      "--key", FLOW_LABEL, slow=False)
def flow_label_with_ports(c):
    c.send(0, ipv6(A6, B6, udp(1000, 53), label=7))
    c.send(1, ipv6(A6, B6, udp(1000, 53), label=8))
    c.expect_fields(sourceIPv6Address=A6, sourceTransportPort=1000, destinationTransportPort=53,
                    packetDeltaCount=2, octetDeltaCount=96)


@case("uniflow", "--uniflow splits the two directions into two records",
      "--uniflow", slow=False)
def uniflow(c):
    c.send(0, ip(A, B, udp(1000, 53, 10)))
    c.send(1, ip(B, A, udp(53, 1000, 20)))
    c.send(2, ip(A, B, udp(1000, 53, 30)))
    c.expect_fields(sourceIPv4Address=A, destinationIPv4Address=B, sourceTransportPort=1000,
                    destinationTransportPort=53, packetDeltaCount=2, octetDeltaCount=96,
                    reversePacketDeltaCount=0)
    c.expect_fields(sourceIPv4Address=B, destinationIPv4Address=A, sourceTransportPort=53,
                    destinationTransportPort=1000, packetDeltaCount=1, octetDeltaCount=48,
                    reversePacketDeltaCount=0)
