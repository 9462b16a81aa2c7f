# SPDX-License-Identifier: Apache-2.0
"""A second, slow implementation of docs/semantics.md: the independent computation of the golden
tests.

Dictionaries and tuples only, one packet at a time, no clock: where a record is cut depends on the
record's own packets, so a wheel is not needed to know the records of a file. It covers Ethernet,
VLAN stacks, Linux cooked and raw IP, both families with extension headers and fragments, and the
standard key. Neighbours: slow_direction.py (who is the initiator), test_random.py and test_cases.py
(they compare weir with it), test_oracle.py (both with tshark).
"""
import ipaddress
import struct
from dataclasses import dataclass, field

import slow_direction

SECOND = 10**9
OFF = None
FIN, SYN, RST, ACK = 1, 2, 4, 16
REQUEST_REPLY = {1: {8: 0, 13: 14, 15: 16, 17: 18, 10: 9},
                 58: {128: 129, 130: 131, 133: 134, 135: 136, 139: 140, 144: 145}}
COUNTERPART = {protocol: {**pairs, **{b: a for a, b in pairs.items()}}
               for protocol, pairs in REQUEST_REPLY.items()}
WITH_PORTS = (6, 17, 33, 132, 136)
EXTENSIONS = (0, 43, 60, 135, 139, 140)
IP_TYPES = {0x0800: 4, 0x86dd: 6}
VLAN_TYPES = (0x8100, 0x88a8, 0x9100)


class Unmeterable(Exception):
    """Says the fate of a frame that carries no packet to meter."""


@dataclass
class Packet:
    time_ns: int
    vlans: tuple
    source: bytes
    destination: bytes
    protocol: int
    octets: int
    ports: object = 0               # (source, destination), or what stands for them in the key
    tcp_flags: int = 0
    icmp: object = None             # type << 8 | code
    header_bytes: int = 0           # of the IP header and its chain
    chain: tuple = ()               # numbers of the headers of that chain
    above: bytes = b""              # what was captured of what they carry
    later: bool = False             # a later fragment


# ---- octets to packet ----

class Parser:
    def __init__(self, icmp_key="type"):
        self.icmp_key = icmp_key
        self.datagrams = {}         # (vlans, source, destination, id) -> (time, protocol, ports)

    def parse(self, time_ns, data, wire, link):
        kind, offset, vlans = network_layer(data, link)
        if kind == 4:
            return self.ipv4(time_ns, data[offset:], wire - offset, vlans)
        if kind == 6:
            return self.ipv6(time_ns, data[offset:], wire - offset, vlans)
        raise Unmeterable("not_ip")

    def ipv4(self, time_ns, data, wire, vlans):
        if len(data) < 20:
            raise Unmeterable("truncated")
        header = (data[0] & 15) * 4
        total, ident, place = struct.unpack("!HHH", data[2:8])
        if data[0] >> 4 != 4 or header < 20 or 0 < total < header:
            raise Unmeterable("malformed_ipv4")
        total = total or wire
        packet = Packet(time_ns, vlans, data[12:16], data[16:20], data[9], total,
                        header_bytes=header)
        offset, more = (place & 0x1fff) * 8, place >> 13 & 1
        return self.transport(packet, data[header:total], offset, more, (ident, data[9]))

    def ipv6(self, time_ns, data, wire, vlans):
        if len(data) < 40:
            raise Unmeterable("truncated")
        length = struct.unpack("!H", data[4:6])[0]
        if data[0] >> 4 != 6:
            raise Unmeterable("malformed_ipv6")
        total = length + 40 if length else wire
        packet = Packet(time_ns, vlans, data[8:24], data[24:40], data[6], total, header_bytes=40)
        return self.transport(packet, data[40:total], 0, 0, None)

    def transport(self, packet, data, offset, more, datagram):
        """Walks extension headers and AH, then reads what tells flows apart."""
        if datagram and offset:
            return self.later_fragment(packet, data, datagram)
        is_ipv6 = len(packet.source) == 16
        while True:
            number = packet.protocol
            if is_ipv6 and number in EXTENSIONS and len(data) >= 8:
                data = self.step(packet, data, 8 + data[1] * 8)
            elif number == 51 and len(data) >= 8:
                data = self.step(packet, data, (data[1] + 2) * 4)
            elif is_ipv6 and number == 44 and len(data) >= 8:
                place, ident = struct.unpack("!HI", data[2:8])
                offset, more, datagram = place & ~7, place & 1, (ident,)
                data = self.step(packet, data, 8)
                if offset:
                    return self.later_fragment(packet, data, datagram)
            else:
                break
        packet.above = data
        self.read_transport(packet, data)
        if more:
            self.datagrams[self.datagram_key(packet, datagram)] = (
                packet.time_ns, packet.protocol, packet.ports)
        return packet

    @staticmethod
    def step(packet, data, octets):
        """Over one header of the chain."""
        packet.chain += (packet.protocol,)
        packet.protocol = data[0]
        packet.header_bytes += octets
        return data[octets:]

    @staticmethod
    def datagram_key(packet, datagram):
        return packet.vlans, packet.source, packet.destination, datagram

    def later_fragment(self, packet, data, datagram):
        packet.above, packet.later = data, True
        known = self.datagrams.get(self.datagram_key(packet, datagram))
        packet.ports = (0, 0)
        if known and packet.time_ns - known[0] <= 30 * SECOND:
            _, packet.protocol, packet.ports = known
        return packet

    def read_transport(self, packet, data):
        packet.ports = (0, 0)
        if packet.protocol in WITH_PORTS and len(data) >= 4:
            packet.ports = struct.unpack("!HH", data[:4])
        if packet.protocol == 6 and len(data) >= 14:
            packet.tcp_flags = struct.unpack("!H", data[12:14])[0] & 0xfff
        if packet.protocol in COUNTERPART and len(data) >= 2:
            packet.icmp = data[0] << 8 | data[1]
            if self.icmp_key == "type":
                other = COUNTERPART[packet.protocol].get(data[0])
                packet.ports = ((packet.icmp, 0xffff) if other is None else (data[0], other))


