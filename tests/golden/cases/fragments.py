# SPDX-License-Identifier: Apache-2.0
"""Rows "fragments" and "IPv6 extension headers": what lies between the IP header and the ports."""
from case import case
from craft import (DSTOPTS, ESP, HIP, HOPOPTS, ICMP, MOBILITY, NONEXT, SHIM6, TCP, UDP,
                   ACK, authentication, ether, extension, fragment6, icmp, ip, ipv4, ipv6, routing,
                   tag, tcp, udp)

A, B = "10.0.0.1", "10.0.0.2"
A6, B6, VIA = "2001:db8::1", "2001:db8::2", "2001:db8::99"


def pieces(datagram, size, identification=77, source=A, destination=B):
    """An IPv4 datagram cut into fragments of `size` octets (a multiple of 8)."""
    return [ipv4(source, destination, datagram[at:at + size], datagram.protocol,
                 identification=identification, offset=at, more=at + size < len(datagram))
            for at in range(0, len(datagram), size)]


@case("fragments", "a later fragment joins the flow of its datagram when the first was seen")
def joined(c):
    for seconds, piece in enumerate(pieces(udp(1000, 53, 1992), 1000)):
        c.send(seconds, piece)
    c.send(2, ip(B, A, udp(53, 1000, 10)))
    c.expect(A, 1000, B, 53, UDP, (2, 2 * 1020), (1, 38), when=(0, 2))


@case("fragments", "a later fragment that comes before the first has ports 0; none is lost")
def later_first(c):
    first, second, third = pieces(udp(1000, 53, 2992), 1000)
    c.send(0, second)
    c.send(1, first)
    c.send(2, third)
    c.expect(A, 0, B, 0, UDP, (1, 1020))
    c.expect(A, 1000, B, 53, UDP, (2, 2040), when=(1, 2))


@case("fragments", "without a first fragment: ports 0, both directions one flow")
def no_first(c):
    c.send(0, pieces(udp(1000, 53, 1992), 1000)[1])
    c.send(1, pieces(udp(9, 9, 1992), 1000, source=B, destination=A)[1])
    c.expect(A, 0, B, 0, UDP, (1, 1020), (1, 1020), when=(0, 1))


@case("fragments", "datagrams are told apart by id, addresses, protocol and VLAN")
def not_mixed(c):
    c.send(0, pieces(udp(1000, 53, 1992), 1000, 5)[0])
    c.send(1, pieces(udp(1000, 53, 1992), 1000, 6)[1])                  # other id
    c.send(2, pieces(udp(1, 2, 1992), 1000, 5, B, A)[1])                # other sender
    c.send(3, pieces(tcp(1, 2, ACK, 1980), 1000, 5)[1])                 # other protocol
    c.frame(4, ether(tag(9, pieces(udp(1, 2, 1992), 1000, 5)[1]), 0x8100))
    c.expect(A, 1000, B, 53, UDP, (1, 1020))
    c.expect(A, 0, B, 0, UDP, (1, 1020), (1, 1020), when=(1, 2))
    c.expect(A, 0, B, 0, TCP, (1, 1020), when=(3, 3))
    c.expect(A, 0, B, 0, UDP, (1, 1020), when=(4, 4), vlanId=9)


@case("fragments", "the first fragment is remembered for 30 s", "-d", "off", "-t", "off")
def memory(c):
    first, second, third = pieces(udp(1000, 53, 2992), 1000)
    c.send(0, first)
    c.send(29, second)
    for seconds in range(30, 80, 10):                   # the clock goes on
        c.send(seconds, ip("10.9.9.9", "10.9.9.8", udp(1, 2)))
    c.send(90, third)
    c.expect(A, 1000, B, 53, UDP, (2, 2040), when=(0, 29))
    c.expect(A, 0, B, 0, UDP, (1, 1020), when=(90, 90))
    c.expect("10.9.9.9", 1, "10.9.9.8", 2, UDP, (5, 140), when=(30, 70))


@case("fragments", "a fragmented ping and its fragmented answer are one biflow")
def icmp_fragments(c):
    for seconds, piece in enumerate(pieces(icmp(8, 0, 1992), 1000)):
        c.send(seconds, piece)
    for seconds, piece in enumerate(pieces(icmp(0, 0, 1992), 1000, 3, B, A)):
        c.send(2 + seconds, piece)
    c.expect(A, 0, B, 0, ICMP, (2, 2040), (2, 2040), when=(0, 3), icmpTypeCodeIPv4=0x800,
             reverseIcmpTypeCodeIPv4=0)


@case("fragments", "TCP flags come from first fragments alone")
def tcp_fragments(c):
    for seconds, piece in enumerate(pieces(tcp(1000, 80, ACK, 1980), 1000)):
        c.send(seconds, piece)
    c.expect(A, 1000, B, 80, TCP, (2, 2040), when=(0, 1), tcpControlBits=16)


