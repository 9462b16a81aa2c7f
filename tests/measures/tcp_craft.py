# SPDX-License-Identifier: Apache-2.0
"""TCP connections by hand and at random, for the tests of the tcp measure.

A segment is Segment(ms, end, flags, ...): when, who ("c" or "s"), which flags by letter, and
numbers relative to the first of each end: a connection can be put anywhere in sequence space.
Neighbours: test_tcp.py (crafted cases), test_tcp_random.py.
"""
import random
import struct
from dataclasses import dataclass, replace

import craft

CLIENT, SERVER = "192.0.2.10", "198.51.100.20"
PORTS = {"c": 40000, "s": 443}
LETTERS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
MSS, SCALE, SACK = b"\x02\x04\x05\xb4", b"\x01\x03\x03\x07", b"\x01\x01\x04\x02"


@dataclass
class Segment:
    ms: float
    end: str
    flags: str
    seq: int = 0
    length: int = 0
    ack: int = 0
    window: int = 1000
    options: bytes = b""
    ports: object = None


def frame(s, first, number):
    """`first`: sequence number of each end's SYN."""
    peer = "s" if s.end == "c" else "c"
    options = s.options + bytes(-len(s.options) % 4)
    ack = (first[peer] + s.ack) % 2**32 if "A" in s.flags else 0
    ports = s.ports or PORTS
    header = struct.pack("!HHIIHHHH", ports[s.end], ports[peer],
                         (first[s.end] + s.seq) % 2**32, ack,
                         (20 + len(options)) // 4 << 12 | sum(LETTERS[x] for x in s.flags),
                         s.window, 0, 0)
    body = craft.Part(header + options + bytes(s.length), craft.TCP)
    ends = (CLIENT, SERVER) if s.end == "c" else (SERVER, CLIENT)
    return craft.at(s.ms / 1000), craft.ether(craft.ipv4(*ends, body, identification=number))


def capture(path, segments, client=1000, server=5000):
    frames = [frame(s, {"c": client, "s": server}, i + 1) for i, s in enumerate(segments)]
    path.write_bytes(craft.pcap([(time, data, len(data)) for time, data in frames]))
    return path


def handshake(rtt=20, options=b""):
    """A round trip of `rtt` ms, half of it towards the server."""
    return [Segment(0, "c", "S", options=options),
            Segment(rtt / 2, "s", "SA", ack=1, options=options),
            Segment(rtt, "c", "A", seq=1, ack=1)]


# ---- at random ----

class Conversation:
    """Both ends send and acknowledge; then the network does its worst."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.now, self.next, self.segments = 0, {"c": 0, "s": 0}, []

    def send(self, end, flags, length=0, seq=None):
        peer = "s" if end == "c" else "c"
        place = self.next[end] if seq is None else seq
        self.segments.append(Segment(self.now, end, flags, place, length, self.next[peer],
                                     self.random.choice((1000, 1000, 1000, 2000, 0))
                                     if self.random.random() < 0.3 else 1000))
        if seq is None:
            self.next[end] += length + ("S" in flags) + ("F" in flags)
        self.now += self.random.choice((0, 0.01, 0.1, 1, 5, 15, 40))

    def talk(self, count):
        if self.random.random() < 0.8:
            self.send("c", "S")
            self.send("s", "SA")
            self.send("c", "A")
        for _ in range(count):
            end = self.random.choice("cs")
            kind = self.random.random()
            if kind < 0.55:
                self.send(end, "PA", self.random.choice((1, 2, 100, 1000, 1448)))
            elif kind < 0.85:
                self.send(end, "A")
            elif kind < 0.92:                   # keep-alive
                self.send(end, "A", self.random.choice((0, 1)), self.next[end] - 1)
            else:                               # something sent before, perhaps cut otherwise
                back = self.random.choice((1, 100, 1000, 3000))
                self.send(end, "PA", self.random.choice((1, 100, 1448, 3000)),
                          max(0, self.next[end] - back))
        for end, flags in self.random.choice(((), (("c", "FA"), ("s", "FA"), ("c", "A")),
                                              (("s", "RA"),), (("c", "FA"), ("s", "R")))):
            self.send(end, flags)
        return self

    def worsen(self):
        """Loses, repeats and overtakes; times stay in order."""
        kept = []
        for s in self.segments:
            fate = self.random.random()
            if fate < 0.05:
                continue
            kept.append(s)
            if fate < 0.10:
                kept.append(s)
        for i in range(len(kept) - 3):
            if self.random.random() < 0.06:
                j = i + self.random.choice((1, 2, 3))
                kept[i], kept[j] = kept[j], kept[i]
        times = sorted(s.ms for s in kept)
        return [replace(s, ms=time) for s, time in zip(kept, times)]
