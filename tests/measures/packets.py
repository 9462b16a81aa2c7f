# SPDX-License-Identifier: Apache-2.0
"""What the slow measures compute from: the records of a capture with all of their packets.

    for flow in flows("web.pcap", OFF): flow.packets, flow.past, flow.row

Which packet belongs to which record is told by golden/slow_meter.py, the second implementation of
docs/semantics.md; here each packet is read in full. Nothing of weir is asked for that.
Neighbours: test_measures.py (compares), slow_*.py (one for each measure).
"""
import gzip
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
import compare          # noqa: E402
import craft            # noqa: E402
import slow_meter       # noqa: E402
from runner import meter    # noqa: E402

DEFAULT = {}
OFF = {"idle": None, "active": None, "linger": None}
WEIR_OFF = ("-d", "off", "-t", "off", "--tcp-linger", "off")        # the same
LINKS = (1, 101, 113)               # that slow_meter.py reads
ICMP_PROTOCOLS = (1, 58)


@dataclass
class Tcp:
    seq: int
    ack: int
    flags: int                      # 12 bits
    window: int                     # as sent
    urgent: int
    header_bytes: int


@dataclass
class Packet:
    time_ns: int
    sender: int                     # 0: the record's source sent it, 1: its destination
    number: int                     # of the frame, from 0
    frame_bytes: int                # on the wire
    link: int
    family: int
    protocol: int                   # behind the chain
    ip_bytes: int                   # by the IP header; of all wire_packets together
    wire_packets: int               # 1: files do not tell super-frames
    payload_bytes: int              # of the transport, as declared
    payload: bytes                  # as much of it as was captured
    tos: int                        # or IPv6 traffic class
    ttl: int                        # or hop limit
    flow_label: int                 # IPv6; 0
    fragment: bool                  # any fragment of a datagram
    later_fragment: bool            # not the first
    chain: tuple                    # numbers of extension headers and AH, in order
    icmp: object                    # type << 8 | code, or None
    tcp_flags: int                  # 12 bits, where the flags were captured; else 0
    tcp: object                     # Tcp when its 20 octets were captured, else None
    vlans: tuple                    # ids, outer first, without priority tags
    source_mac: object              # 6 octets, or None
    destination_mac: object
    ip: bytes                       # from the IP header on, as captured
    above: bytes                    # what the IP header and its chain carry, as captured


@dataclass
class Flow:
    """One record: what docs/measures.md computes a measure from."""
    packets: list                   # of the record, in the order of the capture
    past: list                      # of earlier records of the same flow
    row: dict                       # what slow_meter.py says of the record
    protocol: int
    family: int
    reason: int
    initiator: int                  # the end of the key that is the source

    def turned(self):
        """The same with the other end as its source."""
        return Flow([turned(p) for p in self.packets], [turned(p) for p in self.past], self.row,
                    self.protocol, self.family, self.reason, 1 - self.initiator)


def turned(packet):
    return Packet(**{**vars(packet), "sender": 1 - packet.sender})


# ---- files ----

def read_capture(path):
    """[(time_ns, octets, wire octets, link type)] of a pcap or pcapng file, gzip or not."""
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return list(read_pcapng(data))
    link, frames, _ = craft.read_pcap(data)
    return [(*frame, link) for frame in frames]


def read_pcapng(data):
    order, interfaces, place = "<", [], 0
    while place + 12 <= len(data):
        kind, = struct.unpack_from(order + "I", data, place)
        if kind == 0x0a0d0d0a:
            order = "<" if data[place + 8:place + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        size, = struct.unpack_from(order + "I", data, place + 4)
        body = data[place + 8:place + size - 4]
        if size < 12 or place + size > len(data):
            return
        if kind == 1:
            interfaces.append(read_interface(body, order))
        elif kind == 6:
            number, high, low, kept, wire = struct.unpack_from(order + "IIIII", body)
            link, ticks = interfaces[number]
            time_ns = (high << 32 | low) * 10**9 // ticks
            yield time_ns, body[20:20 + kept], wire, link
        place += size


def read_interface(body, order):
    """(link type, ticks per second)."""
    link, place, ticks = struct.unpack_from(order + "H", body)[0], 8, 10**6
    while place + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, place)
        if code == 9:
            value = body[place + 4]
            ticks = 1 << (value & 127) if value & 128 else 10 ** value
        place += 4 + (length + 3 & ~3)
    return link, ticks


# ---- one packet ----

def detail(frame, number, packet, sender):
    """All there is to say of a packet that slow_meter.py has placed."""
    time_ns, data, wire, link = frame
    data = bytes(data)
    family, offset, _ = slow_meter.network_layer(data, link)
    ip = data[offset:]
    fields = ipv4_fields(ip) if family == 4 else ipv6_fields(ip, packet)
    later = fields["later_fragment"]
    tcp = read_tcp(packet.above) if packet.protocol == 6 and not later else None
    header_bytes = 0 if later else transport_bytes(packet)
    declared = packet.octets - packet.header_bytes
    payload_bytes = 0 if header_bytes is None else max(0, declared - header_bytes)
    return Packet(
        time_ns=time_ns, sender=sender, number=number, frame_bytes=wire, link=link, family=family,
        protocol=packet.protocol, ip_bytes=packet.octets, wire_packets=1,
        payload_bytes=payload_bytes,
        payload=packet.above[header_bytes:][:payload_bytes] if payload_bytes else b"",
        chain=packet.chain, icmp=packet.icmp, tcp_flags=packet.tcp_flags, tcp=tcp,
        vlans=packet.vlans, ip=ip[:packet.octets], above=packet.above,
        source_mac=data[6:12] if link == 1 else None,
        destination_mac=data[:6] if link == 1 else None, **fields)


