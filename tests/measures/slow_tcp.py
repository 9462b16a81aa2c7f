# SPDX-License-Identifier: Apache-2.0
"""The tcp measure of docs/measures.md, computed from all packets of a connection at once.

Sequence numbers are unwrapped to integers without end; what has been passed over is a list of
intervals. judge() says what each segment is; test_tcp_tshark.py asks it as well.
Neighbours: test_tcp.py (crafted connections), slow_base.py.
"""
from dataclasses import dataclass, field

from moments import reverse, reversed_too

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
CONTROL = FIN | SYN | RST
FLAGS = dict(Fin=FIN, Syn=SYN, Rst=RST, Psh=PSH, Ack=ACK, Urg=URG, Ece=ECE, Cwr=CWR)
REACH = 1 << 30
HOLES, LETTERS = 4, 37
MILLISECOND = 10**6

BOTH = (
    ["tcp%sTotalCount" % name for name in FLAGS]
    + ["tcpSequenceNumber", "tcpAcknowledgementNumber", "tcpWindowSize", "tcpUrgentPointer",
       "tcpHeaderLength", "initialTCPFlags", "tcpOptions"]
    + ["tcp%s%s" % (kind, unit) for kind in ("Retransmitted", "OutOfOrder", "DuplicateAck",
                                             "ZeroWindow") for unit in ("Packets", "Octets")]
    + ["tcpRetransmittedPayloadOctets", "tcpGapPackets", "tcpLostOctets", "tcpInitialWindow",
       "tcpWindowScale", "tcpSackPermitted", "tcpRttSamples", "tcpRttMinMicroseconds",
       "tcpRttMeanMicroseconds", "tcpRttMaxMicroseconds"])
ONCE = ["tcpMss", "tcpMssRev", "tcpSynSize", "tcpConnectionState", "tcpHistory",
        "tcpHandshakeMicroseconds", "tcpHandshakeServerMicroseconds",
        "tcpHandshakeClientMicroseconds"]
FIELDS = reversed_too(BOTH) + ONCE


# ---- one segment ----

@dataclass
class Segment:
    packet: object
    verdict: set = field(default_factory=set)

    def __post_init__(self):
        tcp = self.packet.tcp
        self.time, self.sender, self.flags = self.packet.time_ns, self.packet.sender, tcp.flags
        self.seq, self.ack, self.payload = tcp.seq, tcp.ack, self.packet.payload_bytes
        self.syn, self.fin = bool(self.flags & SYN), bool(self.flags & FIN)
        self.takes = self.payload + self.syn + self.fin

    def only(self, flags):
        return self.flags & (CONTROL | ACK) == flags


def analysed(packet):
    return packet.tcp is not None and packet.tcp.header_bytes >= 20


def walk(octets):
    """(kind, data) of options, the end of the list among them."""
    while octets:
        if octets[0] in (0, 1):
            yield octets[0], b""
            if octets[0] == 0:
                return
            octets = octets[1:]
            continue
        if len(octets) < 2 or octets[1] < 2 or octets[1] > len(octets):
            return
        yield octets[0], octets[2:octets[1]]
        octets = octets[octets[1]:]


def options(packet):
    return list(walk(packet.above[20:packet.tcp.header_bytes]))


# ---- one end ----

@dataclass
class End:
    """What one end has sent. Numbers are unwrapped; None: not known."""
    next: int = None
    low: int = None
    base: int = None                # as sent
    moved: int = None               # when next moved
    last: int = None                # when it sent its last segment
    ack: int = None                 # of its last segment, if that had ACK; as sent
    raw_ack: int = None
    window: int = None
    kind: str = None
    probed: bool = False            # a probe has sent the octet at next
    duplicates: int = 0
    holes: list = field(default_factory=list)       # [start, end, acknowledged]
    lost: int = 0
    sample: object = None           # (end, time)
    syn: object = None              # the latest SYN's segment
    offer: dict = field(default_factory=dict)

    def unwrap(self, seq):
        return self.next + ((seq - self.next + (1 << 31)) % (1 << 32) - (1 << 31))

    def knows(self):
        return self.next is not None


