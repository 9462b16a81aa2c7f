# SPDX-License-Identifier: Apache-2.0
"""payload, crafted: strings whose entropy is known, bounds, and what is not looked at."""
import math

import pytest

import packets              # first: it knows where craft is
import craft
from craft import ether, ip, ipv4, tcp, udp
from moments import reversed_too
from runner import meter

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"
FIELDS = ("payloadShannonEntropy", "payloadEntropy", "payloadOctetDistribution",
          "payloadOctetsSampled")


def sent(payload, source=A, destination=B, ports=(1000, 53)):
    return ether(ip(source, destination, udp(*ports, payload=payload)))


@pytest.fixture
def records(tmp_path):
    """frames: octets, a tenth of a second apart; a tuple (octets, captured) cuts one."""
    def run(frames, *arguments, fields=FIELDS):
        pairs = [f if isinstance(f, tuple) else (f, len(f)) for f in frames]
        path = tmp_path / "sent.pcap"
        path.write_bytes(craft.pcap([(craft.at(n / 10), octets[:kept], len(octets))
                                     for n, (octets, kept) in enumerate(pairs)]))
        found = meter(path, "--fields", ",".join(("sourceIPv4Address", *fields)), *arguments)
        return [tuple(r.get(field) for field in fields) for r in found.records]
    return run


def distribution(octets):
    return [octets.count(value) for value in range(256)]


@pytest.mark.parametrize("octets, bits, scaled", (
    (b"a", 0, 0), (bytes(1000), 0, 0), (b"ab" * 50, 1, 32), (b"abcd", 2, 64),
    (b"aaab", 2 - 0.75 * math.log2(3), 25), (bytes(range(16)) * 3, 4, 128),
    (bytes(range(128)), 7, 224), (bytes(range(256)), 8, 255), (bytes(range(256)) * 4, 8, 255),
    (bytes(range(255)), math.log2(255), 255),
    (b"a" * 1023 + b"b", math.log2(1024) - 1023 / 1024 * math.log2(1023), 0)))
def test_known_entropies(records, octets, bits, scaled):
    (entropy, eighths, counts, looked_at), = records([sent(octets)])
    assert math.isclose(entropy, bits, rel_tol=1e-9) and entropy >= 0
    assert eighths == scaled and looked_at == len(octets)
    assert counts == distribution(octets)


def test_only_the_first_octets(records):
    octets = [bytes([n]) * 100 for n in range(20)]
    whole = b"".join(octets)
    for most in (1, 99, 100, 101, 1024, 2000, 65535):
        found, = records(map(sent, octets), "--payload-octets", most)
        assert found[2:] == (distribution(whole[:most]), min(most, 2000))


def test_each_direction_by_itself(records):
    names = reversed_too(FIELDS)
    frames = [sent(b"ab"), sent(b"cccc", B, A, (53, 1000)), sent(b"ba")]
    found, = records(frames, fields=names)
    assert found == (1.0, 32, distribution(b"abba"), 4, 0.0, 0, distribution(b"cccc"), 4)
    found, = records(frames[::2], fields=names)
    assert found == (1.0, 32, distribution(b"abba"), 4, None, None, None, None)


def test_no_payload_no_value(records):
    assert records([ether(ip(A, B, tcp(1000, 80, craft.SYN)))]) == [(None,) * 4]


def test_padding_and_what_was_not_captured_do_not_count(records):
    short = sent(b"xyz")
    padded = short + b"\xee" * (60 - len(short))
    assert records([padded])[0][2:] == (distribution(b"xyz"), 3)
    assert records([(sent(b"abcdef"), 14 + 28 + 4)])[0][2:] == (distribution(b"abcd"), 4)
    assert records([(sent(b"abcdef"), 14 + 28)]) == [(None,) * 4]
    longer = ether(ipv4(A, B, udp(1000, 53, payload=b"abcdef"), length=28 + 4))
    assert records([longer])[0][2:] == (distribution(b"abcd"), 4)


def test_a_record_begins_anew(records):
    found = records([sent(bytes([n])) for n in range(4)], "-t", "200ms", "--payload-octets", "2")
    assert [r[2] for r in found] == [distribution(b"\0\1"), distribution(b"\2\3")]


def test_no_more_directions_than_asked_for(records):
    """What has no place when its payload begins has no values, even if a place comes free."""
    frames = [sent(b"a"), sent(b"b", C), sent(b"cc", B, A, (53, 1000)), sent(b"d", C)]
    names = (*FIELDS, "reversePayloadOctetsSampled")
    for most, expected in ((1, {(1, None), (None, None)}), (2, {(1, None), (2, None)}),
                           (3, {(1, 2), (2, None)})):
        found = records(frames, "--payload-flows", most, fields=names)
        assert {r[3:] for r in found} == expected
    late = [sent(b"a"), sent(b"b", C), sent(b"c"), sent(b"d", C), sent(b"e", C), sent(b"f", C)]
    found = records(late, "--payload-flows", 1, "-d", "250ms", "-t", "off", fields=FIELDS[2:])
    assert found == [(distribution(b"ac"), 2), (None, None)]


def test_it_has_to_be_named(tmp_path):
    path = tmp_path / "one.pcap"
    path.write_bytes(craft.pcap([(craft.at(0), sent(b"abc"), len(sent(b"abc")))]))
    assert not set(meter(path, "--measure", "all").records[0]) & set(FIELDS)
    assert not set(meter(path, "--fields", "all").records[0]) & set(FIELDS)
    assert set(meter(path, "--measure", "payload").records[0]) >= set(FIELDS)
    assert set(meter(path, "--fields", "all,+payloadEntropy").records[0]) >= {"payloadEntropy"}