def network_layer(data, link):
    """(family or None, offset of the IP header, VLAN ids)."""
    if link == 101:
        return (data[0] >> 4 if data else None), 0, ()
    place = {1: 12, 113: 14}[link]
    if len(data) < place + 2:
        raise Unmeterable("malformed_link")
    ethertype, = struct.unpack_from("!H", data, place)
    vlans, place = [], place + 2
    while ethertype in VLAN_TYPES:
        if len(data) < place + 4:
            raise Unmeterable("malformed_vlan")
        tci, ethertype = struct.unpack_from("!HH", data, place)
        place += 4
        if tci & 0xfff:
            vlans.append(tci & 0xfff)
    return IP_TYPES.get(ethertype), place, tuple(vlans[:2])


# ---- packets to flows to records ----

@dataclass
class Record:
    first: int
    last: int
    packets: list = field(default_factory=lambda: [0, 0])       # by end of the key
    octets: list = field(default_factory=lambda: [0, 0])
    flags: list = field(default_factory=lambda: [0, 0])
    icmp: list = field(default_factory=lambda: [None, None])
    members: list = field(default_factory=list)                 # (packet, sender)

    def add(self, packet, sender):
        self.members.append((packet, sender))
        self.first = min(self.first, packet.time_ns)
        self.last = max(self.last, packet.time_ns)
        self.packets[sender] += 1
        self.octets[sender] += packet.octets
        self.flags[sender] |= packet.tcp_flags
        if self.icmp[sender] is None:
            self.icmp[sender] = packet.icmp


@dataclass
class Flow:
    initiator: int
    record: Record
    basis: int = slow_direction.FIRST
    spoke: set = field(default_factory=set)                     # ends that sent in this record
    exported: bool = False
    fin: list = field(default_factory=lambda: [False, False])
    rst: bool = False

    @property
    def ended(self):
        return self.rst or all(self.fin)


