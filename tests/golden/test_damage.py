# SPDX-License-Identifier: Apache-2.0
"""Cut and bit-flipped copies of every capture: what is whole is metered, accounts stay balanced,
the exit status says whether the input was damaged, and nothing crashes, hangs or trips a sanitizer.

Faults come from fixed seeds. WEIR_TEST_DAMAGE multiplies their number (default 1).
"""
import os
import random
import re

import pytest

import compare
import craft
from runner import capture_name, captures, meter

TIMES = int(os.environ.get("WEIR_TEST_DAMAGE", "1"))
OCTETS_MAX = 200_000                    # of a copy; the faults count, not the volume
MEASURES = ("--measure", "all,payload")
ARGUMENTS = ((), ("--tunnels",), MEASURES, ("--tunnels", *MEASURES))
RATES = (0.0001, 0.002, 0.03)           # share of octets that get one bit turned over
FILE_HEADER = 24

COMPRESSED = (".gz", ".zst")            # damage may leave not even a file header: status 2

every_capture = pytest.mark.parametrize("capture", captures(), ids=capture_name)


def statuses(capture):
    return (0, 1, 2) if capture.suffix in COMPRESSED else (0, 1)


def accounts_hold(run):
    assert not (wrong := compare.unbalanced(run.stats)), "%s\n%s" % (run, wrong)
    assert not (wrong := compare.unaccounted(run.stats, run.records)), "%s\n%s" % (run, wrong)


def flipped(data, rate, chance, spared=FILE_HEADER):
    data = bytearray(data)
    count = max(1, round((len(data) - spared) * rate))
    for place in chance.choices(range(spared, len(data)), k=count):
        data[place] ^= 1 << chance.randrange(8)
    return bytes(data)


def head(data):
    """The leading OCTETS_MAX octets, up to the end of a whole frame where the format is known."""
    _, _, ends = craft.read_pcap(data[:OCTETS_MAX])
    return data[:ends[-1]] if ends else data[:OCTETS_MAX]


@every_capture
def test_flipped_bits(capture, tmp_path):
    data = head(capture.read_bytes())
    for number in range(len(RATES) * TIMES):
        chance = random.Random("%s %d" % (capture.name, number))
        copy = tmp_path / ("flipped%d%s" % (number, capture.suffix))
        copy.write_bytes(flipped(data, RATES[number % len(RATES)], chance))
        run = meter(copy, "-j", 1 + number % 2, *chance.choice(ARGUMENTS),
                    status=statuses(capture))
        if run.status != 2:
            accounts_hold(run)
        assert run.status == 0 or copy.name.encode() in run.messages, run
        copy.unlink()


@every_capture
def test_flipped_file_header(capture, tmp_path):
    """A destroyed file header may be no capture at all: then it is said, with status 2."""
    data = head(capture.read_bytes())[:20_000]
    for number in range(4 * TIMES):
        chance = random.Random("header %s %d" % (capture.name, number))
        place = chance.randrange(min(FILE_HEADER, len(data)))
        copy = tmp_path / ("header%d%s" % (number, capture.suffix))
        copy.write_bytes(data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) +
                         data[place + 1:])
        run = meter(copy, status=(0, 1, 2))
        assert run.status == 0 or copy.name.encode() in run.messages, run
        if run.status != 2:
            accounts_hold(run)


