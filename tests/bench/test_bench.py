# SPDX-License-Identifier: Apache-2.0
"""The bench in its short form: every workload is metered exactly; and its twins: where a datagram
is lost, or a count of the workload is wrong, it refuses to give a ratio. Nothing is asserted on
speed.
"""
import json
import re
import subprocess
from pathlib import Path

import pytest

from bench_modules import peers, runs, workloads

BENCH = Path(__file__).resolve().parent / "bench.py"
RATIO = re.compile(r"\| \d+\.\d\d +\| \d+\.\d\d +\|")
REFUSED = "not exact: no ratio"


@pytest.fixture
def bench(bench_build, lab):
    """bench(options...) -> (status, what it printed), in a namespace of its own."""
    host = lab.host()

    def run(*options):
        done = host.run("/usr/bin/python3", BENCH, bench_build, *options, check=False, timeout=280)
        return done.returncode, done.stdout, done.stderr
    return run


def rows(printed, first):
    return [line for line in printed.splitlines() if line.startswith(f"| {first} ")]


def test_short_bench_is_exact(bench):
    status, printed, said = bench("--short")
    assert status == 0, printed + said
    assert "nothing was lost or miscounted" in printed
    for name in workloads.WORKLOADS:
        assert len([line for line in rows(printed, name) if RATIO.search(line)]) == 2, printed
    for name in ("null:", "ipfix:"):
        assert rows(printed, name), printed


def small(bench, folder, *options):
    return bench("--short", "--packets", "20000", "--parts", "pairs", "--workloads", "u10k",
                 "--settings", "off", "--keep", folder, *options)


def test_a_lost_datagram_is_refused(bench, tmp_path):
    status, printed, _ = small(bench, tmp_path, "--lose", "2")
    assert status == 1
    assert REFUSED in printed and not RATIO.search(printed)
    assert re.search(r"lost at the sink: [1-9]", printed)
    status, printed, _ = small(bench, tmp_path)
    assert status == 0 and RATIO.search(printed), "the same without the fault"


@pytest.mark.parametrize("count", ["packets", "octets", "flows"])
def test_a_wrong_count_is_refused(bench, tmp_path, count):
    small(bench, tmp_path)
    note = next(tmp_path.glob("u10k-*.json"))
    known = json.loads(note.read_text())
    known["truth"][count] -= 1
    note.write_text(json.dumps(known))
    status, printed, _ = small(bench, tmp_path)
    assert status == 1
    assert REFUSED in printed and not RATIO.search(printed)


def test_a_floor_that_counts_otherwise_is_refused(bench_build, tmp_path, monkeypatch):
    """The floor must be exact, too: one that skips packets would be no floor."""
    made = workloads.make(workloads.WORKLOADS["u10k"], bench_build, tmp_path, 5000)
    run = runs.run_floor(runs.Bench(bench_build, tmp_path), made)
    assert run.wrong == []
    with open(made.path, "r+b") as file:
        file.truncate(made.path.stat().st_size - 76)        # its last packet
    run = runs.run_floor(runs.Bench(bench_build, tmp_path), made)
    assert len(run.wrong) >= 2


def test_what_weir_says_of_itself_is_compared(bench_build, tmp_path):
    made = workloads.make(workloads.WORKLOADS["u10k"], bench_build, tmp_path, 5000)
    run = runs.run_weir_to(runs.Bench(bench_build, tmp_path), made, (), "null:")
    assert run.wrong == []
    stats = run.stats
    for change in ({"balanced": False}, {"metered_ip_octets": 1},
                   {"flows": {**stats["flows"], "created": 1}}):
        assert len(runs.stats_wrong(made, {**stats, **change})) == 1


@pytest.mark.parametrize("slots, options", [(16, ()), (13, ("-e",))])
def test_the_floor_counts_flows(bench_build, tmp_path, slots, options):
    """As the generator does; with -e also where they are deleted on the way."""
    name = "churn" if options else "u1m"
    made = workloads.make(workloads.WORKLOADS[name], bench_build, tmp_path, 10_000)
    done = subprocess.run([bench_build / "tests/bench/bench_floor", "-p", "2", *options, made.path,
                           str(slots)], capture_output=True, text=True, check=True)
    sums = workloads.numbers(done.stdout)
    assert (sums["packets"], sums["octets"], sums["flows"]) == (made.packets, made.octets,
                                                                made.flows)


def test_a_full_floor_ends(bench_build, tmp_path):
    made = workloads.make(workloads.WORKLOADS["u1m"], bench_build, tmp_path, 10_000)
    done = subprocess.run([bench_build / "tests/bench/bench_floor", made.path, "10"],
                          capture_output=True, text=True)
    assert done.returncode == 1
    assert "more flows than slots" in done.stderr


def test_what_a_run_used_is_that_of_all_its_processes(bench_build, tmp_path):
    bench = runs.Bench(bench_build, tmp_path)
    burn = "import os,time\nwhile time.process_time() < 0.2: pass\n"
    nested = f"import subprocess,sys; {burn!r}; subprocess.run([sys.executable, '-c', {burn!r}])"
    used, _ = bench.measure(["/usr/bin/python3", "-c", nested])
    assert used.status == 0
    assert used.cpu >= 0.2
    assert used.rss_bytes > 1 << 20
    assert bench.measure(["sh", "-c", "exit 3"])[0].status == 3
    with pytest.raises(subprocess.TimeoutExpired):
        bench.measure(["sleep", "60"], limit=0.5)


def test_memory_of_a_run_is_not_that_of_who_runs_it(bench_build, tmp_path):
    ballast = bytearray(200 << 20)
    used, _ = runs.Bench(bench_build, tmp_path).measure(["true"], touch_mib=100)
    assert used.rss_bytes < len(ballast) // 4


@pytest.mark.parametrize("peer", peers.installed(), ids=lambda peer: peer.name)
def test_peers_count_packets(bench_build, tmp_path, lab, peer):
    """A peer that is installed runs as the bench calls it, and its packets are found."""
    made = workloads.make(workloads.WORKLOADS["u10k"], bench_build, tmp_path, 5000)
    host, bench = lab.host(), runs.Bench(bench_build, tmp_path)
    run, count = runs.run_peer(bench, peer, made, 60, within=host)
    assert run.wrong == []
    assert peers.lacks(made, count) == ""


def test_an_incomplete_peer_is_told_from_a_complete_one(bench_build, tmp_path):
    made = workloads.make(workloads.WORKLOADS["u10k"], bench_build, tmp_path, 5000)
    assert peers.lacks(made, peers.Count(made.packets, made.flows)) == ""
    assert "packets" in peers.lacks(made, peers.Count(made.packets - 1, made.flows))
    assert "flows" in peers.lacks(made, peers.Count(made.packets, made.flows - 1))
