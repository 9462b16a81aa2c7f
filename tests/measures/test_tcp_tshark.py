# SPDX-License-Identifier: Apache-2.0
"""The tcp measure against tshark's TCP analysis, on every capture there is.

For each direction of each connection the segments that tshark calls retransmitted (fast and
spurious ones too), out of order, duplicate ACK, zero window or behind a gap are counted, changed by
the rules that docs/measures.md names as differences, and compared with weir's counts. A rule is
looked up in the packets: that octets were seen before is decided from all that was ever sent.
Neighbours: slow_tcp.py (the other comparison), packets.py.
"""
import shutil
import subprocess
from collections import Counter
from decimal import Decimal

import pytest

import packets
from runner import capture_name, captures, meter

KINDS = {"tcpRetransmittedPackets": ("retransmission", "fast_retransmission",
                                     "spurious_retransmission"),
         "tcpOutOfOrderPackets": ("out_of_order",), "tcpDuplicateAckPackets": ("duplicate_ack",),
         "tcpZeroWindowPackets": ("zero_window",), "tcpGapPackets": ("lost_segment",)}
NAMES = [name for names in KINDS.values() for name in names] + ["initial_rtt"]
OPTIONS = ["-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
           "-o", "tcp.desegment_tcp_streams:FALSE"]
FIN, SYN, RST, ACK = 1, 2, 4, 16

pytestmark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


def reverse(name):
    return "reverse" + name[0].upper() + name[1:]


FIELDS = [*KINDS, *map(reverse, KINDS), "tcpHandshakeMicroseconds"]


def analysis(capture):
    """{frame number from 0: {name: text}} of the frames with TCP."""
    command = ["tshark", *OPTIONS, "-r", str(capture), "-Y", "tcp", "-T", "fields",
               "-E", "occurrence=f", "-e", "frame.number"]
    for name in NAMES:
        command += ["-e", "tcp.analysis." + name]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                          text=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {int(row[0]) - 1: dict(zip(NAMES, row[1:])) for row in rows}


def octets(packet):
    """The sequence numbers that a segment takes, as a range without end."""
    taken = packet.payload_bytes + bool(packet.tcp.flags & SYN) + bool(packet.tcp.flags & FIN)
    return range(packet.tcp.seq, packet.tcp.seq + taken)


def was_seen(packet, before):
    """All octets of the packet that are not beyond those before it are among them."""
    end = max(range_.stop for range_ in before)
    wanted = {octet for octet in octets(packet) if octet < end}
    for range_ in before:
        wanted.difference_update(range_)
    return not wanted


def is_cut(packet):
    """The IP header declares more than the frame had on the wire."""
    return packet.ip_bytes > packet.frame_bytes - (14 if packet.link == 1 else 0)


def begins_again(packet, flow):
    """A SYN that opens a flow behind another of the same addresses and ports."""
    return packet is flow.packets[0] and packet.tcp.flags & (SYN | ACK) == SYN


def expected(flow, frames, sender):
    """tshark's counts by weir's field, changed by the rules."""
    counts, before = Counter(), []
    for packet in flow.packets:
        if packet.sender != sender or packet.tcp is None:
            continue
        frame = frames.get(packet.number, {})
        found = {field for field, names in KINDS.items() if any(frame.get(n) for n in names)}
        if "tcpOutOfOrderPackets" in found and was_seen(packet, before):
            found = found - {"tcpOutOfOrderPackets"} | {"tcpRetransmittedPackets"}
        if begins_again(packet, flow):
            found -= {"tcpRetransmittedPackets", "tcpOutOfOrderPackets", "tcpGapPackets"}
        counts.update(found)
        before.append(octets(packet))
    return counts


def handshake(flow, frames):
    """initial_rtt in microseconds, or None: of a refused SYN too."""
    times = [frames[p.number]["initial_rtt"] for p in flow.packets
             if frames.get(p.number, {}).get("initial_rtt")]
    answered = any(p.tcp and p.tcp.flags & (SYN | ACK) == SYN | ACK for p in flow.packets)
    return int(Decimal(times[0]) * 10**6) if times and answered else None


def differences(flow, record, frames):
    for sender in (0, 1):
        wanted = expected(flow, frames, sender)
        for field in KINDS:
            name = reverse(field) if sender else field
            if record.get(name, 0) != wanted[field]:
                yield "%s of %s: found %s, tshark says %s" % (
                    name, packets.identity(record)[0], record.get(name), wanted[field])
    if record.get("tcpHandshakeMicroseconds") != handshake(flow, frames):
        yield "tcpHandshakeMicroseconds of %s: found %s, tshark says %s" % (
            packets.identity(record)[0], record.get("tcpHandshakeMicroseconds"),
            handshake(flow, frames))


def connections(capture):
    timers = ("-d", "off", "-t", "off", "--tcp-linger", "off")
    records = meter(capture, *timers, "--fields", ",".join([*packets.IDENTITY, *FIELDS])).records
    pairs = packets.pair(packets.flows(capture, packets.OFF), records)
    return [(flow, record) for flow, record in pairs
            if flow.protocol == 6 and not any(map(is_cut, flow.packets))]


@pytest.mark.parametrize("capture", captures(), ids=capture_name)
def test_tshark(capture):
    pairs = connections(capture)
    if not pairs:
        return
    frames = analysis(capture)
    wrong = [text for flow, record in pairs for text in differences(flow, record, frames)]
    assert not wrong, "%d values differ\n%s" % (len(wrong), "\n".join(wrong[:12]))


def test_differences_are_found():
    """A count that is not tshark's does not pass."""
    capture = next(path for path in captures() if path.name == "web-tls.pcap")
    flow, record = connections(capture)[0]
    frames = analysis(capture)
    assert not list(differences(flow, record, frames))
    assert list(differences(flow, {**record, "tcpGapPackets": 1}, frames))
    assert list(differences(flow, {**record, "tcpHandshakeMicroseconds": 0}, frames))