@every_capture
def test_cut(capture, tmp_path):
    """Whole frames before the cut are metered; the message names the file and a place within it."""
    data = capture.read_bytes()
    link, _, ends = craft.read_pcap(data)
    if link is not None and not ends:
        return
    chance = random.Random("cut " + capture.name)
    cuts = [chance.randrange(FILE_HEADER, len(data)) for _ in range(3 * TIMES)]
    if ends:
        cuts += [ends[len(ends) // 2], ends[0] - 1, min(ends[0] + 1, len(data) - 1)]
    for number, cut in enumerate(cuts):
        copy = tmp_path / ("cut%d%s" % (number, capture.suffix))
        copy.write_bytes(data[:cut])
        run = meter(copy, status=statuses(capture))
        if run.status != 2:
            accounts_hold(run)
        if ends:
            check_cut_pcap(run, copy, cut, ends)
        copy.unlink()


def check_cut_pcap(run, copy, cut, ends):
    whole = sum(end <= cut for end in ends)
    boundary = cut in (FILE_HEADER, *ends)
    assert run.status == (0 if boundary else 1), run
    assert run.stats["packets"]["seen"] == whole, run
    if not boundary:
        text = run.messages.decode()
        assert copy.name in text, text
        start = ends[whole - 1] if whole else FILE_HEADER
        places = [int(number) for number in re.findall(r"\d+", text.split(copy.name, 1)[1])]
        assert any(start <= place <= cut for place in places), text


def test_nothing_left_of_a_file(tmp_path):
    """An empty file, and one cut in its file header, are no captures: said with the file's name."""
    data = craft.pcap([(craft.at(0), craft.ether(craft.ip("10.0.0.1", "10.0.0.2", craft.udp(1, 2))),
                        42)])
    for size in (0, 3, 4, 10, 23):
        copy = tmp_path / ("short%d.pcap" % size)
        copy.write_bytes(data[:size])
        run = meter(copy, status=(1, 2))
        assert copy.name.encode() in run.messages, run


def test_random_octets(tmp_path):
    """Frames of random octets under every link type: each has one fate, none does harm."""
    chance = random.Random(1)
    for link in (0, 1, 9, 12, 50, 101, 105, 108, 113, 127, 228, 229, 276, 999):
        frames = []
        for number in range(300):
            data = chance.randbytes(chance.randrange(0, 120))
            frames.append((craft.at(number / 1000), data, len(data) + chance.choice([0, 0, 1400])))
        copy = tmp_path / ("random%d.pcap" % link)
        copy.write_bytes(craft.pcap(frames, link))
        run = meter(copy, *chance.choice(ARGUMENTS), status=(0, 1, 2))
        if run.status != 2:
            accounts_hold(run)
            assert run.stats["packets"]["seen"] == len(frames)


# What a parser must step through and may stumble over: valid openings, then random octets.
OPENINGS = [
    lambda c: craft.ether(craft.tag(5, craft.tag(6, b"\x45" + c.randbytes(40), 0x8100), 0x8100),
                          0x88a8),
    lambda c: craft.ether(craft.mpls([16, 17],
                                     bytes([c.choice([0x45, 0x60, 0])]) + c.randbytes(60)),
                          0x8847),
    lambda c: craft.ether(b"\x11\0\0\7" + c.randbytes(2) + b"\0\x21" + c.randbytes(40), 0x8864),
    lambda c: craft.ether(craft.ipv6("::1", "::2", c.randbytes(60),
                                     c.choice([0, 43, 44, 51, 60, 135]))),
    lambda c: craft.ether(craft.ipv4("1.1.1.1", "2.2.2.2", c.randbytes(80),
                                     c.choice([4, 41, 47, 51]))),
    lambda c: craft.ether(craft.ipv4("1.1.1.1", "2.2.2.2", craft.udp(
        9, c.choice([4789, 6081, 2152, 3544]), payload=c.randbytes(90)))),
    lambda c: craft.ether(craft.ipv4("1.1.1.1", "2.2.2.2", c.randbytes(40), c.randrange(256),
                                     offset=8 * c.randrange(100), more=c.random() < .5,
                                     identification=c.randrange(4))),
]


@pytest.mark.parametrize("arguments", ([], ["--tunnels"], ["-j", "3"]), ids=str)
def test_valid_openings(arguments, tmp_path):
    chance, frames = random.Random(7), []
    for number in range(4000):
        data = chance.choice(OPENINGS)(chance)
        frames.append((craft.at(number / 100), data[:chance.randrange(14, len(data) + 1)],
                       len(data)))
    copy = tmp_path / "openings.pcap"
    copy.write_bytes(craft.pcap(frames))
    run = meter(copy, *arguments)
    accounts_hold(run)
    assert run.stats["packets"]["seen"] == len(frames)