def at_most(a, b):
    """a <= b in the sequence space of 32 bits."""
    return (b - a) % (1 << 32) < 1 << 31


class Connection:
    def __init__(self):
        self.ends = [End(), End()]
        self.handshake, self.segments = {}, []
        self.state, self.letters = ["INACTIVE", "INACTIVE"], ""
        self.seen = [{}, {}]        # letter -> sequence number it last came with
        self.counts = [dict.fromkeys("wtg", 0), dict.fromkeys("wtg", 0)]
        self.spoke, self.syn_bytes = False, None

    def add(self, packet):
        s = Segment(packet)
        fwd, rev = self.ends[s.sender], self.ends[1 - s.sender]
        if s.syn:
            fwd.syn, fwd.offer = s, dict(options(packet))
            if not s.flags & ACK:
                self.syn_bytes = min(packet.ip_bytes, 65535)
        if s.only(SYN) and fwd.base is not None and fwd.base != s.seq:
            self.restart(s)
            fwd, rev = self.ends[s.sender], self.ends[1 - s.sender]
        s.window = self.window(s, fwd, rev)
        judge(self, s, fwd, rev)
        self.remember(s, fwd, rev)
        passed = self.passed(s, fwd, rev)
        self.shake_hands(s, rev)
        s.rtt = round_trip(s, fwd, rev)
        self.write_history(s, passed)
        self.segments.append(s)
        return s

    def restart(self, s):
        for sender, old in enumerate(self.ends):
            new = self.ends[sender] = End(lost=old.lost)
            if sender == s.sender:
                new.syn, new.offer = old.syn, old.offer
        self.handshake = {}

    @staticmethod
    def window(s, fwd, rev):
        if s.syn or not all(len(end.offer.get(3, b"")) == 1 for end in (fwd, rev)):
            return s.packet.tcp.window
        return s.packet.tcp.window << min(fwd.offer[3][0], 14)

    def remember(self, s, fwd, rev):
        if s.ack != fwd.raw_ack:
            fwd.duplicates = 0
        elif "duplicate_ack" in s.verdict:
            fwd.duplicates += 1
        if rev.probed and s.flags & ACK and s.ack == (rev.next + 1) % 2**32:
            rev.next, rev.probed = rev.next + 1, False
        advance(s, fwd)
        if s.flags & ACK and rev.base is None:
            rev.base = (s.ack - 1) % 2**32
        fwd.kind = next((k for k in ("keep_alive", "probe") if k in s.verdict), None)
        fwd.window, fwd.raw_ack, fwd.last = s.window, s.ack, s.time
        fwd.ack = s.ack if s.flags & ACK else None

    @staticmethod
    def passed(s, fwd, rev):
        """How many of the other end's holes this segment acknowledges first."""
        for end in (fwd, rev):
            if end.knows():
                end.holes = [hole for hole in end.holes if end.next - hole[0] <= REACH]
        passed = 0
        for hole in rev.holes:
            if s.flags & ACK and not hole[2] and rev.unwrap(s.ack) > hole[0]:
                hole[2] = True
                passed += 1
        return passed

    # ---- handshake ----

    def shake_hands(self, s, rev):
        shake = self.handshake
        if "done" in shake:
            return
        if s.only(SYN) and shake.get("client", s.sender) == s.sender:
            shake.update(client=s.sender, syn=s.time)
        elif s.only(SYN | ACK) and shake.get("client") == 1 - s.sender:
            if "syn_ack" not in shake and s.time >= shake["syn"]:
                shake["server"] = s.time - shake["syn"]
            shake["syn_ack"] = s.time
        elif s.only(ACK) and "syn_ack" in shake and shake["client"] == s.sender \
                and not at_most(s.ack, rev.base):
            shake["done"] = True
            if s.time >= max(shake["syn_ack"], shake["syn"]):
                shake.update(all=s.time - shake["syn"], to_client=s.time - shake["syn_ack"])

    # ---- state and history: the source is end 0 ----

    def write_history(self, s, passed):
        end, control = s.sender, s.flags & CONTROL
        if control == SYN:
            self.letter(end, "h" if s.flags & ACK else "s", "s", s.seq)
        elif control == FIN:
            self.letter(end, "f", "f", (s.seq + s.payload) % 2**32)
        elif control == RST:
            self.letter(end, "r", "r", s.seq)
        elif control:
            self.letter(end, "i" if control in (FIN | RST, CONTROL) else "q", None, None)
        elif s.payload:
            self.letter(end, "d", None, None)
        elif s.flags & ACK:
            self.letter(end, "a", None, None)
        self.spoke |= s.payload > 0
        if s.window == 0 and not s.flags & RST and "RESET" not in self.state[end] \
                and self.state[1 - end] != "CLOSED":
            self.count(end, "w")
        self.follow_state(s)
        if "retransmitted" in s.verdict and s.payload:
            self.count(end, "t")
        for _ in range(passed):
            self.count(1 - end, "g")

    def letter(self, end, letter, repeats, seq):
        """Once, or again whenever the sequence number is another than last time."""
        name = repeats or letter
        if name not in self.seen[end] or (repeats and self.seen[end][name] != seq):
            self.write(end, letter)
        self.seen[end][name] = seq

    def count(self, end, letter):
        self.counts[end][letter] += 1
        if str(self.counts[end][letter]).strip("0") == "1":
            self.write(end, letter)

    def write(self, end, letter):
        if len(self.letters) < LETTERS:
            self.letters += letter if end else letter.upper()

    def follow_state(self, s):
        end, peer = s.sender, 1 - s.sender
        mine, other = self.state[end], self.state[peer]
        if mine == "INACTIVE":
            self.first_state(s, end, peer)
        elif mine in ("SYN_SENT", "SYN_ACK_SENT", "PARTIAL", "ESTABLISHED"):
            if mine == "PARTIAL" and other == "INACTIVE" and s.only(SYN):
                self.state[end] = "SYN_SENT"
            if s.fin and not s.flags & RST:
                self.state[end] = "CLOSED"
                if mine in ("PARTIAL", "ESTABLISHED") and other == "RESET after FIN":
                    self.state[peer] = "CLOSED"
            if s.flags & RST:
                self.state[end] = "RESET"
        elif mine == "CLOSED" and s.flags & RST and other != "CLOSED":
            self.state[end] = "RESET after FIN"

    def first_state(self, s, end, peer):
        other, has_ack = self.state[peer], bool(s.flags & ACK)
        if s.syn and end == 0 and other != "ESTABLISHED":
            self.state[end] = "SYN_ACK_SENT" if has_ack else "SYN_SENT"
        elif s.syn:
            if other == "SYN_SENT" or (other == "SYN_ACK_SENT" and not has_ack):
                self.state[peer] = "ESTABLISHED"
            self.state[end] = "ESTABLISHED"
        if s.fin:
            self.state[end] = "CLOSED"
        if s.flags & RST:
            self.state[end] = "RESET"
        if s.flags & CONTROL or (end == 1 and not s.payload and other == "SYN_SENT"):
            return
        self.state[end] = "ESTABLISHED" if has_ack and other == "ESTABLISHED" else "PARTIAL"

    def name(self):
        source, other = self.state
        silent = ("INACTIVE", "PARTIAL")
        if "RESET" in other:
            if source in ("SYN_SENT", "SYN_ACK_SENT") or ("RESET" in source and not self.spoke):
                return "REJ"
            return "RSTRH" if source in silent else "RSTR"
        if "RESET" in source:
            return "RSTOS0" if other in silent else "RSTO"
        if source == "CLOSED":
            return "SF" if other == "CLOSED" else "SH" if other in silent else "S2"
        if other == "CLOSED":
            return "SHR" if source in silent else "S3"
        return {("SYN_SENT", "INACTIVE"): "S0",
                ("ESTABLISHED", "ESTABLISHED"): "S1"}.get((source, other), "OTH")


