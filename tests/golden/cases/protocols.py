# SPDX-License-Identifier: Apache-2.0
"""Row "ICMP" and row "SCTP, DCCP, UDP-Lite": what stands for ports."""
from case import case
from craft import (DCCP, GRE, ICMP, ICMP6, IGMP, SCTP, UDPLITE, dccp, icmp, icmp6, ip, ipv4, sctp,
                   udp, udplite)

A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"


def code(kind, minor=0):
    return kind << 8 | minor


@case("icmp",
      "echo request and reply are one biflow; its ports are 0, its types are exported each way")
def echo(c):
    c.send(0, ip(A, B, icmp(8, 0, 56)))
    c.send(1, ip(B, A, icmp(0, 0, 56)))
    c.send(2, ip(A, B, icmp(8, 0, 56)))
    c.expect(A, 0, B, 0, ICMP, (2, 168), (1, 84), when=(0, 2), icmpTypeCodeIPv4=code(8),
             reverseIcmpTypeCodeIPv4=0)


@case("icmp", "two hosts that ping each other have two flows")
def echo_both_ways(c):
    c.send(0, ip(A, B, icmp(8)))
    c.send(1, ip(B, A, icmp(0)))
    c.send(2, ip(B, A, icmp(8)))
    c.send(3, ip(A, B, icmp(0)))
    c.expect(A, 0, B, 0, ICMP, (1, 28), (1, 28), when=(0, 1), icmpTypeCodeIPv4=code(8))
    c.expect(B, 0, A, 0, ICMP, (1, 28), (1, 28), when=(2, 3), icmpTypeCodeIPv4=code(8))


@case("icmp", "timestamp, information, address mask and router discovery pair up as well")
def other_pairs(c):
    for seconds, (request, reply) in enumerate(((13, 14), (15, 16), (17, 18), (10, 9))):
        c.send(seconds, ip(A, B, icmp(request, 0, seconds)))
        c.send(seconds + 0.5, ip(B, A, icmp(reply, 0, seconds)))
        c.expect(A, 0, B, 0, ICMP, (1, 28 + seconds), (1, 28 + seconds),
                 when=(seconds, seconds + 0.5), icmpTypeCodeIPv4=code(request),
                 reverseIcmpTypeCodeIPv4=code(reply))


@case("icmp", "a message without counterpart is one-way: unreachable from either side is two flows")
def unreachable(c):
    c.send(0, ip(A, B, icmp(3, 1, 28)))
    c.send(1, ip(B, A, icmp(3, 1, 28)))
    c.send(2, ip(A, B, icmp(3, 1, 28)))
    c.expect(A, 0, B, 0, ICMP, (2, 112), when=(0, 2), icmpTypeCodeIPv4=code(3, 1))
    c.expect(B, 0, A, 0, ICMP, (1, 56), when=(1, 1), icmpTypeCodeIPv4=code(3, 1))


@case("icmp", "such messages key on their type and code; what they quote is not looked at")
def type_and_code(c):
    quoted = ip(B, A, udp(53, 1000))
    for seconds, (kind, minor) in enumerate(((3, 1), (3, 3), (11, 1), (3, 3))):
        c.send(seconds, ip(A, B, icmp(kind, minor, payload=quoted)))
    c.expect(A, 0, B, 0, ICMP, (1, 56), icmpTypeCodeIPv4=code(3, 1))
    c.expect(A, 0, B, 0, ICMP, (2, 112), when=(1, 3), icmpTypeCodeIPv4=code(3, 3))
    c.expect(A, 0, B, 0, ICMP, (1, 56), when=(2, 2), icmpTypeCodeIPv4=code(11, 1))


@case("icmp", "ICMPv6: echo, and every other pair")
def pairs_ipv6(c):
    for seconds, (request, reply) in enumerate(((128, 129), (130, 131), (133, 134), (135, 136),
                                                (139, 140), (144, 145))):
        c.send(seconds, ip(A6, B6, icmp6(request)))
        c.send(seconds + 0.5, ip(B6, A6, icmp6(reply)))
        c.expect(A6, 0, B6, 0, ICMP6, (1, 48), (1, 48), when=(seconds, seconds + 0.5),
                 icmpTypeCodeIPv6=code(request), reverseIcmpTypeCodeIPv6=code(reply))


@case("icmp", "ICMPv6: packet too big and unreachable stay one-way")
def one_way_ipv6(c):
    c.send(0, ip(A6, B6, icmp6(2)))
    c.send(1, ip(B6, A6, icmp6(2)))
    c.send(2, ip(A6, B6, icmp6(1, 4)))
    c.expect(A6, 0, B6, 0, ICMP6, (1, 48), icmpTypeCodeIPv6=code(2))
    c.expect(B6, 0, A6, 0, ICMP6, (1, 48), when=(1, 1), icmpTypeCodeIPv6=code(2))
    c.expect(A6, 0, B6, 0, ICMP6, (1, 48), when=(2, 2), icmpTypeCodeIPv6=code(1, 4))


@case("icmp", "--icmp-key none: all ICMP of a host pair is one flow", "--icmp-key", "none",
      slow=False)
def merged(c):
    c.send(0, ip(A, B, icmp(8)))
    c.send(1, ip(B, A, icmp(0)))
    c.send(2, ip(B, A, icmp(3, 1)))
    c.send(3, ip(A, B, icmp(13)))
    c.expect(A, 0, B, 0, ICMP, (2, 56), (2, 56), when=(0, 3), icmpTypeCodeIPv4=code(8),
             reverseIcmpTypeCodeIPv4=0)


def two_ways(c, build, protocol):
    there, back = ip(A, B, build(1000, 2000)), ip(B, A, build(2000, 1000))
    c.send(0, there)
    c.send(1, back)
    c.send(2, ip(A, B, build(2000, 1000)))
    c.expect(A, 1000, B, 2000, protocol, (1, len(there)), (1, len(back)), when=(0, 1))
    c.expect(A, 2000, B, 1000, protocol, (1, len(there)), when=(2, 2))


@case("ports", "SCTP has real ports")
def sctp_ports(c):
    two_ways(c, sctp, SCTP)


@case("ports", "DCCP has real ports")
def dccp_ports(c):
    two_ways(c, dccp, DCCP)


@case("ports", "UDP-Lite has real ports")
def udplite_ports(c):
    two_ways(c, udplite, UDPLITE)


@case("ports", "protocols without ports have ports 0")
def no_ports(c):
    for protocol in (IGMP, GRE, 89, 112, 253):
        c.send(0, ipv4(A, B, bytes(24), protocol))
        c.expect(A, 0, B, 0, protocol, (1, 44))
