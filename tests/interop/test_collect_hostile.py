# SPDX-License-Identifier: Apache-2.0
"""Exporters that mean harm, or are broken: whatever they send, memory and log stay bounded, every
message is accounted for, and one exporter among them that does nothing wrong loses no record.
"""
import json
import os
import random
import struct
import subprocess
import sys

import pytest

from golden import craft
from interop.export_writer import (VARIABLE, a_set, data, ip, ipfix, netflow5, netflow9, options,
                                   record5, template, template9, template_record, u8, u16, u32,
                                   u64, variable, withdrawal)

MEMORY_KB = 48 * 1024           # of the whole process, with bounds of 8 MiB for what is remembered
LOG_LINES = 40
GOOD = template(256, (8, 4), (1, 8))
EVERY = 200                     # messages of others between two of the good one


# Runs a program and prints the most memory it held; its parent must be small, whose pages count
# until the program has begun.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Capture:
    """Datagrams of invented senders, and in between those of a good exporter."""

    def __init__(self):
        self.frames, self.good, self.time = [], 0, craft.BASE_NS

    def put(self, octets, source, sport=40000):
        frame = craft.ether(craft.ipv4(source, "203.0.113.2",
                                       craft.udp(sport, 4739, payload=octets)))
        self.frames.append((self.time, frame, len(frame)))
        self.time += 10**6

    def add(self, octets, source="198.51.100.1", sport=40000):
        if len(self.frames) % EVERY == 0:
            self.put(ipfix(*([GOOD] if self.good % 10 == 0 else []),
                           data(256, ip("192.0.2.9") + u64(self.good)), sequence=self.good),
                     "203.0.113.1")
            self.good += 1
        self.put(octets, source, sport)


@pytest.fixture
def collected(weir_program, tmp_path):
    """The account, what the good exporter's records were, and what was said."""
    def run(capture, *more):
        path, out, stats = (tmp_path / name for name in ("in.pcap", "out.json", "stats.json"))
        path.write_bytes(craft.pcap(capture.frames))
        with open(tmp_path / "log", "w") as log:
            done = subprocess.run(
                [sys.executable, "-I", "-c", MEASURE, weir_program, "collect", "-r", path, "-o",
                 f"json:{out}", "--stats", stats, "--memory", "8M", "--exporters", "64", *more],
                stderr=log, stdout=subprocess.PIPE, text=True, timeout=120)
        said = (tmp_path / "log").read_text()
        assert done.returncode == 0, said
        counted = json.loads(stats.read_text())
        assert counted["balanced"] is True
        assert (counted["messages"]["received"] + counted["capture"]["not_export"]
                == len(capture.frames))
        if "ASAN_OPTIONS" not in os.environ:            # a sanitizer takes memory of its own
            assert int(done.stdout) < MEMORY_KB
        assert len(said.splitlines()) < LOG_LINES
        records = [json.loads(line) for line in out.read_text().splitlines()]
        numbers = [record["octetDeltaCount"] for record in records
                   if record["exporterIPv4Address"] == "203.0.113.1"]
        assert numbers == list(range(capture.good))
        return counted
    return run


def sender(n):
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def test_octets_at_random(collected):
    chance, capture = random.Random(1), Capture()
    for n in range(8000):
        head = chance.choice([b"", b"\0\x0a", b"\0\x09", b"\0\x05"])
        capture.add(head + chance.randbytes(chance.randrange(200)), sender(n % 50))
    collected(capture)


def mutated(chance, octets):
    """Some octets changed; the length in the header put right more often than not."""
    octets = bytearray(octets)
    for _ in range(chance.randrange(1, 6)):
        octets[chance.randrange(len(octets))] = chance.choice([0, 1, 2, 254, 255,
                                                               chance.randrange(256)])
    if chance.random() < 0.3:
        octets = octets[:chance.randrange(4, len(octets) + 1)]
    if octets[1] == 10 and chance.random() < 0.9:
        octets[2:4] = u16(len(octets))
    return bytes(octets)


def test_messages_that_are_almost_right(collected):
    models = [
        ipfix(template(300, (8, 4), (82, VARIABLE), (1, 8)),
              data(300, ip("192.0.2.1") + variable(b"eth0") + u64(5))),
        ipfix(options(301, [(95, 4)], [(96, VARIABLE)]), data(301, u32(1) + variable(b"http")),
              template(302, (8, 4), (95, 4)), data(302, ip("192.0.2.1") + u32(1))),
        ipfix(options(303, [(137, 8)], [(10, 4)]), data(303, u64(1) + u32(9)),
              template(304, (137, 8), (8, 4)), data(304, u64(1) + ip("192.0.2.1"))),
        ipfix(options(305, [(346, 4), (303, 2)], [(339, 1), (341, VARIABLE)]),
              data(305, u32(5) + u16(6) + u8(3) + variable(b"boxes")), template(306, (6, 4, 5)),
              data(306, u32(9))),
        ipfix(template(307, (291, VARIABLE)),
              data(307, variable(u8(3) + u16(6) + u16(2) + u16(2)))),
        netflow9(template9(308, (8, 4), (22, 4), (21, 4)), a_set(308, ip("192.0.2.1") + u64(7))),
        netflow5(record5(), record5()),
        ipfix(withdrawal(2), withdrawal(3, set_id=3), withdrawal(300)),
    ]
    chance, capture = random.Random(2), Capture()
    for n in range(12000):
        capture.add(mutated(chance, chance.choice(models)), sender(n % 20))
    collected(capture)


