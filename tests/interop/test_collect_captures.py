# SPDX-License-Identifier: Apache-2.0
"""Export traffic in captures: datagrams in fragments, and IPFIX over TCP, in any order."""
import itertools
import random

import pytest

from golden import craft
from interop.export_writer import data, ip, ipfix, template, u64
from interop.test_collect import collect                # noqa: F401 (a fixture)

FIN, SYN, RST, ACK = craft.FIN, craft.SYN, craft.RST, craft.ACK
FLOWS = template(256, (8, 4), (1, 8))


def message(count, start=0, sequence=0, templates=True):
    rows = [ip("192.0.2.1") + u64(start + n) for n in range(count)]
    return ipfix(*([FLOWS] if templates else []), data(256, *rows), sequence=sequence)


def numbers(got):
    return [record["octetDeltaCount"] for record in got.records]


def capture(packets):
    frames = [craft.ether(packet) for packet in packets]
    return craft.pcap([(craft.BASE_NS + n * 10**6, frame, len(frame))
                       for n, frame in enumerate(frames)])


# --- fragments ---

def fragments4(payload, size, identification=7, source="203.0.113.1"):
    datagram = craft.udp(40000, 4739, payload=payload)
    pieces = [datagram[at:at + size] for at in range(0, len(datagram), size)]
    return [craft.ipv4(source, "203.0.113.2", piece, craft.UDP, identification=identification,
                       offset=n * size, more=n + 1 < len(pieces))
            for n, piece in enumerate(pieces)]


def fragments6(payload, size, identification=7):
    datagram = craft.udp(40000, 4739, payload=payload)
    pieces = [datagram[at:at + size] for at in range(0, len(datagram), size)]
    return [craft.ipv6("2001:db8::1", "2001:db8::2", craft.extension(
        craft.DSTOPTS, craft.fragment6(craft.Part(piece, craft.UDP), identification, n * size,
                                       n + 1 < len(pieces))))
            for n, piece in enumerate(pieces)]


@pytest.mark.parametrize("cut", [fragments4, fragments6])
@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 5])
def test_fragments_in_any_order(collect, cut, order):
    pieces = cut(message(100), 480)
    assert len(pieces) == 3
    got = collect(capture(list(itertools.permutations(pieces))[order]))
    assert numbers(got) == list(range(100))
    assert got.counted("capture")["reassembled"] == 1
    assert got.counted("capture")["fragments"] == 2         # and one that completed it


