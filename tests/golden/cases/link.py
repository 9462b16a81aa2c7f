# SPDX-License-Identifier: Apache-2.0
"""Rows "VLAN", "interfaces" and "link layers": what lies before the IP header."""
import struct

from case import case
from craft import (LINK_IPV4, LINK_IPV6, LINK_LOOP, LINK_NULL, LINK_PPP, LINK_RAW, LINK_SLL,
                   LINK_SLL2, UDP, ether, ip, mpls, ppp, pppoe, sll, sll2, tag, udp)

A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"
THERE, BACK = ip(A, B, udp(1000, 53, 10)), ip(B, A, udp(53, 1000, 20))
THERE6, BACK6 = ip(A6, B6, udp(1000, 53, 10)), ip(B6, A6, udp(53, 1000, 20))


def pair(c, **fields):
    """The conversation THERE, BACK as one record."""
    c.expect(A, 1000, B, 53, UDP, (1, 38), (1, 48), when=(0, 1), **fields)


def pair6(c, **fields):
    c.expect(A6, 1000, B6, 53, UDP, (1, 58), (1, 68), when=(0, 1), **fields)


@case("vlan", "one tag: vlanId, and no inner id; the priority bits are no part of it")
def one_tag(c):
    c.frame(0, ether(tag(100, THERE, priority=5), 0x8100))
    c.frame(1, ether(tag(100, BACK), 0x8100))
    pair(c, vlanId=100)


@case("vlan", "the same addresses in two VLANs are two flows, and untagged is a third")
def two_vlans(c):
    c.frame(0, ether(tag(100, THERE), 0x8100))
    c.frame(1, ether(tag(200, BACK), 0x8100))
    c.frame(2, ether(BACK))
    c.expect(A, 1000, B, 53, UDP, (1, 38), vlanId=100)
    c.expect(B, 53, A, 1000, UDP, (1, 48), when=(1, 1), vlanId=200)
    c.expect(B, 53, A, 1000, UDP, (1, 48), when=(2, 2), vlanId=0)


def stacked(c, outer_type, inner_type=0x8100):
    for seconds, packet in ((0, THERE), (1, BACK)):
        c.frame(seconds, ether(tag(100, tag(7, packet), inner_type), outer_type))
    c.frame(2, ether(tag(100, tag(8, THERE), inner_type), outer_type))
    pair(c, vlanId=100, dot1qCustomerVlanId=7)
    c.expect(A, 1000, B, 53, UDP, (1, 38), when=(2, 2), vlanId=100, dot1qCustomerVlanId=8)


@case("vlan", "802.1ad: customers behind one service tag must not merge")
def stack_88a8(c):
    stacked(c, 0x88a8)


@case("vlan", "a stack whose outer type is the old 9100")
def stack_9100(c):
    stacked(c, 0x9100)


@case("vlan", "a stack of two 8100")
def stack_8100(c):
    stacked(c, 0x8100)


@case("vlan", "one 88a8 tag alone is an outer tag")
def service_tag_alone(c):
    c.frame(0, ether(tag(100, THERE), 0x88a8))
    c.frame(1, ether(tag(100, BACK), 0x88a8))
    pair(c, vlanId=100)


@case("vlan", "a priority tag (id 0) is no tag: with it and without it is one flow")
def priority_tag(c):
    c.frame(0, ether(tag(0, THERE, priority=6), 0x8100))
    c.frame(1, ether(BACK))
    pair(c, vlanId=0)


@case("vlan", "a priority tag inside a tag is no inner tag")
def priority_tag_inside(c):
    c.frame(0, ether(tag(100, tag(0, THERE, priority=6), 0x8100), 0x8100))
    c.frame(1, ether(tag(100, BACK), 0x8100))
    pair(c, vlanId=100)


@case("vlan", "a priority tag around a tag: the tag inside is the outer one")
def priority_tag_outside(c):
    c.frame(0, ether(tag(0, tag(100, THERE), 0x8100, priority=6), 0x8100))
    c.frame(1, ether(tag(100, BACK), 0x8100))
    pair(c, vlanId=100)


@case("vlan", "--no-vlan-key joins what a mirror port tagged in one direction only",
      "--no-vlan-key", slow=False)
def no_vlan_key(c):
    c.frame(0, ether(tag(100, THERE), 0x8100))
    c.frame(1, ether(BACK))
    c.expect_fields(sourceIPv4Address=A, destinationIPv4Address=B, packetDeltaCount=1,
                    octetDeltaCount=38, reversePacketDeltaCount=1, reverseOctetDeltaCount=48)


@case("vlan", "IPv6 in a VLAN stack")
def stack_ipv6(c):
    c.frame(0, ether(tag(4094, tag(1, THERE6), 0x8100), 0x88a8))
    c.frame(1, ether(tag(4094, tag(1, BACK6), 0x8100), 0x88a8))
    pair6(c, vlanId=4094, dot1qCustomerVlanId=1)


@case("interfaces", "several interfaces share one table: a tap's two directions are one flow",
      interfaces=2)
def shared_table(c):
    c.send(0, THERE, interface=0)
    c.send(1, BACK, interface=1)
    pair(c)