def pieces6(datagram, size, identification=77):
    return [ipv6(A6, B6, fragment6(datagram[at:at + size], identification, at,
                                   at + size < len(datagram), datagram.protocol))
            for at in range(0, len(datagram), size)]


@case("fragments", "IPv6: a later fragment joins its datagram")
def joined_ipv6(c):
    for seconds, piece in enumerate(pieces6(udp(1000, 53, 1992), 1000)):
        c.send(seconds, piece)
    c.expect(A6, 1000, B6, 53, UDP, (2, 2 * 1048), when=(0, 1))


@case("fragments", "IPv6: a later fragment alone has ports 0")
def later_ipv6(c):
    c.send(0, pieces6(udp(1000, 53, 1992), 1000)[1])
    c.expect(A6, 0, B6, 0, UDP, (1, 1048))


@case("fragments",
      "IPv6: headers behind the fragment header are in the first fragment only, and the "
      "later ones take the protocol from it")
def chain_behind_fragment(c):
    for seconds, piece in enumerate(pieces6(extension(DSTOPTS, udp(1000, 53, 1984)), 1000)):
        c.send(seconds, piece)
    c.expect(A6, 1000, B6, 53, UDP, (2, 2 * 1048), when=(0, 1))


@case("fragments", "IPv6: an atomic fragment is a whole datagram")
def atomic(c):
    c.send(0, ipv6(A6, B6, fragment6(udp(1000, 53, 10), 5)))
    c.send(1, ipv6(B6, A6, udp(53, 1000, 10)))
    c.expect(A6, 1000, B6, 53, UDP, (1, 66), (1, 58), when=(0, 1))


def through(c, *packets):
    """Each goes from A6:1000 to B6:53 with another chain: they are one flow."""
    for seconds, packet in enumerate(packets):
        c.send(seconds, packet)
    c.expect(A6, 1000, B6, 53, UDP, (len(packets), sum(map(len, packets))),
             when=(0, len(packets) - 1))


@case("extension-headers", "hop-by-hop options, also longer than eight octets")
def hop_by_hop(c):
    through(c, *(ipv6(A6, B6, extension(HOPOPTS, udp(1000, 53), octets=size)) for size in (8, 40)))


@case("extension-headers", "destination options are stepped over")
def destination_options(c):
    through(c, ipv6(A6, B6, extension(DSTOPTS, udp(1000, 53), octets=24)))


@case("extension-headers", "a routing header: the addresses are those of the IP header")
def routing_header(c):
    through(c, ipv6(A6, B6, routing(udp(1000, 53), VIA)))


@case("extension-headers", "AH counts its length by a rule of its own: 4-octet words less two")
def ah(c):
    through(c, *(ipv6(A6, B6, authentication(udp(1000, 53), octets)) for octets in (24, 32, 16)))


@case("extension-headers", "mobility, HIP and shim6 headers")
def rare(c):
    through(c, *(ipv6(A6, B6, extension(kind, udp(1000, 53))) for kind in (MOBILITY, HIP, SHIM6)))


@case("extension-headers", "all of them in one chain")
def all_in_one(c):
    inner = extension(DSTOPTS, udp(1000, 53, 8))
    inner = authentication(fragment6(inner, 1))
    through(c, ipv6(A6, B6, extension(HOPOPTS, extension(DSTOPTS, routing(inner, VIA)))))


@case("extension-headers", "a chain is bounded by the packet, not by a number we made up")
def long_chain(c):
    packet = udp(1000, 53)
    for _ in range(40):
        packet = extension(DSTOPTS, packet)
    through(c, ipv6(A6, B6, packet))


@case("extension-headers", "ESP and no-next-header end the chain: that protocol, ports 0")
def ends_of_chain(c):
    c.send(0, ipv6(A6, B6, extension(HOPOPTS, bytes(16), ESP)))
    c.send(1, ipv6(A6, B6, extension(HOPOPTS, b"", NONEXT)))
    c.expect(A6, 0, B6, 0, ESP, (1, 64))
    c.expect(A6, 0, B6, 0, NONEXT, (1, 48), when=(1, 1))


@case("extension-headers", "AH is looked through in IPv4 too")
def ah_ipv4(c):
    c.send(0, ip(A, B, authentication(udp(1000, 53, 10))))
    c.send(1, ip(B, A, udp(53, 1000, 10)))
    c.expect(A, 1000, B, 53, UDP, (1, 62), (1, 38), when=(0, 1))


@case("extension-headers", "numbers that are extension headers in IPv6 are plain protocols in IPv4")
def ipv4_has_none(c):
    c.send(0, ipv4(A, B, extension(DSTOPTS, udp(1000, 53))))
    c.send(1, ipv4(A, B, bytes(16), HOPOPTS))
    c.expect(A, 0, B, 0, DSTOPTS, (1, 36))
    c.expect(A, 0, B, 0, HOPOPTS, (1, 36), when=(1, 1))