def advance(s, end):
    """Sequence numbers of an end behind a segment of its."""
    if not end.knows():
        end.next, end.low, end.moved = s.seq + s.takes, s.seq, s.time
        if end.base is None:
            end.base = s.seq if s.syn else (s.seq - 1) % 2**32
        return
    start = end.unwrap(s.seq)
    if start > end.next:
        end.next, end.probed = end.next + end.probed, False
    if "gap" in s.verdict and start - end.next > REACH:
        end.low, end.holes = start, []
    elif "gap" in s.verdict:
        end.lost += start - end.next
        end.holes = (end.holes + [[end.next, start, False]])[-HOLES:]
    elif s.takes:
        fill(end, start, start + s.takes)
    if s.takes:
        end.low = min(end.low, start)
    if start + s.takes > end.next and "probe" not in s.verdict:
        end.next, end.moved, end.probed = start + s.takes, s.time, False
    end.probed = end.probed or "probe" in s.verdict
    end.low = max(end.low, end.next - REACH)


def fill(end, start, stop):
    left = []
    for a, b, acknowledged in end.holes:
        low, high = max(a, start), min(b, stop)
        if low >= high:
            left.append([a, b, acknowledged])
            continue
        end.lost -= high - low
        left += [[x, y, acknowledged] for x, y in ((a, low), (high, b)) if x < y]
    end.holes = left[-HOLES:]


