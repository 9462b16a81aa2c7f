# SPDX-License-Identifier: Apache-2.0
"""Random traffic that stays within what docs/semantics.md promises, from a seed.

Times lie on a grid of half seconds and timers are whole seconds, so that "exactly the timeout" and
ties happen all the time. Packets may come up to half a second out of order, which is within the
reorder window. A TCP conversation has one client: no two hosts claim to have opened it.
Neighbours: craft.py (the frames), test_random.py (who meters them twice).
"""
import random

from craft import (ACK, FIN, PSH, RST, SYN, at, ether, fragment6, icmp, icmp6, ip, ipv4, ipv6, tag,
                   tcp, udp)

HOSTS4 = ["10.0.0.%d" % number for number in range(1, 6)]
HOSTS6 = ["2001:db8::%x" % number for number in range(1, 6)]
# Ends that are servers by their port, by neither, by both; and the other way round.
PORTS = [(1000, 80), (80, 1000), (1001, 80), (80, 80), (9001, 7777), (7777, 9001), (50000, 443),
         (443, 50000), (50000, 50001), (53, 40000), (123, 123)]
STACKS = [(), (), (), (5,), (6,), (5, 7), (5, 8), (0,), (5, 0)]


def timers(chance):
    """Settings for weir and the slow meter; None is off."""
    return {"idle": chance.choice([1, 2, 5, 10, 30, None]),
            "active": chance.choice([1, 3, 10, 20, 60, 120, None]),
            "linger": chance.choice([0, 1, 5, 20, None]),
            "direction": chance.choice(["evidence", "evidence", "first"])}


class Traffic:
    def __init__(self, seed, packets):
        self.chance = random.Random(seed)
        self.seconds = 0.0
        self.pause = self.chance.choice([0.02, 0.1, 0.5])   # how often time moves on for long
        self.talks = [self.talk() for _ in range(self.chance.randint(3, 12))]
        self.frames = sorted((frame for _ in range(packets) for frame in self.step()),
                             key=lambda frame: frame[0])
        self.frames = [frame[1:] for frame in self.frames]

    def talk(self):
        """A conversation: kind, its two hosts, ports, VLAN stack."""
        hosts = self.chance.choice([HOSTS4, HOSTS4, HOSTS6])
        one, other = self.chance.choice(hosts), self.chance.choice(hosts)
        kind = self.chance.choice([self.tcp, self.tcp, self.tcp, self.udp, self.echo,
                                   self.unreachable, self.fragments])
        ports = self.chance.choice(PORTS)
        return kind, one, other, ports, self.chance.choice(STACKS)

    def step(self):
        """Frames at one moment: (order of arrival, time_ns, octets, wire bytes)."""
        long = self.chance.random() < self.pause
        self.seconds += self.chance.choice([1, 2, 3, 5, 10, 30] if long else [0, 0, 0, 0.5])
        kind, one, other, ports, stack = self.chance.choice(self.talks)
        late = self.chance.choice([0, 0, 0, 0, 0.5])
        frames = []
        for packet in kind(one, other, ports):
            frame = framed(packet, stack)
            frames.append((self.seconds, at(max(self.seconds - late, 0)), frame, len(frame)))
        return frames

    def tcp(self, client, server, ports):
        by_client = self.chance.random() < 0.5
        if by_client:
            flags = self.chance.choice([SYN, SYN, ACK, ACK, ACK | PSH, FIN | ACK, FIN | ACK, RST])
        else:
            flags = self.chance.choice([SYN | ACK, ACK, ACK, ACK | PSH, FIN | ACK, FIN | ACK, RST])
        if client == server or ports[0] == ports[1]:
            flags = flags & ~SYN or ACK             # no telling who would be the client
        source, destination = (client, server) if by_client else (server, client)
        where = ports if by_client else ports[::-1]
        yield ip(source, destination, tcp(*where, flags, self.chance.randint(0, 50)))

    def udp(self, one, other, ports):
        if self.chance.random() < 0.5:
            one, other, ports = other, one, ports[::-1]
        yield ip(one, other, udp(*ports, self.chance.randint(0, 50)))

    def echo(self, one, other, ports):
        kind = self.chance.choice([0, 1])
        if self.chance.random() < 0.5:
            one, other = other, one
        yield ip(one, other, icmp6(128 + kind) if ":" in one else icmp((8, 0)[kind]))

    def unreachable(self, one, other, ports):
        code = self.chance.choice([1, 3])
        if self.chance.random() < 0.5:
            one, other = other, one
        yield ip(one, other, icmp6(1, code) if ":" in one else icmp(3, code))

    def fragments(self, one, other, ports):
        """Two pieces of a datagram of its own, in order or not, or one of them alone."""
        datagram, ident = udp(*ports, 100), self.chance.getrandbits(16)
        pieces = [self.piece(one, other, datagram, ident, first) for first in (True, False)]
        if self.chance.random() < 0.3:
            pieces.reverse()
        return pieces[self.chance.choice([0, 0, 0, 1]):]

    @staticmethod
    def piece(one, other, datagram, ident, first):
        part, offset = (datagram[:56], 0) if first else (datagram[56:], 56)
        if ":" in one:
            return ipv6(one, other, fragment6(part, ident, offset, first, datagram.protocol))
        return ipv4(one, other, part, datagram.protocol, identification=ident, offset=offset,
                    more=first)


def framed(packet, stack):
    """The packet in Ethernet, behind its tags (an id 0 is a priority tag)."""
    if not stack:
        return ether(packet)
    inner = tag(stack[-1], packet)
    for vlan in stack[-2::-1]:
        inner = tag(vlan, inner, 0x8100)
    return ether(inner, 0x88a8 if len(stack) > 1 else 0x8100)
