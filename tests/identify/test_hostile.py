# SPDX-License-Identifier: Apache-2.0
"""What breaks libndpi when it is called as its interface allows does not break weir.

The seeds of tests/fuzz/fuzz_identify.c are shown to libndpi bare and, by the fuzz target, through
weir. Each test of the first kind is the twin of one of the second: it shows that a seed still
breaks something, so that what weir survives is no harmless packet.
"""
import struct
import subprocess
import sys
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[1] / "fuzz/seeds/identify"
# A packet that is not of the flow's transport, where libndpi's state says what to do with the next.
FATAL = ["tls-then-udp", "tls-then-icmp", "quic-then-other"]
LEAKS = ["tls-cut-then-udp"]
# What libndpi reads behind the piece of memory that it has decrypted a packet into.
READS_BEHIND = ["quic-frame-at-end"]
# Messages that say they are long and never end: octets that one flow has.
HOARDS = {"tls-endless": 40000, "kerberos-endless": 12000}

pytestmark = pytest.mark.ndpi


@pytest.fixture(scope="module")
def programs(weir_program):
    folder = Path(weir_program).resolve().parents[2] / "tests/fuzz"
    names = ("bare_ndpi", "fuzz_identify")
    subprocess.run(["ninja", "-C", folder.parents[1], *(f"tests/fuzz/{name}" for name in names)],
                   check=True, stdout=subprocess.DEVNULL)
    return {name: folder / name for name in names}


def bare(programs, name):
    return subprocess.run([programs["bare_ndpi"], SEEDS / name], capture_output=True, text=True,
                          timeout=60)


def held_and_left(done):
    assert done.returncode == 0, done.stderr
    return [int(part.partition("=")[2]) for part in done.stdout.split()]


def test_every_seed_is_known():
    assert {path.name for path in SEEDS.iterdir()} == {*FATAL, *LEAKS, *READS_BEHIND, *HOARDS}


@pytest.mark.parametrize("name", FATAL)
def test_bare_dies(programs, name):
    assert bare(programs, name).returncode != 0


@pytest.mark.unsanitized
@pytest.mark.parametrize("name", LEAKS)
def test_bare_leaks(programs, name):
    held, left = held_and_left(bare(programs, name))
    assert left >= 2048 and left == held


@pytest.mark.unsanitized
@pytest.mark.parametrize("name", HOARDS)
def test_bare_hoards(programs, name):
    held, left = held_and_left(bare(programs, name))
    assert held >= HOARDS[name] and left == 0


@pytest.mark.parametrize("name", FATAL + LEAKS + READS_BEHIND + list(HOARDS))
def test_weir_survives(programs, name):
    done = subprocess.run([programs["fuzz_identify"], SEEDS / name], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0 and "1 inputs replayed" in done.stdout, done.stderr


def valgrind_says(tool, program, seed):
    done = subprocess.run([tool("valgrind"), "-q", "--error-exitcode=9", program, SEEDS / seed],
                          capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


@pytest.mark.unsanitized
@pytest.mark.parametrize("name", READS_BEHIND)
def test_reads_behind(programs, tool, name):
    status, said = valgrind_says(tool, programs["bare_ndpi"], name)
    assert status == 9 and "Invalid read" in said
    status, said = valgrind_says(tool, programs["fuzz_identify"], name)
    assert status == 0, said


# ---- memory -----------------------------------------------------------------------------------

def packets_of(seed):
    """The packets of a seed, from their IP header on."""
    octets, at = (SEEDS / seed).read_bytes(), 1
    while at + 2 < len(octets):
        size = struct.unpack_from(">H", octets, at)[0]
        yield octets[at + 2:at + 2 + size]
        at += 2 + size


def write_crowd(path, flows, packets):
    """The endless record of TLS, of many clients: packet 0 of each, packet 1 of each, ..."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for number, packet in enumerate(list(packets_of("tls-endless"))[:packets]):
            for flow in range(flows):
                head = struct.pack("<IIII", 1700000000, number, len(packet), len(packet))
                file.write(head + packet[:12] + struct.pack(">I", 0x0a000000 + flow) + packet[16:])


# A process starts with the peak of the one that it was forked from: this one is small.
PEAK = """
import os, sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(usage.ru_maxrss)
sys.exit(status != 0)
"""


def peak_kb(weir_program, *arguments):
    """The largest resident memory of a run of weir."""
    done = subprocess.run([sys.executable, "-S", "-c", PEAK, str(weir_program),
                           *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout)


def test_memory_of_messages_is_bounded(weir_program, tmp_path):
    flows, packets = 3000, 20
    capture = tmp_path / "crowd.pcap"
    write_crowd(capture, flows, packets)
    arguments = ["meter", "-r", capture, "--measure", "applications", "-o", "null:",
                 "--identify-memory"]
    free = peak_kb(weir_program, *arguments, "1G")
    bound = peak_kb(weir_program, *arguments, "4M")
    wanted = flows * packets * 1400 // 1024
    assert free - bound > wanted // 2, (free, bound)