def test_a_message_as_large_as_a_datagram_can_be(collect):
    whole = message((65507 - 16 - 12 - 4) // 12)
    got = collect(capture(fragments4(whole, 1480)))
    assert numbers(got) == list(range(len(got.records))) and len(got.records) > 5400


def test_datagrams_in_fragments_at_the_same_time(collect):
    sent = [fragments4(message(60, start=1000 * n), 400, identification=n) for n in range(20)]
    mixed = [piece for n in range(2) for pieces in sent for piece in pieces[n::2]]
    got = collect(capture(mixed))
    assert sorted(numbers(got)) == sorted(1000 * n + k for n in range(20) for k in range(60))


def test_one_id_of_two_senders(collect):
    a, b = (fragments4(message(60, start=n), 400, source=f"203.0.113.{n}") for n in (10, 20))
    got = collect(capture([a[0], b[0], b[1], a[1]]))
    assert sorted(numbers(got)) == sorted([*range(10, 70), *range(20, 80)])


def test_fragments_that_overlap_are_no_datagram(collect):
    pieces = fragments4(message(60), 400)
    got = collect(capture([pieces[0], pieces[0], pieces[1]]))
    assert numbers(got) == [] and "reassembled" not in got.counted("capture")


def test_fragments_that_never_become_whole(collect):
    pieces = [fragments4(message(60), 400, identification=n)[0] for n in range(300)]
    got = collect(capture([*pieces, *fragments4(message(60), 400, identification=999)]))
    assert numbers(got) == list(range(60))


# --- TCP ---

class Stream:
    """One direction of a connection: segments with sequence numbers that wrap soon."""

    def __init__(self, port=4739, first=2**32 - 300, sport=40000):
        self.port, self.sport, self.next = port, sport, first

    def segment(self, payload=b"", flags=ACK, sequence=None):
        at = self.next if sequence is None else sequence
        packet = craft.Part(bytes(craft.tcp(self.sport, self.port, flags, sequence=at)) + payload,
                            craft.TCP)
        if sequence is None:
            self.next = (at + len(payload) + bool(flags & (SYN | FIN))) % 2**32
        return craft.ipv4("203.0.113.1", "203.0.113.2", packet)

    def cut(self, octets, size):
        return [self.segment(octets[at:at + size]) for at in range(0, len(octets), size)]


STREAM = message(50) + message(40, 50, 50, templates=False) + message(30, 90, 90, templates=False)


@pytest.mark.parametrize("size", [1, 3, 15, 16, 17, 100, 623, 1460])
def test_a_stream(collect, size):
    s = Stream()
    got = collect(capture([s.segment(flags=SYN), *s.cut(STREAM, size), s.segment(flags=FIN | ACK)]))
    assert numbers(got) == list(range(120))
    assert got.counted("messages") == {"received": 3, "decoded": 3}
    assert got.stats["exporters"][0]["exporter"] == "203.0.113.1"
    assert got.counted("sequence") == {}


@pytest.mark.parametrize("seed", range(8))
def test_segments_out_of_order_and_again(collect, seed):
    chance, s = random.Random(seed), Stream()
    first = s.segment(flags=SYN)
    segments = s.cut(STREAM, 90)
    segments += chance.choices(segments, k=10)
    chance.shuffle(segments)
    got = collect(capture([first, *segments]))
    assert numbers(got) == list(range(120))


def test_overlapping_segments(collect):
    s = Stream(first=1000)
    parts = [s.segment(STREAM[at:at + 200], sequence=1000 + at)
             for at in range(0, len(STREAM), 150)]
    got = collect(capture(parts))
    assert numbers(got) == list(range(120))


@pytest.mark.parametrize("port", [4739, 9000])
def test_a_capture_that_begins_later(collect, port):
    s = Stream(port)
    got = collect(capture([s.segment(b"the end of another message"), *s.cut(STREAM, 500)]))
    assert numbers(got) == list(range(120))


@pytest.mark.parametrize("messages", [2, 20, 600])
def test_segments_that_the_capture_has_lost(collect, messages):
    """On with the next segment that begins with a message, once it is clear that one is missing:
    when much waits behind it, or at the end."""
    s = Stream()
    lost = [s.segment(flags=SYN), s.segment(message(50))]
    s.segment(message(50, 50, 50, templates=False))
    rest = [s.segment(message(100, 100 * n, 100 * n, templates=False)) for n in range(1, messages)]
    got = collect(capture([*lost, *rest]))
    assert numbers(got) == [*range(50), *range(100, 100 * messages)]
    assert got.counted("sequence") == {"gaps": 1, "lost": 50}


def test_nothing_is_read_behind_what_is_no_message(collect):
    s, other = Stream(), Stream(sport=41000)
    got = collect(capture([s.segment(flags=SYN), s.segment(message(5)), s.segment(b"nonsense" * 9),
                           s.segment(message(7)), other.segment(flags=SYN),
                           other.segment(message(3))]))
    assert numbers(got) == [*range(5), *range(3)]
    assert got.counted("messages") == {"received": 3, "decoded": 2, "version": 1}


def test_a_connection_that_ends_within_a_message(collect):
    s = Stream()
    got = collect(capture([s.segment(flags=SYN), s.segment(message(5) + message(9)[:-4]),
                           s.segment(flags=RST)]))
    assert numbers(got) == list(range(5))
    assert got.counted("messages") == {"received": 2, "decoded": 1, "length": 1}


def test_a_new_connection_knows_no_templates(collect):
    s, again = Stream(), Stream(first=77)
    later = message(9, templates=False)
    got = collect(capture([s.segment(flags=SYN), s.segment(message(5)), s.segment(flags=FIN | ACK),
                           again.segment(flags=SYN), again.segment(later)]))
    assert numbers(got) == list(range(5)) and got.counted("sets")["unknown_template"] == 1


def test_other_connections_are_no_export(collect):
    s = Stream(port=80)
    got = collect(capture([s.segment(flags=SYN), *s.cut(b"GET / HTTP/1.1\r\n" * 50, 100)]))
    assert got.records == [] and got.counted("capture")["not_export"] == 9


def test_messages_of_all_lengths(collect):
    s = Stream()
    sizes = [1, 2, 5000, 3, 5400, 1]
    octets, expected = b"", []
    for n, size in enumerate(sizes):
        octets += message(size, 10000 * n, len(expected), templates=n == 0)
        expected += range(10000 * n, 10000 * n + size)
    got = collect(capture([s.segment(flags=SYN), *s.cut(octets, 1460)]))
    assert numbers(got) == expected and got.counted("sequence") == {}
