# SPDX-License-Identifier: Apache-2.0
"""Frames as the file readers deliver them, against tshark (count, lengths, times to the ns) and
scapy (the octets), on third-party captures and on copies in every format that editcap writes.
"""
import bz2
import gzip
import shutil
import subprocess
import zlib

import pytest
from scapy.utils import RawPcapReader

from needs import lacking
from net import dump_frames

ENDINGS = (".pcap", ".pcapng", ".cap")


@pytest.fixture(scope="module")
def dump(weir_program):
    program = dump_frames.find(weir_program)
    if program is None:
        lacking("dump_frames is not built")

    def run(*names, status=0):
        done = subprocess.run([str(program), *map(str, names)], capture_output=True, text=True,
                              timeout=120)
        assert done.returncode == status, done.stderr
        return dump_frames.frames(done.stdout), done.stderr
    return run


def seen_by_tshark(tshark, path):
    fields = ["-e", "frame.time_epoch", "-e", "frame.cap_len", "-e", "frame.len"]
    done = subprocess.run([tshark, "-n", "-r", path, "-T", "fields", "-E", "occurrence=f", *fields],
                          capture_output=True, text=True, check=True, timeout=300)
    rows = []
    for line in done.stdout.splitlines():
        time, captured, wire = line.split("\t")
        seconds, fraction = time.split(".")
        rows.append((int(seconds) * 10**9 + int(fraction.ljust(9, "0")), int(captured), int(wire)))
    return rows


def delivered(frames):
    return [(frame.time_ns, frame.captured, frame.wire) for frame in frames]


def seen_by_scapy(path):
    reader = RawPcapReader(str(path))
    found = [zlib.crc32(octets) for octets, _ in reader]
    reader.close()
    return found


def test_third_party_captures(dump, tool, data_dir):
    paths = sorted(path for path in data_dir.rglob("*") if path.suffix in ENDINGS)
    assert paths
    for path in paths:
        frames, _ = dump(path)
        assert delivered(frames) == seen_by_tshark(tool("tshark"), path), path
        assert [frame.crc for frame in frames] == seen_by_scapy(path), path


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A capture of our own in nanoseconds: frames of many lengths, some cut, time going back."""
    path = tmp_path_factory.mktemp("sample") / "sample.pcap"
    octets = [bytes.fromhex("a1b23c4d00020004000000000000000000040000") + b"\0\0\0\x01"]
    for i in range(3000):
        data = bytes((i * 7 + j) & 0xff for j in range(i * 53 % 1400))
        wire = len(data) + (100 if i % 5 == 0 else 0)
        octets.append((1700000000 + i // 100 - i % 3).to_bytes(4, "big") +
                      (i * 333667 % 10**9).to_bytes(4, "big") +
                      len(data).to_bytes(4, "big") + wire.to_bytes(4, "big") + data)
    path.write_bytes(b"".join(octets))
    return path


@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "modpcap", "pcapng"])
def test_every_format_of_editcap(dump, tool, sample, tmp_path, form):
    copy = tmp_path / "copy"
    subprocess.run([tool("editcap"), "-F", form, sample, copy], check=True)
    frames, _ = dump(copy)
    assert len(frames) == 3000
    assert delivered(frames) == seen_by_tshark(tool("tshark"), copy)
    assert [frame.crc for frame in frames] == seen_by_scapy(sample)


def test_compressed_copies(dump, tool, sample, tmp_path):
    plain, _ = dump(sample)
    packed = tmp_path / "no-telling-name"
    packed.write_bytes(gzip.compress(sample.read_bytes()))
    assert dump(packed)[0] == plain
    if shutil.which("zstd"):
        subprocess.run(["zstd", "-q", "-f", "-o", packed, sample], check=True)
        assert dump(packed)[0] == plain
    packed.write_bytes(bz2.compress(sample.read_bytes()))
    assert "is bzip2-compressed data" in dump(packed, status=2)[1]


def test_standard_input_and_order(dump, weir_program, sample, tmp_path):
    program = dump_frames.find(weir_program)
    with open(sample, "rb") as file:
        piped = subprocess.run([program, "-"], stdin=file, capture_output=True, text=True,
                               check=True)
    plain, _ = dump(sample)
    assert dump_frames.frames(piped.stdout) == plain
    assert dump(sample, sample)[0] == plain + plain


def test_snaplen_cuts(dump, sample):
    plain, _ = dump(sample)
    cut, _ = dump("-s", "100", sample)
    assert [(f.captured, f.wire) for f in cut] == [(min(f.captured, 100), f.wire) for f in plain]
