# SPDX-License-Identifier: Apache-2.0
"""The rules of direction a second time, for slow_meter.py: docs/direction.md with dictionaries.

The table of servers has no bound here, so nothing in it ever gives way; ports are looked up in the
list of services itself. Neighbours: slow_meter.py (flows), test_direction.py (how often it is
right).
"""
import pathlib
import re
import struct

FIN, SYN, RST, ACK = 1, 2, 4, 16
TCP, UDP, UDPLITE = 6, 17, 136
WITH_PORTS = (6, 17, 33, 132, 136)
NONE, FIRST, IS_SYN, IS_SYN_ACK, SERVER, PROTOCOL, PORT = range(7)     # flowDirectionBasis
STRENGTH = {NONE: 0, FIRST: 1, PORT: 2, SERVER: 3, PROTOCOL: 4, IS_SYN: 5, IS_SYN_ACK: 5}
SEVERAL, COUNTED, HOURS = 3, 8, 3600
CLIENT, ANSWERS = "client", "server"

LIST = pathlib.Path(__file__).resolve().parents[2] / "src" / "flow" / "services.def"
SERVICES = {"tcp": set(), "udp": set()}
for port, transports in re.findall(r"^SERVICE\((\d+), ([\w |]+),", LIST.read_text(), re.M):
    for name in SERVICES:
        if name in transports.lower() and "NAME_ONLY" not in transports:
            SERVICES[name].add(int(port))


# ---- ports ----

def port_kind(protocol, port):
    services = SERVICES["udp" if protocol in (UDP, UDPLITE) else "tcp"]
    if port in services:
        return 0 if port < 1024 else 1
    if port == 20 or 512 <= port < 1024:
        return None
    return 2 if port < 32768 else 3 if port < 49152 else 4


def server_by_port(protocol, ports):
    """0 or 1: the end whose port is a server's; None."""
    kinds = [port_kind(protocol, port) for port in ports]
    if None in kinds or kinds[0] == kinds[1]:
        return None
    if protocol != TCP and not (min(kinds) <= 1 and max(kinds) >= 3):
        return None
    return kinds.index(min(kinds))


# ---- protocols ----

def question(is_reply):
    return ANSWERS if is_reply else CLIENT


def dns(data):
    if len(data) < 12 or data[2] >> 3 & 15 not in (0, 2, 4, 5, 6, 7, 8, 9) or data[3] & 0x40:
        return None
    questions = data[4] << 8 | data[5]
    if questions > 32 or not (questions or data[2] & 128):
        return None
    return question(data[2] & 128)


def dhcp(data):
    if len(data) < 28 or data[2] > 16 or data[3] > 16:
        return None
    return {1: CLIENT, 2: ANSWERS}.get(data[0])


def dhcp6(data):
    if len(data) < 4:
        return None
    return {**dict.fromkeys((1, 3, 4, 5, 6, 8, 9, 11, 12), CLIENT),
            **dict.fromkeys((2, 7, 13), ANSWERS)}.get(data[0])


def ntp(data):
    if len(data) < 12 or data[0] >> 3 & 7 not in (1, 2, 3, 4):
        return None
    if data[0] & 7 == 6:
        return question(data[1] & 128)
    return {2: ANSWERS, 3: CLIENT, 4: ANSWERS}.get(data[0] & 7) if len(data) >= 48 else None


def snmp(data):
    found = re.match(rb"\x30(?:[\x00-\x7f]|\x80|\x81.|\x82..|\x83...|\x84....)"
                     rb"\x02\x01[\x00\x01]\x04([\x00-\x7f])", data, re.S)
    if not found:
        return None
    rest = data[found.end() + found.group(1)[0]:]
    if not rest or not 0xa0 <= rest[0] < 0xa8:
        return None
    return question(rest[0] == 0xa2)


