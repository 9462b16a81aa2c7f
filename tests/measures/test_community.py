# SPDX-License-Identifier: Apache-2.0
"""Community ID, crafted: every type of ICMP both ways, all kinds of protocols, equal ends, keys.

weir against tshark where tshark reads the packet by itself, and against the slow twin everywhere.
"""
import pytest

import packets              # first: it knows where craft is
import craft
import slow_community
import test_community_tshark
from craft import ether, icmp, icmp6, ip, ipv4, sctp, tcp, udp, udplite
from runner import meter

A, B, A6, B6 = "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"
BODY = 64               # octets: tshark names no message that it finds cut


def write(path, sent):
    frames = [ether(packet) for packet in sent]
    path.write_bytes(craft.pcap([(craft.at(n / 1000), frame, len(frame))
                                 for n, frame in enumerate(frames)]))
    return path


def found(capture, *arguments):
    """{Community ID of weir's records}."""
    records = meter(capture, "--fields", "communityId,packetDeltaCount", *arguments).records
    return {record.get("communityId") for record in records}


def expected(capture, seed=0):
    """The same by the slow twin, from every packet that tells."""
    flows = packets.flows(capture, packets.DEFAULT)
    return {slow_community.identifier(packet, seed) for flow in flows for packet in flow.packets
            if slow_community.tells(packet)}


def by_tshark(capture):
    return {name for name, _ in test_community_tshark.by_frame(capture) if name}


def both_ways(source, destination, part):
    return [ip(source, destination, part), ip(destination, source, part)]


def test_every_type_of_icmp(tmp_path):
    sent = [packet for kind in range(256) for code in (0, 1)
            for packet in both_ways(A, B, icmp(kind, code, BODY))]
    capture = write(tmp_path / "icmp.pcap", sent)
    assert found(capture) == expected(capture) == by_tshark(capture)


def test_every_type_of_icmp6(tmp_path):
    sent = [packet for kind in range(256) for code in (0, 1)
            for packet in both_ways(A6, B6, icmp6(kind, code, BODY))]
    capture = write(tmp_path / "icmp6.pcap", sent)
    assert found(capture) == expected(capture)
    theirs = by_tshark(capture)         # of all but three messages that zeros are no body of
    assert theirs < found(capture) and len(theirs) == len(found(capture)) - 6


def test_ports_and_none(tmp_path):
    parts = [tcp(1000, 80, craft.SYN), udp(1000, 53, 5), sctp(7, 80), udplite(5, 6, 4)]
    sent = [packet for ends in ((A, B), (A6, B6)) for part in parts
            for packet in both_ways(*ends, part)]
    sent += [packet for number in (2, 50, 89, 103) for packet in
             (ipv4(A, B, bytes(20), number), ipv4(B, A, bytes(20), number))]
    capture = write(tmp_path / "ports.pcap", sent)
    assert found(capture) == expected(capture)
    assert len(found(capture)) == 2 * (2 * 3 + 1) + 4           # UDP-Lite's ports say nothing
    assert found(capture, "--community-seed", 65535) == expected(capture, 65535)
    assert not found(capture, "--community-seed", 1) & expected(capture)


def test_equal_ends(tmp_path):
    sent = [ipv4(A, A, udp(*ports, 5)) for ports in ((9, 8), (8, 9), (5, 5), (256, 1), (1, 256))]
    capture = write(tmp_path / "equal.pcap", sent)
    assert found(capture) == expected(capture) == by_tshark(capture)
    assert len(found(capture)) == 3


def test_the_same_for_every_key_that_has_the_tuple(tmp_path):
    sent = [packet for part in (tcp(1000, 80, craft.SYN), udp(9, 10, 3), icmp(8), icmp(3, 1))
            for packet in both_ways(B, A, part)]
    capture = write(tmp_path / "keys.pcap", sent)
    tuple_ = ("sourceIPv4Address,destinationIPv4Address,protocolIdentifier,sourceTransportPort,"
              "destinationTransportPort")
    for arguments in (("--per-interface",), ("--tunnels",), ("--no-vlan-key",), ("--uniflow",),
                      ("--key", tuple_ + ",icmpTypeCodeIPv4")):
        assert found(capture, *arguments) == expected(capture)


@pytest.mark.parametrize("key", (
    "sourceIPv4Address,destinationIPv4Address", "protocolIdentifier", "sourceTransportPort",
    "sourceIPv4Address/24,destinationIPv4Address/24,protocolIdentifier,sourceTransportPort,"
    "destinationTransportPort"))
def test_absent_where_the_key_lacks_a_part(tmp_path, key):
    capture = write(tmp_path / "less.pcap", both_ways(A, B, udp(9, 10, 3)))
    assert found(capture, "--key", key) == {None}


def test_absent_without_ports(tmp_path):
    capture = write(tmp_path / "echo.pcap", both_ways(A, B, icmp(8)))
    assert found(capture, "--icmp-key", "none") == {None}
    later = ipv4(A, B, bytes(8), craft.UDP, identification=9, offset=32)
    assert found(write(tmp_path / "later.pcap", [later])) == {None}
