# SPDX-License-Identifier: Apache-2.0
"""The tcp measure against tshark's TCP analysis, on every capture there is.

For each direction of each connection the segments that tshark calls retransmitted (fast and
spurious ones too), out of order, duplicate ACK, zero window or behind a gap are counted, changed by
the rules that docs/measures.md names as differences, and compared with weir's counts. A rule is
looked up in the packets: that octets were seen before is decided from all that was ever sent.
Neighbours: slow_tcp.py (the other comparison), packets.py.
"""
import shutil
from collections import Counter
from decimal import Decimal

import pytest

import packets              # first: it knows where tshark.py is
import tshark
from moments import reverse, reversed_too
from runner import capture_name, captures

KINDS = {"tcpRetransmittedPackets": ("retransmission", "fast_retransmission",
                                     "spurious_retransmission"),
         "tcpOutOfOrderPackets": ("out_of_order",), "tcpDuplicateAckPackets": ("duplicate_ack",),
         "tcpZeroWindowPackets": ("zero_window",), "tcpGapPackets": ("lost_segment",)}
NAMES = [name for names in KINDS.values() for name in names] + ["zero_window_probe", "initial_rtt"]
FIN, SYN, RST, ACK = 1, 2, 4, 16
FIELDS = [*reversed_too(KINDS), "tcpHandshakeMicroseconds"]

pytestmark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


def analysis(capture):
    """{frame number from 0: {name: text}} of the frames with TCP."""
    names = ["frame.number", *("tcp.analysis." + name for name in NAMES)]
    rows = [line.split("\t") for line in tshark.lines(capture, names, *tshark.OPTIONS, "-Y", "tcp",
                                                      "-E", "occurrence=f")]
    return {int(row[0]) - 1: dict(zip(NAMES, row[1:])) for row in rows}


def octets(packet, first):
    """The sequence numbers that a segment takes, counted from a little before the first one's."""
    taken = packet.payload_bytes + bool(packet.tcp.flags & SYN) + bool(packet.tcp.flags & FIN)
    start = (packet.tcp.seq - first + 2**20) % 2**32
    return range(start, start + taken)


def was_seen(taken, before):
    """All octets taken that are not beyond those before are among them, or between the oldest of
    them and where the capture began."""
    newest = max(range_.stop for range_ in before)
    seen = [*before, range(min(range_.start for range_ in before), before[0].start)]
    return all(any(number in range_ for range_ in seen)
               for number in taken if number < newest)


def is_cut(packet):
    """The IP header declares more than the frame had on the wire."""
    return packet.ip_bytes > packet.frame_bytes - (14 if packet.link == 1 else 0)


def begins_again(packet, flow):
    """A SYN that opens a flow behind another of the same addresses and ports."""
    return packet is flow.packets[0] and packet.tcp.flags & (SYN | ACK) == SYN


def expected(flow, frames, sender):
    """tshark's counts by weir's field, changed by the rules."""
    counts, before = Counter(), []
    sent = [p for p in flow.packets if p.sender == sender and p.tcp is not None]
    for packet in sent:
        taken = octets(packet, sent[0].tcp.seq)
        frame = frames.get(packet.number, {})
        found = {field for field, names in KINDS.items() if any(frame.get(n) for n in names)}
        if "tcpOutOfOrderPackets" in found and was_seen(taken, before):
            found = found - {"tcpOutOfOrderPackets"} | {"tcpRetransmittedPackets"}
        if begins_again(packet, flow):
            found -= {"tcpRetransmittedPackets", "tcpOutOfOrderPackets", "tcpGapPackets"}
        counts.update(found)
        before.append(taken)
    return counts


def kind(packet):
    return packet.tcp.flags & (FIN | SYN | RST | ACK) if packet.tcp else None


def is_in_order(flow):
    """No segment with ACK comes between a SYN and its SYN-ACK, nor from the server behind that."""
    waits = None
    for packet in flow.packets:
        if kind(packet) == SYN:
            waits = packet.sender, "SYN-ACK"
        elif waits and kind(packet) == SYN | ACK and packet.sender != waits[0]:
            waits = waits[0], "ACK"
        elif waits and packet.tcp and packet.tcp.flags & ACK:
            if waits[1] != "ACK" or packet.sender != waits[0] or kind(packet) != ACK:
                return False
            waits = None
    return True


def is_asked_for(flow, frames):
    """Each fast retransmission comes behind two duplicate ACKs, as tshark's own rule says."""
    asked = [(None, 0), (None, 0)]              # number, how often again in a row
    for packet in flow.packets:
        frame = frames.get(packet.number, {})
        if frame.get("fast_retransmission") and asked[1 - packet.sender][1] < 2:
            return False
        number, times = asked[packet.sender]
        if packet.tcp and number != packet.tcp.ack:
            number, times = packet.tcp.ack, 0
        asked[packet.sender] = number, times + bool(frame.get("duplicate_ack"))
    return True


def reaches_zero(flow):
    """An end's next number is 0: tshark takes that for none."""
    return any(p.tcp and (p.tcp.seq + len(octets(p, 0))) % 2**32 == 0 for p in flow.packets)


def compared(flow, record, frames):
    """The fields in which both must agree, and those whose sum must be the same."""
    probed = any(frames.get(p.number, {}).get("zero_window_probe") for p in flow.packets)
    if probed or reaches_zero(flow):
        return ["tcpZeroWindowPackets"], []
    late = ["tcpRetransmittedPackets", "tcpOutOfOrderPackets"]
    limit_differs = not is_in_order(flow) or record.get("tcpHandshakeMicroseconds") == 0
    if limit_differs or not is_asked_for(flow, frames):
        return [field for field in KINDS if field not in late], late
    return list(KINDS), []


def handshake(flow, frames):
    """initial_rtt in microseconds, or None."""
    times = [frames[p.number]["initial_rtt"] for p in flow.packets
             if frames.get(p.number, {}).get("initial_rtt")]
    return int(Decimal(times[-1]) * 10**6) if times else None


def differences(flow, record, frames):
    fields, summed = compared(flow, record, frames)
    name = packets.identity(record)[0][:6]
    for sender in (0, 1):
        wanted = expected(flow, frames, sender)
        found = {field: record.get(reverse(field) if sender else field, 0) for field in KINDS}
        for group in [*([field] for field in fields), summed]:
            ours, theirs = (sum(counts[field] for field in group) for counts in (found, wanted))
            if ours != theirs:
                yield "%s of %s, sender %d: found %s, tshark says %s" % (
                    " and ".join(group), name, sender, ours, theirs)
    ours, theirs = record.get("tcpHandshakeMicroseconds"), handshake(flow, frames)
    if is_in_order(flow) and ours != 0 and ours != theirs:
        yield "tcpHandshakeMicroseconds of %s: found %s, tshark says %s" % (name, ours, theirs)


def connections(capture):
    records = packets.records(capture, FIELDS, *packets.WEIR_OFF)
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
    assert list(differences(flow, {**record, "tcpHandshakeMicroseconds": 1}, frames))
