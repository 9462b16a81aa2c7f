# SPDX-License-Identifier: Apache-2.0
"""path and tunnel, crafted: what captures rarely have. Values come from the script that sent it."""
import random
import struct

import pytest

import packets             # first: it knows where craft is
import craft
import slow_path
from craft import (authentication, erspan, ether, extension, fragment6, geneve, gre, gtpu, ip, ipv4,
                   ipv6, mpls, routing, sll, tag, udp, vxlan)
from moments import reverse, reversed_too
from runner import meter, weir
from test_measures import differences

A, B, A6, B6 = "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"
OUT, BACK, OUT6, BACK6 = "192.0.2.1", "192.0.2.2", "2001:db8:f::1", "2001:db8:f::2"
DGRAM, REPLY = udp(1000, 53, 10), udp(53, 1000, 10)


def write(path, frames, link=craft.LINK_ETHERNET):
    """frames: octets, a second apart; a tuple (octets, captured) cuts one."""
    pairs = [frame if isinstance(frame, tuple) else (frame, len(frame)) for frame in frames]
    path.write_bytes(craft.pcap([(craft.at(n), octets[:kept], len(octets))
                                 for n, (octets, kept) in enumerate(pairs)], link))
    return path


@pytest.fixture
def record(tmp_path):
    """The only record of these frames, with some fields."""
    def run(frames, *fields, arguments=(), link=craft.LINK_ETHERNET):
        capture = write(tmp_path / "sent.pcap", frames, link)
        found = meter(capture, "--fields", ",".join(fields), "-d", "off", "-t",
                      "off", *arguments).records
        assert len(found) == 1
        return [found[0].get(field) for field in fields]
    return run


def test_ttl(record):
    frames = [ether(ipv4(A, B, DGRAM, ttl=ttl)) for ttl in (64, 0, 255, 1)]
    frames += [ether(ipv4(B, A, REPLY, ttl=ttl)) for ttl in (17, 18)]
    assert record(frames, "ipTTL", "minimumTTL", "maximumTTL", "reverseIpTTL",
                  "reverseMinimumTTL", "reverseMaximumTTL") == [64, 0, 255, 17, 17, 18]


def test_a_side_that_is_silent_has_nothing(record):
    names = [*map(reverse, slow_path.ONE_WAY)]
    assert record([ether(ipv4(A, B, DGRAM))], *names) == [None] * len(names)


@pytest.mark.parametrize("family", (4, 6))
def test_every_code_point(record, family):
    def packet(tos):
        return ipv4(A, B, DGRAM, tos=tos) if family == 4 else ipv6(A6, B6, DGRAM, traffic_class=tos)
    fields = "ipDiffServCodePoint", "ipDiffServCodePointsSeen", "ecnCodePointsSeen"
    for tos in (0, 1, 2, 3, 46 << 2, 63 << 2 | 3):
        assert record([ether(packet(tos))], *fields) == [tos >> 2, 1 << (tos >> 2), 1 << (tos & 3)]
    assert record([ether(packet(tos)) for tos in range(255, -1, -1)], *fields) == [
        63, (1 << 64) - 1, 15]


def ipv4_options(*octets):
    data = bytes(octets)
    return ether(ipv4(A, B, DGRAM, options=data + bytes(-len(data) % 4)))


@pytest.mark.parametrize("octets, expected", (
    ((), 0), ((7, 7, 4, 0, 0, 0, 0), 1 << 7 | 1), ((1, 1, 1, 1), 1 << 1),
    ((148, 4, 0, 0), 1 << 20),                  # router alert: all eight bits
    ((20, 4, 0, 0), 0),                         # the same number without its copy bit is another
    ((0, 148, 4, 0), 1),                        # behind the end of the list is nothing
    ((148, 0, 7, 7), 1 << 20),                  # a length that leads nowhere ends it
    ((148, 1, 7, 7), 1 << 20), ((1, 1, 1, 68), 1 << 1 | 1 << 4),
    ((148, 200, 0, 0), 1 << 20), ((30, 4, 0, 0), 1 << 30), ((222, 4, 0, 0), 1 << 30),
    ((130, 4, 0, 0, 131, 3, 0, 133, 2, 0, 0, 0), 1 << 2 | 1 << 3 | 1 << 5 | 1)))
def test_ipv4_options(record, octets, expected):
    assert record([ipv4_options(*octets)], "ipv4Options", "ipv6ExtensionHeaders") == [expected,
                                                                                     None]