def interfaces_differ(records, run):
    assert len({record["ingressInterface"] for record in records}) == len(records)


@case("interfaces", "--per-interface keys on the interface, which then is in the record",
      "--per-interface", "--fields", "+ingressInterface", interfaces=2, slow=False)
def per_interface(c):
    c.send(0, THERE, interface=0)
    c.send(1, BACK, interface=1)
    c.send(2, THERE, interface=0)
    c.expect(A, 1000, B, 53, UDP, (2, 76), when=(0, 2))
    c.expect(B, 53, A, 1000, UDP, (1, 48), when=(1, 1))
    c.check(interfaces_differ)


@case("link", "one MPLS label, another in each direction", slow=False)
def mpls_one(c):
    c.frame(0, ether(mpls([16], THERE), 0x8847))
    c.frame(1, ether(mpls([99], BACK), 0x8847))
    pair(c)


@case("link", "a stack of three MPLS labels, IPv6 below, behind a VLAN tag", slow=False)
def mpls_stack(c):
    c.frame(0, ether(tag(5, mpls([16, 17, 18], THERE6), 0x8847), 0x8100))
    c.frame(1, ether(tag(5, mpls([20], BACK6), 0x8847), 0x8100))
    pair6(c, vlanId=5)


@case("link", "PPPoE sessions: IPv4 and IPv6", slow=False)
def pppoe_sessions(c):
    for seconds, packet in ((0, THERE), (1, BACK), (0, THERE6), (1, BACK6)):
        c.frame(seconds, ether(pppoe(packet), 0x8864))
    pair(c)
    pair6(c)


@case("link", "PPPoE discovery and PPP control carry no IP", slow=False)
def pppoe_other(c):
    c.frame(0, ether(struct.pack("!BBHH", 0x11, 9, 0, 4) + bytes(4), 0x8863))
    c.frame(0, ether(struct.pack("!BBHHH", 0x11, 0, 7, 6, 0xc021) + b"\x09\1\0\4", 0x8864))
    c.account(not_ip=2, metered=0)


@case("link", "Linux cooked capture", link=LINK_SLL)
def cooked(c):
    c.frame(0, sll(THERE, packet_type=4))
    c.frame(1, sll(BACK))
    pair(c)


@case("link", "Linux cooked capture with a VLAN tag", link=LINK_SLL)
def cooked_vlan(c):
    c.frame(0, sll(tag(9, THERE), 0x8100))
    c.frame(1, sll(tag(9, BACK), 0x8100))
    pair(c, vlanId=9)


@case("link", "Linux cooked capture, version 2", link=LINK_SLL2, slow=False)
def cooked2(c):
    c.frame(0, sll2(THERE))
    c.frame(1, sll2(BACK))
    c.frame(0, sll2(THERE6))
    c.frame(1, sll2(BACK6))
    pair(c)
    pair6(c)


@case("link", "raw IP: the version is in the first octet", link=LINK_RAW)
def raw(c):
    for seconds, packet in ((0, THERE), (1, BACK), (0, THERE6), (1, BACK6)):
        c.frame(seconds, packet)
    pair(c)
    pair6(c)


@case("link", "raw IPv4 has a link type of its own", link=LINK_IPV4, slow=False)
def raw4(c):
    c.frame(0, THERE)
    c.frame(1, BACK)
    pair(c)


@case("link", "raw IPv6 has a link type of its own", link=LINK_IPV6, slow=False)
def raw6(c):
    c.frame(0, THERE6)
    c.frame(1, BACK6)
    pair6(c)


@case("link",
      "BSD null: the family in the byte order of whoever wrote the file; IPv6 has three numbers",
      link=LINK_NULL, slow=False)
def null(c):
    c.frame(0, struct.pack("<I", 2) + THERE)
    c.frame(1, struct.pack(">I", 2) + BACK)
    for seconds, family, order, packet in ((0, 24, "<", THERE6), (1, 28, ">", BACK6),
                                           (1, 30, "<", BACK6)):
        c.frame(seconds, struct.pack(order + "I", family) + packet)
    pair(c)
    c.expect(A6, 1000, B6, 53, UDP, (1, 58), (2, 136), when=(0, 1))


@case("link", "loopback: as null, in network order", link=LINK_LOOP, slow=False)
def loop(c):
    c.frame(0, struct.pack(">I", 2) + THERE)
    c.frame(1, struct.pack(">I", 2) + BACK)
    pair(c)


@case("link", "PPP, with and without address and control octets", link=LINK_PPP, slow=False)
def point_to_point(c):
    c.frame(0, ppp(THERE))
    c.frame(1, b"\xff\x03" + ppp(BACK))
    c.frame(0, ppp(THERE6))
    c.frame(1, ppp(BACK6))
    pair(c)
    pair6(c)


@case("link", "what is not IP is counted as such, and nothing else happens to it")
def not_ip(c):
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + bytes(20)
    c.frame(0, ether(arp, 0x0806))
    c.frame(0, ether(tag(5, arp, 0x0806), 0x8100))
    c.send(0, THERE)
    c.send(1, BACK)
    c.account(seen=4, not_ip=2, metered=2)
    pair(c)
