# SPDX-License-Identifier: Apache-2.0
"""Frames and capture files by hand: octet by octet, with no library between the test and the wire.

Every builder returns bytes, the innermost first: ether(ipv4(A, B, udp(1000, 53, 10))).
Lengths and next-header values are filled in; any of them can be forced to a wrong value.
Neighbours: case.py (golden cases), slow_meter.py (reads these frames back), tests/net.
"""
import ipaddress
import struct

ICMP, IGMP, IPIP, TCP, UDP, DCCP, IP6IN4, GRE, ESP, AH, ICMP6, SCTP, UDPLITE = (
    1, 2, 4, 6, 17, 33, 41, 47, 50, 51, 58, 132, 136)
HOPOPTS, ROUTING, FRAGMENT, NONEXT, DSTOPTS, MOBILITY, HIP, SHIM6 = 0, 43, 44, 59, 60, 135, 139, 140
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

LINK_NULL, LINK_ETHERNET, LINK_PPP, LINK_RAW, LINK_LOOP, LINK_SLL = 0, 1, 9, 101, 108, 113
LINK_IPV4, LINK_IPV6, LINK_SLL2 = 228, 229, 276

BASE_NS = 1_700_000_000 * 10**9         # when every crafted capture begins


def at(seconds):
    """Seconds after the beginning, exact to the microsecond, in ns since 1970."""
    return BASE_NS + round(seconds * 10**6) * 1000


# ---- link layers ----

def ether(payload, ethertype=None, source="020000000001", destination="020000000002"):
    return (bytes.fromhex(destination) + bytes.fromhex(source) +
            struct.pack("!H", ethertype or ethertype_of(payload)) + payload)


def ethertype_of(packet):
    return 0x86dd if packet[0] >> 4 == 6 else 0x0800


def tag(vlan, payload, ethertype=None, priority=0):
    """What follows the type 8100, 88a8 or 9100: the tag and the type of what it carries."""
    return struct.pack("!HH", priority << 13 | vlan, ethertype or ethertype_of(payload)) + payload


def mpls(labels, payload):
    words = b"".join(struct.pack("!I", label << 12 | (i == len(labels) - 1) << 8 | 64)
                     for i, label in enumerate(labels))
    return words + payload


def pppoe(payload, session=7):
    body = ppp(payload)
    return struct.pack("!BBHH", 0x11, 0, session, len(body)) + body


def ppp(payload):
    return struct.pack("!H", 0x57 if payload[0] >> 4 == 6 else 0x21) + payload


def sll(payload, protocol=None, packet_type=0):
    return struct.pack("!HHH8sH", packet_type, 1, 6, b"\x02\0\0\0\0\1",
                       protocol or ethertype_of(payload)) + payload


def sll2(payload, protocol=None, packet_type=0):
    return struct.pack("!HHIHBB8s", protocol or ethertype_of(payload), 0, 2, 1, packet_type, 6,
                       b"\x02\0\0\0\0\1") + payload


# ---- network layer ----

def address(text):
    return ipaddress.ip_address(text).packed


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(source, destination, payload, protocol=None, *, length=None, identification=0, offset=0,
         more=False, options=b"", tos=0, ttl=64):
    """payload: what tcp(), udp(), ... returned (it knows its protocol), or bytes with `protocol`.
    offset: in octets, of a fragment."""
    protocol = getattr(payload, "protocol", None) if protocol is None else protocol
    header_bytes = 20 + len(options)
    total = header_bytes + len(payload) if length is None else length
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | header_bytes // 4, tos, total, identification,
                         more << 13 | offset // 8, ttl, protocol, 0, address(source),
                         address(destination)) + options
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return Part(header + payload, IPIP)


def ipv6(source, destination, payload, next_header=None, *, length=None, label=0, traffic_class=0,
         hops=64):
    next_header = getattr(payload, "protocol", None) if next_header is None else next_header
    return Part(struct.pack("!IHBB", 6 << 28 | traffic_class << 20 | label,
                            len(payload) if length is None else length, next_header, hops) +
                address(source) + address(destination) + payload, IP6IN4)


def ip(source, destination, payload, **more):
    return (ipv6 if ":" in source else ipv4)(source, destination, payload, **more)


class Part(bytes):
    """Octets that know under which protocol number they travel."""

    def __new__(cls, data, protocol):
        part = super().__new__(cls, data)
        part.protocol = protocol
        return part


def extension(kind, payload, next_header=None, length=None, octets=8):
    """An IPv6 extension header of `octets` octets (a multiple of 8) before payload."""
    next_header = getattr(payload, "protocol", None) if next_header is None else next_header
    length = octets // 8 - 1 if length is None else length
    body = bytes([1, octets - 4]) + bytes(octets - 4)          # one PadN option fills it
    return Part(bytes([next_header, length]) + body + payload, kind)


def routing(payload, via, segments_left=1):
    """A routing header with one address still to visit: it must not become the flow's."""
    return Part(bytes([payload.protocol, 2, 2, segments_left]) + bytes(4) + address(via) + payload,
                ROUTING)


def fragment6(payload, identification, offset=0, more=False, next_header=None):
    next_header = payload.protocol if next_header is None else next_header
    return Part(struct.pack("!BBHI", next_header, 0, offset | more, identification) + payload,
                FRAGMENT)


