#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures weir on this machine; ./dev bench is its front.

usage: bench.py BUILD [--rate N] [--seconds N] [--runs N] [files|live]

files: meters generated captures, several runs each, and prints the median processor time a packet.
live:  sends 60-octet frames over a virtual cable and demands that every one is accounted for and
       none is lost: the generator's count and weir's are compared.

Speeds are printed, never judged: they depend on the machine. Losing or miscounting a packet fails.
"""
import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True
from net.lab import Lab, wait_for, why_no_namespaces  # noqa: E402

WORKLOADS = (("10,000 flows", 2_000_000, 10_000), ("500,000 flows", 2_000_000, 500_000))
OUTPUTS = ("null:", "ipfix:{scratch}/out.ipfix", "json:{scratch}/out.json")
FAILURES = []


def fail(text):
    FAILURES.append(text)
    print("  FAILED: " + text)


def numbers(line):
    return {key: float(value) for key, value in (part.split("=") for part in line.split())}


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def meter_file(weir, capture, output, scratch):
    """One run; (processor seconds, wall seconds, stats)."""
    stats = scratch / "stats.json"
    before, start = cpu_seconds(), time.monotonic()
    subprocess.run([weir, "meter", "-q", "-r", capture, "-o", output.format(scratch=scratch),
                    "--stats", stats], check=True, timeout=600)
    return cpu_seconds() - before, time.monotonic() - start, json.loads(stats.read_text())


def check_counts(stats, packets, octets, flows):
    if stats["packets"]["metered"] != packets or stats["metered_ip_octets"] != octets:
        fail(f"{packets:.0f} packets of {octets:.0f} octets were written, "
             f"{stats['packets']['metered']} of {stats['metered_ip_octets']} metered")
    if flows and stats["flows"]["created"] < flows:
        fail(f"{flows:.0f} flows were written, {stats['flows']['created']} created")
    if stats["balanced"] is not True:
        fail("the accounts do not balance")


def bench_files(build, scratch, runs):
    weir = build / "src/cli/weir"
    for name, packets, flows in WORKLOADS:
        capture = scratch / "bench.pcap"
        made = subprocess.run([build / "tests/bench/bench_capture", capture, str(packets),
                               str(flows)], check=True, capture_output=True, text=True)
        truth = numbers(made.stdout)
        print(f"\n{packets:,} packets of 60 octets, {name}, one worker, median of {runs} runs")
        for output in OUTPUTS:
            times = []
            for _ in range(runs):
                cpu, wall, stats = meter_file(weir, capture, output, scratch)
                times.append((cpu, wall))
                check_counts(stats, truth["packets"], truth["octets"], truth["flows"])
            cpu = statistics.median(pair[0] for pair in times)
            wall = statistics.median(pair[1] for pair in times)
            print(f"  to {output.split(':')[0] + ':':8} {cpu / packets * 1e9:7.0f} ns a packet "
                  f"(user and system, all threads), {packets / wall / 1e6:6.2f} million packets/s")
        capture.unlink()


def bench_live(build, scratch, rate, seconds):
    reason = why_no_namespaces()
    if reason:
        fail(f"no live run: {reason}")
        return
    flows, stats = 1000, scratch / "live.json"
    with Lab() as lab:
        meter, sender = lab.pair()
        for host in (meter, sender):    # nothing but our frames on the cable
            host.sysctl("net/ipv6/conf/eth0/disable_ipv6", 1)
        process = meter.start(build / "src/cli/weir", "meter", "-q", "-i", "eth0", "-o", "null:",
                              "--stats", stats)
        wait_for(lambda: len(meter.run("cat", "/proc/net/packet").stdout.splitlines()) > 1,
                 what="weir to open the interface")
        time.sleep(0.3)
        sent = numbers(sender.run(build / "tests/bench/bench_send", "eth0", rate, seconds, flows,
                                  timeout=seconds * 20 + 30).stdout)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        status = process.wait(30)
    report_live(json.loads(stats.read_text()), sent, status, rate)


def report_live(stats, sent, status, rate):
    pace = sent["sent"] / sent["seconds"]
    print(f"\nlive, 60-octet frames over a virtual cable: {sent['sent']:,.0f} sent in "
          f"{sent['seconds']:.2f} s ({pace:,.0f} packets/s asked for {rate:,})")
    packets = stats["packets"]
    lost = stats["capture"]["kernel_drop"] or 0
    print(f"  seen {packets['seen']:,}, metered {packets['metered']:,}, "
          f"dropped by the kernel {lost:,}")
    if status != 0:
        fail(f"weir ended with status {status}")
    if pace < 0.98 * rate:
        fail("the generator could not keep the pace, so this run proves less than it should")
    if packets["metered"] + lost != sent["sent"]:
        fail(f"{sent['sent']:.0f} sent, {packets['metered']} metered and {lost} lost by count")
    if lost:
        fail(f"{lost} packets lost")
    check_counts(stats, sent["sent"], sent["octets"], 0)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--rate", type=int, default=300_000, help="packets/s of the live run")
    parser.add_argument("--seconds", type=int, default=10, help="length of the live run")
    parser.add_argument("--runs", type=int, default=3, help="runs of each file")
    parser.add_argument("part", nargs="?", choices=["files", "live", "all"], default="all")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} processors, {os.uname().sysname} {os.uname().release}")
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as scratch:
        if arguments.part != "live":
            bench_files(arguments.build, Path(scratch), arguments.runs)
        if arguments.part != "files":
            bench_live(arguments.build, Path(scratch), arguments.rate, arguments.seconds)
    print("\nnothing was lost or miscounted" if not FAILURES else f"\n{len(FAILURES)} failed")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