def ipv4_fields(ip):
    place, = struct.unpack_from("!H", ip, 6)
    return {"tos": ip[1], "ttl": ip[8], "flow_label": 0, "fragment": bool(place & 0x3fff),
            "later_fragment": bool(place & 0x1fff)}


def ipv6_fields(ip, packet):
    word, = struct.unpack_from("!I", ip)
    place = fragment_place(ip, packet)
    return {"tos": word >> 20 & 0xff, "ttl": ip[7], "flow_label": word & 0xfffff,
            "fragment": place is not None, "later_fragment": bool(place and place & ~7)}


def fragment_place(ip, packet):
    """Offset and more-flag of the fragment header, or None without one."""
    place = 40
    for number in packet.chain:
        if number == 44:
            return struct.unpack_from("!H", ip, place + 2)[0] & ~6
        place += (ip[place + 1] + 2) * 4 if number == 51 else 8 + ip[place + 1] * 8
    return None


def read_tcp(data):
    if len(data) < 20:
        return None
    seq, ack, word, window, _, urgent = struct.unpack_from("!IIHHHH", data, 4)
    return Tcp(seq, ack, word & 0xfff, window, urgent, (word >> 12) * 4)


def transport_bytes(packet):
    """Octets of the transport header, none for protocols that are not read; None where there is
    no payload to speak of: the header's length makes no sense or was not captured."""
    above, protocol = packet.above, packet.protocol
    if protocol == 6:
        size = (above[12] >> 4) * 4 if len(above) >= 14 else 0
        return size if size >= 20 else None
    if protocol == 33:
        size = above[4] * 4 if len(above) >= 5 else 0
        return size if size >= 12 else None
    if protocol in (17, 132, 136):
        return None if len(above) < 4 else 12 if protocol == 132 else 8
    if protocol == (1 if len(packet.source) == 4 else 58):
        return 8 if len(above) >= 2 else None
    return 0


# ---- packets to records ----

class Meter(slow_meter.Meter):
    """Keeps the packets of records; each packet has the attribute `frame` and `number`."""

    def __init__(self, frames, **settings):
        super().__init__(**settings)
        self.frames, self.kept, self.past = frames, [], {}

    def export(self, key, flow, reason):
        super().export(key, flow, reason)
        a, members = flow.initiator, flow.record.members
        packets = [detail(self.frames[p.number], p.number, p, s ^ a) for p, s in members]
        past = self.past.setdefault(id(flow), (flow, []))[1]
        self.kept.append(Flow(packets, [p if a == side else turned(p) for p, side in past],
                              self.records[-1], key[-1], packets[0].family, reason, a))
        past += [(p, a) for p in packets]


def flows(path, settings):
    """Every record of a capture, by the rules of docs/semantics.md."""
    frames = read_capture(path)
    parser, meter = slow_meter.Parser(), Meter(frames, **settings)
    for number, (time_ns, data, wire, link) in enumerate(frames):
        meter.time = max(meter.time, time_ns)
        try:
            packet = parser.parse(time_ns, bytes(data), wire, link)
        except slow_meter.Unmeterable:
            continue
        packet.number = number
        meter.packet(packet)
    meter.finish()
    return meter.kept


# ---- weir's records, and which of them is which ----

IDENTITY = ("flowStartMicroseconds flowEndMicroseconds protocolIdentifier sourceIPv4Address "
            "destinationIPv4Address sourceIPv6Address destinationIPv6Address sourceTransportPort "
            "destinationTransportPort vlanId dot1qCustomerVlanId packetDeltaCount octetDeltaCount "
            "reversePacketDeltaCount reverseOctetDeltaCount icmpTypeCodeIPv4 "
            "reverseIcmpTypeCodeIPv4 icmpTypeCodeIPv6 reverseIcmpTypeCodeIPv6").split()


def records(capture, fields, *arguments):
    """weir's records of a capture, with these fields and those that pair() needs."""
    names = dict.fromkeys([*IDENTITY, *fields])
    return meter(capture, *arguments, "--fields", ",".join(names)).records


def identity(row):
    """What is the same of a record whichever end is its source, and whether it is the second."""
    key, swapped = compare.end_points(row)
    return (key, row["flowStartMicroseconds"], row["flowEndMicroseconds"],
            compare.sums_by_key([row])[key]), swapped


def pair(kept, records):
    """[(flow, record)]: each flow with weir's record of it, turned where weir's is. Fails when the
    two do not speak of the same records."""
    left = {}
    for flow in kept:
        name, swapped = identity(flow.row)
        left.setdefault(name, []).append((flow, swapped))
    pairs = []
    for record in records:
        name, swapped = identity(record)
        assert left.get(name), "the slow meter knows no record %s" % (name,)
        flow, turn = left[name].pop(0)
        pairs.append((flow if turn == swapped else flow.turned(), record))
    assert not any(left.values()), "weir has no record %s" % [name for name in left if left[name]]
    return pairs