def test_ipv4_options_of_all_packets(record):
    frames = [ipv4_options(148, 4, 0, 0), ether(ipv4(A, B, DGRAM)), ipv4_options(1, 1, 1, 1)]
    assert record(frames, "ipv4Options") == [1 << 20 | 1 << 1]


def full(value):
    return "0x%x" % value


@pytest.mark.parametrize("payload, header, expected, expected_full", (
    (DGRAM, None, 0, 0),
    (extension(60, DGRAM), None, 1, 1),
    (extension(0, DGRAM), None, 2, 2),
    (extension(0, extension(60, routing(extension(60, DGRAM), B6))), None, 0x23, 0x23),
    (fragment6(DGRAM, 5, 0, True), None, 1 << 4, 1 << 4),
    (fragment6(DGRAM, 5, 0, False), None, 1 << 4, 1 << 4),      # atomic
    (fragment6(DGRAM, 5, 8, False), None, 1 << 6, 1 << 6),
    (authentication(DGRAM), None, 1 << 14, 1 << 14),
    (extension(135, DGRAM), None, 1 << 12, 1 << 12),
    (extension(139, DGRAM), None, 0, 1 << 16),
    (extension(140, extension(135, DGRAM)), None, 1 << 12, 1 << 17 | 1 << 12),
    (bytes(20), 50, 1 << 13, 1 << 13),
    (bytes(20), 108, 1 << 15, 0),
    (b"", 59, 0, 1 << 2),
    (extension(60, bytes(8), 59), None, 1, 1 | 1 << 2),
    (bytes(20), 253, 0, 0)))
def test_ipv6_chain(record, payload, header, expected, expected_full):
    frame = ether(ipv6(A6, B6, payload, header))
    assert record([frame], "ipv6ExtensionHeaders", "ipv6ExtensionHeadersFull",
                  "ipv4Options") == [expected, full(expected_full), None]


def test_ipv6_chain_that_was_cut(record):
    """A header is announced by the one before it, so the kind of one that was cut is known."""
    frame = ether(ipv6(A6, B6, extension(0, extension(60, DGRAM), octets=16)))
    fields = "ipv6ExtensionHeaders", "ipv6ExtensionHeadersFull"
    for kept, expected in ((54, 2), (61, 2), (62, 2), (69, 2), (70, 3), (77, 3), (78, 3)):
        assert record([(frame, kept)], *fields) == [expected, full(expected)]
    frame = ether(ipv6(A6, B6, fragment6(DGRAM, 5, 8, False)))
    assert record([(frame, 61)], *fields) == [0, full(0)]       # first or later: not known
    assert record([(frame, 62)], *fields) == [1 << 6, full(1 << 6)]


def test_flow_label(record):
    frames = [ether(ipv6(A6, B6, DGRAM, label=label)) for label in (0xfffff, 3)]
    frames += [ether(ipv6(B6, A6, REPLY, label=0))]
    assert record(frames, "flowLabelIPv6", "reverseFlowLabelIPv6") == [0xfffff, 0]
    assert record([ether(ipv4(A, B, DGRAM))], "flowLabelIPv6") == [None]


def test_flow_label_of_the_key(tmp_path):
    """Where it is part of the key the record says what the key has."""
    frames = [ether(ipv6(A6, B6, bytes(20), 50, label=label)) for label in (7, 8, 7)]
    capture = write(tmp_path / "labels.pcap", frames)
    key = "sourceIPv6Address,destinationIPv6Address,protocolIdentifier,flowLabelIPv6"
    found = meter(capture, "--key", key, "--fields", "flowLabelIPv6,packetDeltaCount").records
    assert sorted(r["flowLabelIPv6"] for r in found) == [7, 8]


def test_fragments(record):
    fields = "fragmentFlags", "fragmentFlagsSeen", "fragmentPacketDeltaCount"
    frames = [ether(ipv4(A, B, udp(1000, 53, 24), identification=9, more=True)),
              ether(ipv4(A, B, bytes(8), craft.UDP, identification=9, offset=32, more=True)),
              ether(ipv4(A, B, bytes(8), craft.UDP, identification=9, offset=40)),
              ether(ipv4(A, B, DGRAM))]
    assert record(frames, *fields) == [0x20, 0x20, 3]
    whole = bytearray(ipv4(A, B, DGRAM))
    whole[6] = 0xc0                     # reserved, don't fragment
    assert record([ether(whole), *frames], *fields) == [0xc0, 0xe0, 3]
    six = [ether(ipv6(A6, B6, fragment6(udp(1000, 53, 24), 7, 0, True))),
           ether(ipv6(A6, B6, fragment6(bytes(8), 7, 32, False, craft.UDP)))]
    assert record(six, *fields) == [0x20, 0x20, 2]
    atomic = ether(ipv6(A6, B6, fragment6(DGRAM, 7, 0, False)))
    assert record([atomic], *fields) == [0, 0, 0]


