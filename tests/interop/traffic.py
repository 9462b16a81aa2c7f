# SPDX-License-Identifier: Apache-2.0
"""A crafted capture and the biflows in it, counted by this script while it makes the frames.

Every conversation is a Biflow that adds each frame it sends to its own totals, so that what a
collector shows can be compared without asking weir. Run weir with OPTIONS: one record for each
conversation, its source the one who spoke first.
"""
from dataclasses import dataclass, field

from golden import craft
from golden.craft import ACK, FIN, PSH, SYN

OPTIONS = ("-d", "off", "-t", "off", "--tcp-linger", "off", "--direction", "first")


@dataclass
class Biflow:
    client: str
    server: str
    protocol: int
    client_port: int = 0
    server_port: int = 0
    vlans: tuple = ()           # outer first
    packets: list = field(default_factory=lambda: [0, 0])       # [forward, reverse]
    octets: list = field(default_factory=lambda: [0, 0])
    flags: list = field(default_factory=lambda: [0, 0])
    icmp: list = field(default_factory=lambda: [0, 0])          # type * 256 + code
    times: list = field(default_factory=list)                   # ns

    @property
    def key(self):
        outer, inner = (self.vlans + (0, 0))[:2]
        return (self.client, self.server, self.protocol, self.client_port, self.server_port,
                outer, inner)

    @property
    def start_ms(self):
        return min(self.times) // 10**6

    @property
    def end_ms(self):
        return max(self.times) // 10**6


class Traffic:
    def __init__(self):
        self.frames, self.biflows, self.clock = [], [], 0

    def begin(self, *arguments, **more):
        self.biflows.append(Biflow(*arguments, **more))
        return self.biflows[-1]

    def send(self, flow, way, segment):
        """One frame of the flow, way 0 from the client, 1 from the server; 7.1 ms after the
        last."""
        self.clock += 7_100_000
        time = craft.BASE_NS + self.clock
        ends = (flow.client, flow.server) if way == 0 else (flow.server, flow.client)
        packet = craft.ip(*ends, segment)
        flow.packets[way] += 1
        flow.octets[way] += len(packet)
        flow.times.append(time)
        for vlan in reversed(flow.vlans):
            inner = vlan is not flow.vlans[-1]
            packet = craft.tag(vlan, packet, 0x8100 if inner else None)
        tag = (0x88a8 if len(flow.vlans) > 1 else 0x8100) if flow.vlans else None
        frame = craft.ether(packet, tag)
        self.frames.append((time, frame, len(frame)))

    def tcp(self, flow, script):
        """script: (way, flags, payload octets) for each segment."""
        for way, flags, size in script:
            ports = (flow.client_port, flow.server_port)
            flow.flags[way] |= flags
            self.send(flow, way, craft.tcp(*(ports if way == 0 else ports[::-1]), flags, size))

    def udp(self, flow, script):
        """script: (way, payload octets)."""
        for way, size in script:
            ports = (flow.client_port, flow.server_port)
            self.send(flow, way, craft.udp(*(ports if way == 0 else ports[::-1]), size))

    def echo(self, flow, types, count, make):
        flow.icmp = [kind * 256 for kind in types]
        for _ in range(count):
            for way in (0, 1):
                self.send(flow, way, make(types[way], 0, 56))

    def write(self, path):
        path.write_bytes(craft.pcap(self.frames))
        return path


CONNECTION = ((0, SYN, 0), (1, SYN | ACK, 0), (0, ACK, 0), (0, PSH | ACK, 300), (1, ACK, 1400),
              (1, PSH | ACK, 700), (0, FIN | ACK, 0), (1, FIN | ACK, 0), (0, ACK, 0))


def standard(many=300, vlans=True):
    """Every kind of record that the default templates have fields for, and enough for many
    messages."""
    t = Traffic()
    t.tcp(t.begin("192.0.2.1", "198.51.100.7", 6, 40001, 443), CONNECTION)
    t.tcp(t.begin("2001:db8::1", "2001:db8:1::7", 6, 40002, 443), CONNECTION)
    t.tcp(t.begin("203.0.113.200", "192.0.2.9", 6, 1025, 22), ((0, SYN, 0),))
    t.udp(t.begin("192.0.2.200", "192.0.2.53", 17, 5353, 53), ((0, 40), (1, 180)))
    t.udp(t.begin("2001:db8::9", "2001:db8::53", 17, 65535, 53), ((0, 40), (1, 480), (1, 12)))
    for tags, sizes in (((100,), (100, 100)), ((200, 4094), (1, 2))) if vlans else ():
        t.udp(t.begin("192.0.2.5", "192.0.2.6", 17, 1000, 2000, vlans=tags), enumerate(sizes))
    t.echo(t.begin("192.0.2.77", "192.0.2.78", 1), (8, 0), 3, craft.icmp)
    t.echo(t.begin("2001:db8::77", "2001:db8::78", 58), (128, 129), 2, craft.icmp6)
    for i in range(many):
        v6 = i % 3 == 0
        ends = ((f"2001:db8:a::{i + 1:x}", f"2001:db8:b::{i + 1:x}") if v6 else
                (f"10.0.{i >> 8}.{i & 255}", "10.9.9.9"))
        t.udp(t.begin(*ends, 17, 10000 + i, 53), ((0, i), (1, 2 * i)))
    return t


def one_way(sent, ipv6=True):
    """(source, destination, protocol, ports, packets, octets, flags, ICMP, times) of each
    direction that has packets."""
    for flow in sent.biflows:
        for way in (0, 1):
            if flow.packets[way] and (ipv6 or ":" not in flow.client):
                ends = (flow.client, flow.server), (flow.client_port, flow.server_port)
                hosts, ports = (end[::-1] if way else end for end in ends)
                yield (*hosts, flow.protocol, *ports, flow.packets[way], flow.octets[way],
                       flow.flags[way] & 255, flow.icmp[way], flow.start_ms, flow.end_ms)
