# SPDX-License-Identifier: Apache-2.0
"""As much of SCTP (RFC 9260) within UDP (RFC 6951) as an exporter needs: an association, messages
on streams, its end. Nothing is sent twice: it is for the loopback interface.
"""
import socket
import struct
import time

DATA, INIT, INIT_ACK, SACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN, SHUTDOWN_ACK = range(9)
COOKIE_ECHO, COOKIE_ACK, SHUTDOWN_COMPLETE = 10, 11, 14
STATE_COOKIE = 7
WHOLE, UNORDERED = 3, 4                 # flags of DATA


def crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = crc32c_table()


def crc32c(octets):
    crc = 0xffffffff
    for octet in octets:
        crc = crc >> 8 ^ TABLE[(crc ^ octet) & 255]
    return crc ^ 0xffffffff


def chunk(kind, body, flags=0):
    return struct.pack("!BBH", kind, flags, 4 + len(body)) + body + bytes(-len(body) % 4)


def chunks(packet):
    """(kind, body) of each chunk."""
    at = 12
    while at + 4 <= len(packet):
        kind, _, length = struct.unpack_from("!BBH", packet, at)
        yield kind, packet[at + 4:at + length]
        at += max(length, 4) + -length % 4


class Association:
    """Connects `udp`, a socket that is connected to the peer's port of encapsulation."""

    def __init__(self, udp, port, streams=4):
        self.udp, self.ports = udp, (40000, port)
        self.tag, self.peer_tag, self.tsn = 0x11223344, 0, 1000
        self.sequences, self.acknowledged, self.aborted = {}, self.tsn - 1, False
        self.shut = False
        udp.settimeout(10)
        init = struct.pack("!IIHHI", self.tag, 1 << 20, streams, streams, self.tsn)
        answer = self.ask(chunk(INIT, init), INIT_ACK)
        self.peer_tag, _, _, self.streams = struct.unpack_from("!IIHH", answer)
        self.ask(chunk(COOKIE_ECHO, self.cookie(answer[16:])), COOKIE_ACK)

    @staticmethod
    def cookie(parameters):
        at = 0
        while True:
            kind, length = struct.unpack_from("!HH", parameters, at)
            if kind == STATE_COOKIE:
                return parameters[at + 4:at + length]
            at += length + -length % 4

    def put(self, *made):
        head = struct.pack("!HHI", *self.ports, self.peer_tag)
        body = b"".join(made)
        checksum = crc32c(head + bytes(4) + body)
        self.udp.send(head + struct.pack("<I", checksum) + body)

    def hear(self):
        """One packet; heartbeats are answered."""
        for kind, body in chunks(self.udp.recv(65536)):
            if kind == HEARTBEAT:
                self.put(chunk(HEARTBEAT_ACK, body))
            elif kind == SACK:
                self.acknowledged = struct.unpack_from("!I", body)[0]
            elif kind == SHUTDOWN:
                self.shut = True
                self.put(chunk(SHUTDOWN_ACK, b""))
            elif kind == ABORT:
                self.aborted = True
            yield kind, body

    def ask(self, question, answer):
        self.put(question)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for kind, body in self.hear():
                if kind == answer:
                    return body
        raise TimeoutError(f"no chunk {answer}")

    def send(self, octets, stream=0, ordered=True):
        """One message; waits until it is acknowledged, or the association is aborted."""
        sequence = self.sequences.get(stream, 0)
        self.sequences[stream] = sequence + ordered
        self.put(chunk(DATA, struct.pack("!IHHI", self.tsn, stream, sequence, 0) + octets,
                       WHOLE | (0 if ordered else UNORDERED)))
        while self.acknowledged != self.tsn and not self.aborted and not self.shut:
            for _ in self.hear():
                pass
        self.tsn += 1

    def is_closed(self):
        self.udp.settimeout(0.02)
        try:
            for _ in self.hear():
                pass
        except (TimeoutError, ConnectionError):
            pass
        self.udp.settimeout(10)
        return self.aborted or self.shut

    def close(self):
        try:
            if not self.is_closed():
                self.put(chunk(SHUTDOWN, struct.pack("!I", 0)))
        except (OSError, socket.timeout):
            pass
        self.udp.close()