MACS = ("sourceMacAddress", "destinationMacAddress", "reverseSourceMacAddress",
        "reverseDestinationMacAddress")


def test_mac_addresses(record):
    frames = [ether(ip(A, B, DGRAM)), ether(ip(A, B, DGRAM), source="0200000000aa"),
              ether(ip(B, A, REPLY), source="0200000000bb", destination="ffffffffffff")]
    assert record(frames, *MACS) == ["02:00:00:00:00:01", "02:00:00:00:00:02",
                                     "02:00:00:00:00:bb", "ff:ff:ff:ff:ff:ff"]
    assert record([sll(ip(A, B, DGRAM))], *MACS, link=craft.LINK_SLL) == [None] * 4
    assert record([ip(A, B, DGRAM)], *MACS, link=craft.LINK_RAW) == [None] * 4


LABELS = ("mplsTopLabelStackSection", "mplsLabelStackSection2", "mplsTopLabelExp",
          "mplsTopLabelTTL", "mplsLabelStackDepth")


def labels(*entries):
    return b"".join(struct.pack("!I", label << 12 | kind << 9 | (n == len(entries) - 1) << 8 | ttl)
                    for n, (label, kind, ttl) in enumerate(entries))


def test_mpls(record):
    packet = ip(A, B, DGRAM)
    assert record([ether(packet)], *LABELS) == [None] * 5
    one = ether(labels((0x12345, 5, 77)) + packet, 0x8847)
    assert record([one], *LABELS) == ["12345b", None, 5, 77, 1]
    three = ether(tag(7, labels((16, 0, 255), (0xfffff, 7, 0), (3, 0, 1)) + packet, 0x8847), 0x8100)
    assert record([three, one], *LABELS, arguments=("--no-vlan-key",)) == [
        "000100", "fffffe", 0, 255, 3]
    pseudowire = ether(labels((99, 1, 2)) + bytes(4) + ether(packet), 0x8847)
    assert record([pseudowire], *LABELS) == ["000633", None, 1, 2, 1]


TUNNEL = ("tunnelTypes", "tunnelSourceIPv4Address", "tunnelDestinationIPv4Address",
          "tunnelSourceIPv6Address", "tunnelDestinationIPv6Address", "gtpuTEid")
INNER = ip(A, B, DGRAM)


@pytest.mark.parametrize("packet, kinds, identifier", (
    (gre(INNER), 1, None), (gre(INNER, key=9), 1, None), (INNER, 2, None),
    (vxlan(ether(INNER), 7), 4, None), (geneve(ether(INNER), 7), 8, None),
    (gtpu(INNER, 0x1001), 16, 0x1001), (erspan(ether(INNER), 5), 1 | 32, None),
    (udp(50000, 6635, payload=mpls([9], INNER)), 128, None)))
def test_tunnels(record, packet, kinds, identifier):
    for addresses, expected in (((OUT, BACK), [OUT, BACK, None, None]),
                                ((OUT6, BACK6), [None, None, OUT6, BACK6])):
        frame = ether(ip(*addresses, packet))
        assert record([frame], *TUNNEL, arguments=("--tunnels",)) == [kinds, *expected, identifier]
        assert record([frame], *TUNNEL) == [None] * 6


def test_tunnels_in_tunnels(record):
    """The outermost addresses, and the kinds of all."""
    frame = ether(ip(OUT6, BACK6, gre(ip(OUT, BACK, vxlan(ether(INNER), 7)))))
    assert record([frame], *TUNNEL, arguments=("--tunnels",)) == [
        1 | 4, None, None, OUT6, BACK6, None]


