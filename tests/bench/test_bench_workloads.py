# SPDX-License-Identifier: Apache-2.0
"""The workloads are what their generators say: packets, octets and flows are counted again by
golden/slow_meter.py, which was written apart from both, and frames are read by tshark.
"""
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bench_modules import workloads
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
import slow_meter  # noqa: E402

DEMO = Path(__file__).resolve().parents[2] / "share/captures/demo.pcap"
OFF = {"idle": slow_meter.OFF, "active": slow_meter.OFF}


@pytest.fixture
def generate(bench_build, tmp_path):
    """generate(program, arguments...) -> (path, what the generator says)."""
    def run(program, *arguments, check=True):
        path = tmp_path / "made.pcap"
        first, *rest = map(str, arguments)
        done = subprocess.run([bench_build / "tests/bench" / program, first, path, *rest],
                              capture_output=True, text=True)
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        return path, workloads.numbers(done.stdout)
    return run


def frames(path):
    octets, at = path.read_bytes(), 24
    while at < len(octets):
        seconds, micros, captured, length = struct.unpack("<IIII", octets[at:at + 16])
        yield (seconds * 10**6 + micros) * 1000, octets[at + 16:at + 16 + captured], length
        at += 16 + captured


def recount(path):
    records, fates = slow_meter.run(frames(path), **OFF)
    return {"packets": fates["metered"], "flows": len(records),
            "octets": sum(row["octetDeltaCount"] + row["reverseOctetDeltaCount"]
                          for row in records)}


@pytest.mark.parametrize("kind, flows", [("uniform4", 300), ("uniform4", 100_000),
                                         ("uniform6", 300), ("churn", 1), ("flood", 1)])
def test_crafted_workloads_are_what_they_say(generate, kind, flows):
    path, said = generate("bench_generate", kind, 2000, flows, 1_000_000, 1)
    assert said == recount(path)
    assert said["packets"] == 2000
    assert said["flows"] == {"churn": 1000, "flood": 2000}.get(kind, said["flows"])


@pytest.mark.parametrize("copies", [1, 4])
def test_repeated_captures_are_what_they_say(generate, copies):
    path, said = generate("bench_repeat", DEMO, 20_000, copies)
    assert said == recount(path)
    assert said["packets"] == 20_000
    lengths = {len(octets) for _, octets, _ in frames(path)}
    assert max(lengths) == 128, "cut to 128 octets"


def test_a_repeated_connection_begins_again(generate):
    """The same connection, closed each time: as many flows as rounds, by whoever counts."""
    path, said = generate("bench_repeat", DEMO, 284 * 3, 1)
    _, once = generate("bench_repeat", DEMO, 284, 1)
    assert once["flows"] < said["flows"] < 3 * once["flows"] + 1


def test_flows_of_a_seed_are_the_same_and_of_another_are_not(generate):
    def made(seed):
        return generate("bench_generate", "uniform4", 500, 100_000, 1_000_000, seed)[0].read_bytes()
    first = made(1)
    assert made(1) == first
    assert made(2) != first


def test_churn_comes_in_pairs_that_end_in_fin(generate):
    path, _ = generate("bench_generate", "churn", 2000, 1, 1_000_000, 1)
    by_flow = {}
    for time_ns, octets, _ in frames(path):
        by_flow.setdefault(octets[26:34], []).append((time_ns, octets))
    assert len(by_flow) == 1000
    tcp = 0
    for (first_ns, first), (second_ns, second) in by_flow.values():
        assert abs(second_ns - first_ns - 10**8) <= 2000
        if first[23] == 6:
            tcp += 1
            assert (first[47] & 3, second[47] & 3) == (2, 1), "SYN, then FIN"
    assert tcp == 500


def test_times_go_at_the_rate_that_was_asked_for(generate):
    path, _ = generate("bench_generate", "uniform4", 1000, 10, 50_000, 1)
    times = [time_ns for time_ns, _, _ in frames(path)]
    assert times == [times[0] + number * 20_000 for number in range(1000)]


@pytest.mark.parametrize("kind", ["uniform4", "uniform6", "churn", "flood"])
def test_frames_are_well_formed(generate, tool, kind):
    path, said = generate("bench_generate", kind, 200, 50, 1_000_000, 1)
    transport = "(tcp.hdr_len == 20 or udp.length == {})"
    good = ("ipv6.plen == 20 and " + transport.format(20) if kind == "uniform6"
            else "ip.checksum.status == 1 and ip.len == 46 and " + transport.format(26))
    done = subprocess.run([tool("tshark"), "-r", path, "-o", "ip.check_checksum:TRUE", "-Y", good,
                           "-T", "fields", "-e", "frame.number"], capture_output=True, text=True,
                          check=True)
    assert len(done.stdout.split()) == said["packets"] == 200


@pytest.mark.parametrize("arguments, why", [
    (("uniform", 10, 10, 10, 1), "no kind"), (("uniform4", 0, 10, 10, 1), "PACKETS"),
    (("uniform4", 10, 1 << 25, 10, 1), "FLOWS"), (("flood", 1 << 25, 1, 10, 1), "PACKETS"),
])
def test_what_cannot_be_made_is_refused(generate, arguments, why):
    done = generate("bench_generate", *arguments, check=False)
    assert done.returncode == 2
    assert why in done.stderr


def test_a_capture_that_is_none_is_refused(generate, tmp_path):
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(os.urandom(100))
    done = generate("bench_repeat", bad, 10, 1, check=False)
    assert done.returncode == 1
    assert "no plain pcap" in done.stderr


def test_a_workload_is_kept_until_its_generator_changes(bench_build, tmp_path, monkeypatch):
    workload = workloads.WORKLOADS["u10k"]
    first = workloads.make(workload, bench_build, tmp_path, 1000)
    stamp = first.path.stat().st_mtime_ns
    assert workloads.make(workload, bench_build, tmp_path, 1000) == first
    assert first.path.stat().st_mtime_ns == stamp
    monkeypatch.setattr(workloads, "SOURCES", ("frames.c",))
    assert workloads.make(workload, bench_build, tmp_path, 1000) == first
    assert first.path.stat().st_mtime_ns != stamp
