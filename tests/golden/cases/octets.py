# SPDX-License-Identifier: Apache-2.0
"""Rows "octetDeltaCount", "offload super-frames" and "snaplen": what a packet counts."""
from case import case
from craft import ACK, SYN, TCP, UDP, ether, ip, ipv4, ipv6, tag, tcp, udp

A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"


@case("octets",
      "Ethernet padding of a short packet does not count; frame octets have their own counter",
      "--fields", "+layer2OctetDeltaCount")
def padding(c):
    c.frame(0, ether(ip(A, B, udp(1000, 53))) + bytes(18))
    c.expect(A, 1000, B, 53, UDP, (1, 28), layer2OctetDeltaCount=60)


@case("octets", "a checksum that the capture left behind the frame does not count, in IPv6 either")
def trailer(c):
    c.frame(0, ether(ip(A6, B6, udp(1000, 53, 40))) + b"\xde\xad\xbe\xef")
    c.expect(A6, 1000, B6, 53, UDP, (1, 88))


@case("octets", "IPv6: payload length + 40, extension headers included")
def ipv6_length(c):
    c.send(0, ip(A6, B6, udp(1000, 53, 100)))
    c.expect(A6, 1000, B6, 53, UDP, (1, 148))


@case("octets", "IPv4 options count")
def options(c):
    c.send(0, ipv4(A, B, udp(1000, 53, 10), options=bytes(12)))
    c.expect(A, 1000, B, 53, UDP, (1, 50))


@case("octets", "IP length 0 is segmentation offload: what the wire length says remains")
def length_zero(c):
    c.send(0, ipv4(A, B, tcp(1000, 80, ACK, 4000), length=0))
    c.expect(A, 1000, B, 80, TCP, (1, 4040))


@case("octets", "IP length 0 in a truncated, tagged frame: the wire length, not what was captured")
def length_zero_cut(c):
    frame = ether(tag(5, ipv4(A, B, tcp(1000, 80, ACK, 9000), length=0)), 0x8100)
    c.frame(0, frame, cut=96)
    c.expect(A, 1000, B, 80, TCP, (1, 9040), vlanId=5)


@case("octets", "IPv6 payload length 0 (BIG TCP) likewise")
def length_zero_ipv6(c):
    c.send(0, ipv6(A6, B6, tcp(1000, 80, ACK, 100_000), length=0), cut=128)
    c.expect(A6, 1000, B6, 80, TCP, (1, 100_060))


@case("super-frames", "in a file the segment size is unknown: a super-frame is one packet")
def super_frame(c):
    c.send(0, ip(A, B, tcp(1000, 80, ACK, 64000)))
    c.expect(A, 1000, B, 80, TCP, (1, 64040))


@case("snaplen", "a truncated packet counts in full by its headers' declared lengths")
def truncated(c):
    c.send(0, ip(A, B, udp(1000, 53, 1000)), cut=60)
    c.send(1, ip(A6, B6, udp(1000, 53, 1000)), cut=70)
    c.expect(A, 1000, B, 53, UDP, (1, 1028))
    c.expect(A6, 1000, B6, 53, UDP, (1, 1048), when=(1, 1))


@case("snaplen",
      "ports are read where they are there; TCP flags are not invented where they are cut off")
def truncated_transport(c):
    c.send(0, ip(A, B, tcp(1000, 80, SYN, 0)), cut=14 + 20 + 8)
    c.send(1, ip(A, B, tcp(1001, 80, SYN, 0)), cut=14 + 20 + 2)
    c.expect(A, 1000, B, 80, TCP, (1, 40), tcpControlBits=0)
    c.expect(A, 0, B, 0, TCP, (1, 40), when=(1, 1), tcpControlBits=0)


@case("snaplen", "a frame cut before the addresses cannot be metered, and is counted as truncated")
def truncated_header(c):
    c.send(0, ip(A, B, udp(1000, 53)), cut=14 + 16)
    c.send(0, ip(A6, B6, udp(1000, 53)), cut=14 + 30)
    c.send(1, ip(A, B, udp(1000, 53)))
    c.account(seen=3, truncated=2, metered=1)
    c.expect(A, 1000, B, 53, UDP, (1, 28), when=(1, 1))


@case("snaplen", "--snaplen cuts frames of a file too, and changes no counter", "--snaplen", "64")
def snaplen_option(c):
    c.send(0, ip(A, B, udp(1000, 53, 1000)))
    c.send(1, ip(B, A, udp(53, 1000, 1200)))
    c.expect(A, 1000, B, 53, UDP, (1, 1028), (1, 1228), when=(0, 1))


@case("malformed", "headers that contradict themselves are refused by name, and stop nothing")
def malformed(c):
    good = ip(A, B, udp(1000, 53))
    c.send(0, bytes([0x44]) + good[1:])                         # header length 16
    c.frame(0, ether(bytes([0x65]) + good[1:], 0x0800))         # version 6 under type 0800
    c.send(0, ipv4(A, B, udp(1000, 53), length=19))
    c.frame(0, ether(bytes([0x45]) + ip(A6, B6, udp(1, 2))[1:], 0x86dd))
    c.send(1, good)
    c.account(seen=5, malformed_ipv4=3, malformed_ipv6=1, metered=1)
    c.expect(A, 1000, B, 53, UDP, (1, 28), when=(1, 1))