def authentication(payload, octets=24):
    """AH: its length counts 4-octet words less two."""
    return Part(struct.pack("!BBHII", payload.protocol, octets // 4 - 2, 0, 0x100, 1) +
                bytes(octets - 12) + payload, AH)


# ---- transport ----

def udp(source, destination, payload_bytes=0, payload=None, protocol=UDP):
    payload = bytes(payload_bytes) if payload is None else payload
    return Part(struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload, protocol)


def udplite(source, destination, payload_bytes=0):
    return udp(source, destination, payload_bytes, protocol=UDPLITE)


def tcp(source, destination, flags, payload_bytes=0, sequence=1, acknowledged=0):
    return Part(struct.pack("!HHIIHHHH", source, destination, sequence & 0xffffffff,
                            acknowledged & 0xffffffff, 5 << 12 | flags, 65535, 0, 0) +
                bytes(payload_bytes), TCP)


def sctp(source, destination, chunk_bytes=16):
    chunk = struct.pack("!BBH", 0, 3, chunk_bytes) + bytes(chunk_bytes - 4)
    return Part(struct.pack("!HHII", source, destination, 1, 0) + chunk, SCTP)


def dccp(source, destination):
    return Part(struct.pack("!HHBBHBBH", source, destination, 4, 0, 0, 2 << 1 | 1, 0, 1) +
                struct.pack("!I", 1), DCCP)


def icmp(kind, code=0, payload_bytes=0, payload=None):
    payload = bytes(payload_bytes) if payload is None else payload
    body = struct.pack("!BBHHH", kind, code, 0, 1, 1) + payload
    return Part(body[:2] + struct.pack("!H", checksum(body)) + body[4:], ICMP)


def icmp6(kind, code=0, payload_bytes=0):
    return Part(icmp(kind, code, payload_bytes), ICMP6)


# ---- tunnels ----

def gre(payload, key=None, protocol=None):
    head = struct.pack("!HH", 0x2000 if key is not None else 0, protocol or ethertype_of(payload))
    return Part(head + (b"" if key is None else struct.pack("!I", key)) + payload, GRE)


def erspan(frame, session, vlan=0):
    """Type II: GRE with a sequence number, then 8 octets with the session's id, then a frame."""
    return Part(struct.pack("!HHI", 0x1000, 0x88be, 1) +
                struct.pack("!HHI", 1 << 12 | vlan, session, 0) + frame, GRE)


def vxlan(frame, vni, source=50000):
    return udp(source, 4789, payload=struct.pack("!II", 0x08000000, vni << 8) + frame)


def geneve(frame, vni, source=50000, options=b"", protocol=0x6558):
    return udp(source, 6081,
               payload=struct.pack("!BBHI", len(options) // 4, 0, protocol, vni << 8) +
               options + frame)


def gtpu(packet, teid, source=2152, sequence=None):
    optional = b"" if sequence is None else struct.pack("!HBB", sequence, 0, 0)
    return udp(source, 2152, payload=struct.pack("!BBHI", 0x30 | (2 if optional else 0), 255,
                                                 len(optional) + len(packet), teid) +
               optional + packet)


# ---- files ----

def pcap(frames, link=LINK_ETHERNET, order="<", nano=False, snaplen=262144):
    """frames: (time_ns, octets, wire_bytes)."""
    out = [struct.pack(order + "IHHiIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, snaplen,
                       link)]
    for time_ns, data, wire in frames:
        part = time_ns % 10**9
        out.append(struct.pack(order + "IIII", time_ns // 10**9, part if nano else part // 1000,
                               len(data), wire) + data)
    return b"".join(out)


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def pcapng(frames, links=(LINK_ETHERNET,), order="<"):
    """frames: (time_ns, octets, wire_bytes, interface); times to the microsecond."""
    out = [block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1), order)]
    out += [block(1, struct.pack(order + "HHI", link, 0, 262144), order) for link in links]
    for time_ns, data, wire, interface in frames:
        ticks = time_ns // 1000
        out.append(block(6, struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xffffffff,
                                        len(data), wire) + data, order))
    return b"".join(out)


def read_pcap(data):
    """(link type, frames as (time_ns, octets, wire bytes), the offset behind each whole frame);
    (None, [], []) when it is no plain pcap."""
    order, nano = {b"\xd4\xc3\xb2\xa1": ("<", False), b"\xa1\xb2\xc3\xd4": (">", False),
                   b"\x4d\x3c\xb2\xa1": ("<", True), b"\xa1\xb2\x3c\x4d": (">", True),
                   }.get(data[:4], (None, None))
    if order is None or len(data) < 24:
        return None, [], []
    link, place, frames, ends = struct.unpack_from(order + "I", data, 20)[0] & 0xffff, 24, [], []
    while place + 16 <= len(data):
        seconds, part, kept, wire = struct.unpack_from(order + "IIII", data, place)
        if place + 16 + kept > len(data):
            break
        frames.append((seconds * 10**9 + part * (1 if nano else 1000),
                       data[place + 16:place + 16 + kept], wire))
        place += 16 + kept
        ends.append(place)
    return link, frames, ends