def round_trip(s, fwd, rev):
    """A sample in ns of the other end's data, or None."""
    sample = None
    if rev.sample and s.flags & ACK and at_most(rev.sample[0], s.ack):
        sample = s.time - rev.sample[1]
        rev.sample = None
    if s.verdict & {"retransmitted", "out_of_order"}:
        fwd.sample = None
    elif s.payload and not fwd.sample and not s.flags & CONTROL \
            and not s.verdict & {"keep_alive", "probe"}:
        fwd.sample = (s.seq + s.takes) % 2**32, s.time
    return sample if sample is not None and sample >= 0 else None


# ---- judgement ----

def judge(connection, s, fwd, rev):
    control, known = s.flags & CONTROL, fwd.knows()
    start = fwd.unwrap(s.seq) if known else None
    if known and s.payload == 1 and start == fwd.next and rev.knows() and rev.window == 0:
        s.verdict.add("probe")
        judge_data(connection, s, fwd, rev, start)
        return
    if s.window == 0 and not control:
        s.verdict.add("zero_window")
    if known and start > fwd.next + fwd.probed and not s.flags & RST:
        s.verdict.add("gap")
    if known and s.payload <= 1 and start == fwd.next - 1 and not control:
        s.verdict.add("keep_alive")
    if known and not s.payload and start == fwd.next and s.only(ACK) and fwd.ack is not None \
            and s.window == fwd.window:
        if s.window == 0 and (s.ack - fwd.ack) % 2**32 <= 1 and rev.kind == "probe":
            s.verdict.add("probe_ack")
        elif s.window and s.ack == fwd.ack:
            s.verdict.add("keep_alive_ack" if rev.kind == "keep_alive" else "duplicate_ack")
    if s.takes and "keep_alive" not in s.verdict:
        judge_data(connection, s, fwd, rev, start)


def judge_data(connection, s, fwd, rev, start):
    if s.payload and rev.ack is not None and at_most((s.seq + s.payload) % 2**32, rev.ack):
        s.verdict.add("retransmitted")
        return
    if start is None or start >= fwd.next or (s.payload > 1 and start == fwd.next - 1):
        return
    asked = rev.duplicates >= 2 and rev.raw_ack == s.seq
    fast = asked and 0 <= s.time - rev.last < 20 * MILLISECOND
    soon = 0 <= s.time - fwd.moved < (connection.handshake.get("all") or 3 * MILLISECOND)
    stop = start + s.takes
    unseen = start < fwd.low or any(a < stop and start < b for a, b, _ in fwd.holes)
    late = fast or stop == fwd.next or not soon or not unseen
    s.verdict.add("retransmitted" if late else "out_of_order")


# ---- fields ----