class Meter:
    def __init__(self, idle=30, active=120, linger=5, direction="evidence"):
        """Times in seconds, or OFF."""
        self.idle, self.active, self.linger = (
            value if value is OFF else round(value * SECOND) for value in (idle, active, linger))
        self.direction = slow_direction.Direction() if direction == "evidence" else None
        self.flows, self.records, self.time = {}, [], 0

    def packet(self, packet):
        key, sender = self.key_of(packet)
        flow = self.flows.get(key)
        if flow:
            flow = self.judge(key, flow, packet)
        if not flow:
            flow = self.flows[key] = Flow(sender, Record(packet.time_ns, packet.time_ns))
        if self.direction:
            self.direction.packet(flow, key, packet, sender)
        flow.record.add(packet, sender)
        if packet.protocol == 6:
            self.tcp(key, flow, packet, sender)

    @staticmethod
    def key_of(packet):
        ends = [(packet.source, packet.ports[0]), (packet.destination, packet.ports[1])]
        sender = int(ends[0] > ends[1])
        return (packet.vlans, *sorted(ends), packet.protocol), sender

    def judge(self, key, flow, packet):
        """Ends the open record where its own times, or a new SYN, say so; None if the flow is
        new."""
        reason = self.overdue(flow, packet.time_ns)
        lives = True
        if reason == 2:
            lives = self.idle is OFF or packet.time_ns < flow.record.last + self.idle
        elif reason:
            lives = False
        if self.linger is not OFF and packet.tcp_flags & (SYN | ACK) == SYN and (
                flow.rst or any(flow.fin)):
            reason, lives = reason or 3, False
        if reason:
            self.export(key, flow, reason)
        if not lives:
            del self.flows[key]
            return None
        if reason:
            flow.record, flow.spoke = Record(packet.time_ns, packet.time_ns), set()
        return flow

    def overdue(self, flow, now):
        """Why the open record must have ended by `now`: a reason, or 0."""
        record = flow.record
        if flow.ended and self.linger is not OFF:
            return 3 if now >= record.last + self.linger else 0
        idle = OFF if self.idle is OFF else record.last + self.idle
        active = OFF if self.active is OFF else record.first + self.active
        due = [(when, reason) for when, reason in ((active, 2), (idle, 1)) if when is not OFF]
        if not due or now < min(due)[0]:
            return 0
        return 2 if active is not OFF and active == min(due)[0] else 1

    def tcp(self, key, flow, packet, sender):
        if packet.tcp_flags & FIN:
            flow.fin[sender] = True
        if packet.tcp_flags & RST:
            flow.rst = True
        if self.linger == 0 and flow.ended:
            self.export(key, flow, 3)
            del self.flows[key]

    def finish(self):
        """The end of the file: timers run to the last time, the rest is forced out."""
        for key, flow in self.flows.items():
            self.export(key, flow, self.overdue(flow, self.time) or 4)
        self.flows.clear()
        return self.records

    def export(self, key, flow, reason):
        vlans, *ends, protocol = key
        flow.exported = True
        a, b = (0, 1) if flow.initiator == 0 else (1, 0)
        record = flow.record
        family = len(ends[0][0]) == 4 and 4 or 6
        ported = protocol in WITH_PORTS
        row = {
            "flowStartMicroseconds": record.first // 1000,
            "flowEndMicroseconds": record.last // 1000,
            "sourceIPv%dAddress" % family: str(ipaddress.ip_address(ends[a][0])),
            "destinationIPv%dAddress" % family: str(ipaddress.ip_address(ends[b][0])),
            "protocolIdentifier": protocol,
            "sourceTransportPort": ends[a][1] if ported else 0,
            "destinationTransportPort": ends[b][1] if ported else 0,
            "vlanId": vlans[0] if vlans else 0,
            "dot1qCustomerVlanId": vlans[1] if len(vlans) > 1 else None,
            "packetDeltaCount": record.packets[a], "octetDeltaCount": record.octets[a],
            "reversePacketDeltaCount": record.packets[b],
            "reverseOctetDeltaCount": record.octets[b],
            "flowEndReason": reason, "biflowDirection": int(flow.basis != slow_direction.FIRST),
        }
        if protocol == 6:
            row.update(tcpControlBits=record.flags[a], reverseTcpControlBits=record.flags[b])
        for name, end in (("icmpTypeCodeIPv", a), ("reverseIcmpTypeCodeIPv", b)):
            if protocol in COUNTERPART:
                row[name + str(family)] = record.icmp[end]
        self.records.append(row)


def run(frames, link=1, icmp_key="type", **timers):
    """frames: (time_ns, octets, wire_bytes, ...); returns (records, {fate: packets})."""
    parser, meter, fates = Parser(icmp_key), Meter(**timers), {}
    for time_ns, data, wire, *_ in frames:
        meter.time = max(meter.time, time_ns)           # the capture's clock: of every frame
        try:
            meter.packet(parser.parse(time_ns, bytes(data), wire, link))
            fate = "metered"
        except Unmeterable as why:
            fate = str(why)
        fates[fate] = fates.get(fate, 0) + 1
    return meter.finish(), fates


def goes_back_far(frames):
    """By more than the reorder window: then splits may differ. So may they after a leap in time."""
    latest = frames[0][0] if frames else 0
    for time_ns, *_ in frames:
        if time_ns < latest - SECOND or time_ns > latest + 3600 * SECOND:
            return True
        latest = max(latest, time_ns)
    return False