def radius(data):
    if len(data) < 20 or not 20 <= struct.unpack_from("!H", data, 2)[0] <= 4096:
        return None
    return {**dict.fromkeys((1, 4, 12, 40, 43), CLIENT),
            **dict.fromkeys((2, 3, 5, 11, 41, 42, 44, 45), ANSWERS)}.get(data[0])


def tftp(data):
    return CLIENT if len(data) >= 4 and data[:2] in (b"\0\1", b"\0\2") else None


def stun(data):
    if len(data) < 20 or data[0] >> 6 or data[4:8] != b"\x21\x12\xa4\x42":
        return None
    return {0: CLIENT, 0x100: ANSWERS, 0x110: ANSWERS}.get((data[0] << 8 | data[1]) & 0x110)


def coap(data):
    if len(data) < 4 or data[0] >> 6 != 1 or data[0] & 15 > 8 or not data[1]:
        return None
    return {0: CLIENT, 2: ANSWERS, 4: ANSWERS, 5: ANSWERS}.get(data[1] >> 5)


def ssdp(data):
    return CLIENT if data[:9] == b"M-SEARCH " else ANSWERS if data[:7] == b"HTTP/1." else None


def ike(data):
    data = data[4:] if data[:4] == bytes(4) else data
    if len(data) < 28:
        return None
    if data[17] == 0x20 and data[18] == 34:
        return question(data[19] & 0x20)
    return CLIENT if data[17] == 0x10 and data[18] in (2, 4) and not any(data[8:16]) else None


def openvpn(data):
    if len(data) < 14 or data[0] & 7:
        return None
    return {1: CLIENT, 7: CLIENT, 10: CLIENT, 2: ANSWERS, 8: ANSWERS}.get(data[0] >> 3)


BY_PORT = {53: dns, 137: dns, 5353: dns, 5355: dns, 67: dhcp, 69: tftp, 123: ntp, 161: snmp,
           162: snmp, 500: ike, 4500: ike, 547: dhcp6, 1194: openvpn, 1645: radius, 1646: radius,
           1812: radius, 1813: radius, 3799: radius, 1900: ssdp, 3478: stun, 5349: stun,
           5683: coap}


def datagram(ports, data):
    """What the sender of a datagram is. ports: source, destination."""
    known = [port for port in sorted(ports) if port in BY_PORT or port == 5060]
    if not known or not data:
        return None
    if known[0] == 5060:
        return ANSWERS if data[:8] == b"SIP/2.0 " else None
    role = BY_PORT[known[0]](data)
    agrees = ports[0 if role == ANSWERS else 1] == known[0]
    return role if agrees else None


def segment(data):
    if len(data) >= 9 and data[:2] == b"\x16\3" and data[2] <= 4 and not data[6]:
        return {1: CLIENT, 2: ANSWERS}.get(data[5])
    if data[:7] == b"HTTP/1.":
        return ANSWERS
    return CLIENT if re.match(rb"(?:GET|POST|HEAD|PUT|CONNECT) ", data) else None


def icmp(protocol, kind):
    requests, replies = ((8, 13, 15, 17), (0, 14, 16, 18)) if protocol == 1 else ((128,), (129,))
    return CLIENT if kind in requests else ANSWERS if kind in replies else None