def replay(flow):
    """(connection, segments of the record)."""
    connection = Connection()
    for packet in flow.past:
        if analysed(packet):
            connection.add(packet)
    return connection, [connection.add(packet) for packet in flow.packets if analysed(packet)]


def measure(flow):
    if flow.protocol != 6:
        return {}
    connection, segments = replay(flow)
    values = {}
    for sender in (0, 1):
        one = one_way(flow, connection, segments, sender)
        values.update({reverse(k): v for k, v in one.items()} if sender else one)
    values.update(both_ways(flow, connection))
    return {name: value for name, value in values.items() if value is not None}


def one_way(flow, connection, segments, sender):
    end = connection.ends[sender]
    sent = [s for s in segments if s.sender == sender]
    values = {"tcp%sTotalCount" % name: sum(
        p.wire_packets for p in flow.past + flow.packets
        if p.sender == sender and p.tcp_flags & bit) for name, bit in FLAGS.items()}
    values.update(first_fields(sent))
    if end.knows():
        values.update(counts(sent))
        values["tcpLostOctets"] = end.lost
    if end.syn:
        scale = end.offer.get(3)
        values.update(tcpInitialWindow=end.syn.packet.tcp.window,
                      tcpWindowScale=scale[0] if scale is not None and len(scale) == 1 else None,
                      tcpSackPermitted=end.offer.get(4) == b"")
    trips = [s.rtt for s in segments if s.sender != sender and s.rtt is not None]
    if end.knows():
        values["tcpRttSamples"] = len(trips)
    if trips:
        values.update(tcpRttMinMicroseconds=min(trips) // 1000,
                      tcpRttMeanMicroseconds=sum(trips) // len(trips) // 1000,
                      tcpRttMaxMicroseconds=max(trips) // 1000)
    return values


def first_fields(sent):
    if not sent:
        return {}
    tcp = sent[0].packet.tcp
    kinds = {kind for s in sent for kind, _ in options(s.packet)}
    return {"tcpSequenceNumber": tcp.seq, "tcpAcknowledgementNumber": tcp.ack,
            "tcpWindowSize": tcp.window, "tcpUrgentPointer": tcp.urgent,
            "tcpHeaderLength": tcp.header_bytes, "initialTCPFlags": tcp.flags & 255,
            "tcpOptions": sum(1 << kind for kind in kinds if kind < 64)}


def counts(sent):
    values = {}
    for verdict, name in (("retransmitted", "Retransmitted"), ("out_of_order", "OutOfOrder"),
                          ("duplicate_ack", "DuplicateAck"), ("zero_window", "ZeroWindow")):
        those = [s.packet for s in sent if verdict in s.verdict]
        values["tcp%sPackets" % name] = sum(p.wire_packets for p in those)
        values["tcp%sOctets" % name] = sum(p.ip_bytes for p in those)
        if verdict == "retransmitted":
            values["tcpRetransmittedPayloadOctets"] = sum(p.payload_bytes for p in those)
    values["tcpGapPackets"] = sum("gap" in s.verdict for s in sent)
    return values


def both_ways(flow, connection):
    if not any(end.knows() for end in connection.ends):
        return {"tcpSynSize": connection.syn_bytes}
    sizes = [end.offer.get(2) for end in connection.ends]
    sizes = [int.from_bytes(size, "big") if size is not None and len(size) == 2 else None
             for size in sizes]
    shake = {name: value // 1000 for name, value in connection.handshake.items()
             if name in ("all", "server", "to_client")}
    first = next(p for p in flow.past + flow.packets)
    letters = ("^" if first.sender else "") + connection.letters
    return {"tcpMss": sizes[0], "tcpMssRev": sizes[1], "tcpSynSize": connection.syn_bytes,
            "tcpConnectionState": connection.name(),
            "tcpHistory": letters if connection.letters else None,
            "tcpHandshakeMicroseconds": shake.get("all"),
            "tcpHandshakeServerMicroseconds": shake.get("server"),
            "tcpHandshakeClientMicroseconds": shake.get("to_client")}