def test_tunnels_of_each_direction(record):
    frames = [ether(ip(OUT, BACK, gtpu(INNER, 1))), ether(ip(OUT6, BACK6, gtpu(INNER, 3))),
              ether(ip(BACK, OUT, gtpu(ip(B, A, REPLY), 2)))]
    assert record(frames, *reversed_too(TUNNEL), arguments=("--tunnels",)) == [
        16, OUT, BACK, None, None, 1, 16, BACK, OUT, None, None, 2]


def test_no_tunnel_with_tunnels(record):
    assert record([ether(INNER)], *TUNNEL, arguments=("--tunnels",)) == [None] * 6


def test_the_inner_header_counts(record):
    """With --tunnels it is the metered packet's header that is looked at, not the outer one's."""
    inner = ipv4(A, B, DGRAM, ttl=7, tos=46 << 2, options=bytes((148, 4, 0, 0)))
    outer = ipv6(OUT6, BACK6, extension(60, Part4(inner)), hops=200)
    assert record([ether(outer)], "ipTTL", "ipDiffServCodePoint", "ipv4Options",
                  "ipv6ExtensionHeaders", "tunnelTypes", arguments=("--tunnels",)) == [
        7, 46, 1 << 20, None, 2]


def Part4(octets):                      # IPv4 by its protocol number
    return craft.Part(octets, craft.IPIP)


# ---- at random, against the slow twin ----

def random_chain(rng, inner):
    for _ in range(rng.randrange(5)):
        kind = rng.choice((0, 60, 43, 44, 51, 135, 139, 140))
        if kind == 44:
            inner = fragment6(inner, rng.randrange(4), rng.choice((0, 0, 8)), rng.random() < 0.5)
        elif kind == 51:
            inner = authentication(inner, rng.choice((12, 16, 24)))
        elif kind == 43:
            inner = routing(inner, B6)
        else:
            inner = extension(kind, inner, octets=8 * rng.randrange(1, 4))
    return inner


def random_packet(rng):
    here = rng.random() < 0.5
    ends, inner = ((A, B), DGRAM) if here else ((B, A), REPLY)
    if rng.random() < 0.5:
        size = rng.choice((0, 0, 4, 8, 40))
        options = bytes(rng.choice((0, 1, 7, 148, 68, 20, 2, 3, 4, 5, 30)) for _ in range(size))
        packet = bytearray(ipv4(*ends, inner, tos=rng.randrange(256), ttl=rng.randrange(256),
                                options=options, identification=rng.randrange(4),
                                more=rng.random() < 0.1))
        packet[6] |= rng.choice((0, 0x40, 0x80))
        return bytes(packet)
    return ipv6((A6, B6)[not here], (A6, B6)[here], random_chain(rng, inner),
                traffic_class=rng.randrange(256), label=rng.randrange(1 << 20),
                hops=rng.randrange(256))


@pytest.mark.parametrize("seed", range(20))
def test_random_headers(tmp_path, seed):
    rng, frames = random.Random(seed), []
    for _ in range(60):
        packet = random_packet(rng)
        frame = ether(packet, source="0200000000%02x" % rng.randrange(256))
        least = 14 + (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else len(frame)
        frames.append((frame, rng.choice((len(frame), rng.randrange(least, len(frame) + 1)))))
    capture = write(tmp_path / "random.pcap", frames)
    found = packets.records(capture, slow_path.FIELDS, *packets.WEIR_OFF)
    wrong = differences(slow_path, packets.pair(packets.flows(capture, packets.OFF), found))
    assert not wrong, "\n".join(wrong[:12])


# ---- out and in again ----

EVERYWHERE = ["minimumTTL", "ipDiffServCodePointsSeen", "ecnCodePointsSeen", "fragmentFlagsSeen",
              "fragmentPacketDeltaCount", "sourceMacAddress"]


def test_ipfix_brings_it_over(tmp_path):
    """Both directions, addresses, flags and what weir's own elements say, by an IPFIX file."""
    frames = [ether(ipv4(A, B, DGRAM, tos=46 << 2)), ether(ipv4(B, A, REPLY, ttl=3, tos=255))]
    names = reversed_too(EVERYWHERE)
    capture, file = write(tmp_path / "sent.pcap", frames), tmp_path / "flows.ipfix"
    direct, = meter(capture, "--fields", ",".join(names)).records
    weir("meter", "-r", capture, "--fields", ",".join(names), "-o", "ipfix:%s" % file)
    collected, = weir("collect", "-r", file, "-o", "json:-", "--fields", ",".join(names)).records
    assert collected == direct and set(direct) == set(names)