def role_of(packet):
    """What the packet's sender is, by what the packet says."""
    if packet.protocol in (1, 58):
        role = None if packet.icmp is None else icmp(packet.protocol, packet.icmp >> 8)
    elif packet.later or packet.protocol not in (TCP, UDP):
        role = None
    elif packet.protocol == UDP:
        role = datagram(packet.ports, packet.above[8:])
    else:
        long = packet.octets >= 56 and len(packet.above) >= 20
        role = segment(packet.above[packet.above[12] // 16 * 4:] if long else b"")
    return None if role == ANSWERS and is_group(packet.destination) else role


def is_group(address):
    return address[0] == 255 if len(address) == 16 else address[0] >> 4 == 14


def begins_nothing(address):
    return is_group(address) or address == b"\xff" * 4


# ---- flows ----

class Server:
    def __init__(self):
        self.clients, self.handshake, self.peers, self.seen = 0, False, [], 0

    def is_current(self, now):
        return now - self.seen <= (24 if self.clients >= SEVERAL else 3) * HOURS


class Direction:
    """What a meter remembers, and how it decides. Flows have initiator, basis, exported and spoke;
    ends are 0 and 1 as the key has them."""

    def __init__(self):
        self.servers = {}           # (VLANs, address, port, protocol) -> Server

    def packet(self, flow, key, packet, sender):
        """Before the packet is counted; flow.spoke: the ends that have sent in this record."""
        first = sender not in flow.spoke
        if packet.tcp_flags & SYN:
            self.handshake(flow, key, packet, sender)
        elif first and not flow.exported:
            self.first_of_side(flow, key, packet, sender)
        flow.spoke.add(sender)

    @staticmethod
    def weigh(flow, initiator, basis):
        if not flow.exported and STRENGTH[basis] > STRENGTH[flow.basis]:
            flow.initiator, flow.basis = initiator, basis

    def handshake(self, flow, key, packet, sender):
        if not packet.tcp_flags & ACK:
            self.weigh(flow, sender, IS_SYN)
            return
        if flow.basis == IS_SYN and flow.initiator != sender:
            self.learn(key, packet, sender, True)
            self.servers.pop(self.end(key, 1 - sender), None)
        self.weigh(flow, 1 - sender, IS_SYN_ACK)

    def first_of_side(self, flow, key, packet, sender):
        answer = 1 - sender in flow.spoke
        if STRENGTH[flow.basis] < STRENGTH[PROTOCOL]:
            role = role_of(packet)
            if role:
                self.weigh(flow, sender if role == CLIENT else 1 - sender, PROTOCOL)
            elif not answer:
                self.ends(flow, key, packet, sender)
        if (answer and flow.initiator != sender and not packet.tcp_flags & RST and
                STRENGTH[flow.basis] < STRENGTH[PROTOCOL] and self.has_ports(key)):
            self.learn(key, packet, sender, False)

    def ends(self, flow, key, packet, sender):
        if not self.has_ports(key):
            return
        server, basis = self.recall(key, packet, sender), SERVER
        if server is None:
            server, basis = server_by_port(key[3], (key[1][1], key[2][1])), PORT
        if server is not None and not begins_nothing(key[2 - server][0]):
            self.weigh(flow, 1 - server, basis)

    @staticmethod
    def has_ports(key):
        return key[3] in WITH_PORTS and key[1][1] and key[2][1]

    @staticmethod
    def end(key, side):
        return key[0], *key[1 + side], key[3]

    def current(self, key, side, now):
        server = self.servers.get(self.end(key, side))
        return server if server and server.is_current(now) else None

    def recall(self, key, packet, sender):
        now, trusted = packet.time_ns // 10**9, []
        for side in (0, 1):
            server = self.current(key, side, now)
            if server and (server.handshake or server.clients >= SEVERAL or
                           (key[3] != TCP and self.end(key, 1 - side) in server.peers)):
                trusted.append(side)
        own = self.current(key, sender, now)
        if own and not own.handshake and own.clients and self.end(key, 1 - sender) not in own.peers:
            own.clients -= 1
        return trusted[0] if len(trusted) == 1 else None

    def learn(self, key, packet, side, handshake):
        now = packet.time_ns // 10**9
        server = self.current(key, side, now)
        if not server:
            server = self.servers[self.end(key, side)] = Server()
        client = self.end(key, 1 - side)
        if client not in server.peers:
            if not server.peers or server.peers[0][2] != client[2] or client[2] >= 32768:
                server.clients = min(server.clients + 1, COUNTED)
        server.peers = [client, *(peer for peer in server.peers if peer != client)][:2]
        server.seen = now
        server.handshake = server.handshake or handshake