def test_a_flood_of_templates(collected):
    """Every id, every domain, from many senders: more than may be remembered."""
    capture = Capture()
    for n in range(3000):
        first = 256 + n * 100 % 60000
        capture.add(ipfix(a_set(2, *[template_record(first + k, (8, 4), (1, 8), (2, 8))
                                     for k in range(100)]), domain=n), sender(n % 7))
    counted = collected(capture, "--exporter-memory", "1M")
    assert counted["templates"]["refused"] > 0


def test_a_flood_of_senders(collected):
    capture = Capture()
    for n in range(6000):
        capture.add(ipfix(template(256, (8, 4), (1, 8)), data(257, bytes(40))), sender(n))
    counted = collected(capture)
    assert len(counted["exporters"]) <= 65 and counted["exporters_given_up"] > 5000


def test_a_flood_of_data_without_templates(collected):
    capture = Capture()
    for n in range(4000):
        capture.add(ipfix(*[data(256 + (n * 16 + k) % 60000, bytes(60)) for k in range(16)]),
                    sender(n % 9))
    counted = collected(capture)
    assert counted["sets"]["no_room"] > 0 and counted["sets"]["unknown_template"] > 0


def test_a_flood_of_layouts_and_elements(collected):
    """Each template another set of elements that nobody knows."""
    capture = Capture()
    for n in range(4000):
        fields = [(k + 1, 1, 100000 + n % 5000) for k in range(8)]
        capture.add(ipfix(template(256, *fields), data(256, bytes(8))), sender(n % 5))
    collected(capture)


def test_an_id_that_means_something_else_every_time(collected):
    capture = Capture()
    for n in range(4000):
        capture.add(ipfix(template(256, (8, 4), *[(1, 1 + n % 8)] * (n % 5)),
                          data(256, bytes(64)), sequence=n), sender(1))
    collected(capture)


def nested(depth):
    """A basicList of basicLists of basicLists (RFC 6313)."""
    octets = u8(3) + u16(6) + u16(2) + u16(2)
    for _ in range(depth):
        octets = u8(3) + u16(291) + u16(65535) + variable(octets)
    return octets


def test_nested_lists(collected):
    capture = Capture()
    for n in range(600):
        capture.add(ipfix(template(256, (291, VARIABLE), (8, 4)),
                          data(256, variable(nested(n)[:60000]) + ip("192.0.2.1"))), sender(n % 3))
    collected(capture)


def test_options_data_without_end(collected):
    """Names, properties and types, each another one."""
    capture = Capture()
    told = (options(300, [(95, 4)], [(96, VARIABLE)]), options(301, [(137, 8)], [(10, 4), (82, 8)]),
            options(302, [(346, 4), (303, 2)], [(339, 1), (341, VARIABLE)]),
            options(303, [(302, 8)], [(305, 4), (306, 4)]))
    for n in range(3000):
        many = range(n * 20, n * 20 + 20)
        capture.add(ipfix(*told, data(300, *[u32(k) + variable(b"x" * 50) for k in many]),
                          data(301, *[u64(k) + u32(k) + b"12345678" for k in many]),
                          data(302, *[u32(k) + u16(1) + u8(3) + variable(f"box{k}".encode())
                                      for k in many]),
                          data(303, *[u64(k) + u32(1) + u32(k) for k in many])), sender(n % 4))
    collected(capture, "--exporter-memory", "1M")


@pytest.mark.parametrize("records", [1, 65507 - 16 - 12 - 4])
def test_the_largest_datagrams(collected, records):
    capture = Capture()
    for n in range(60):
        body = data(257, bytes(65507 - 16 - 12 - 4)) if records == 1 else data(
            257, *[u8(6)] * records)
        kind = (8, 65507 - 16 - 12 - 4) if records == 1 else (4, 1)
        capture.add(ipfix(template(257, kind), body), sender(n % 3))
    collected(capture)


def test_lengths_that_contradict_each_other(collected):
    capture = Capture()
    whole = ipfix(GOOD, data(256, ip("192.0.2.1") + u64(1)))
    for length in [*range(0, 120), 65535]:
        capture.add(struct.pack("!HH", 10, length) + whole[4:], sender(1))
        capture.add(whole[:20 + len(GOOD) - 4 + 2] + u16(length) + whole[16 + len(GOOD) + 4:],
                    sender(2))
        capture.add(whole[:18] + u16(length) + whole[20:], sender(3))
    collected(capture)
