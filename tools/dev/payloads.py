#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile payloads against weir and the libndpi it calls; ./dev soak payloads is its front.

usage: payloads.py GENERATOR FLOWS SEED KIND:WEIR:LIBRARY_FOLDER:RSS_MB...

Runs each weir on FLOWS flows of bench_payloads (tests/bench/payloads.c), which come through a pipe.
It must end well and without a word of a sanitizer, have metered every packet and flow that was
written, and stay within RSS_MB of resident memory. When it does not, the first flow that breaks it
is sought, and a capture of few flows left in build/findings/payloads.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(os.environ.get("WEIR_ROOT", Path(__file__).resolve().parents[2]))
FINDINGS = ROOT / "build/findings/payloads"
CAPTURES = ("demo", "dns", "fragments", "ftp", "ipv6", "mail", "ntp", "redis", "sftp", "ssh",
            "tcp-ends", "vlan", "voip", "web-tls")
FLOWS_AROUND = 200              # that a reproducer keeps before the one that broke weir
WORDS = re.compile(r"runtime error|ERROR: \w+Sanitizer")
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=16:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


@dataclass
class Program:
    kind: str
    weir: str
    library: str                # folder of libndpi; empty: the system's
    rss_mb: int


@dataclass
class Outcome:
    status: int
    said: str
    rss_mb: float
    seconds: float              # of the processor
    written: dict               # packets, octets, flows: what the generator says
    stats: dict

    def problem(self, rss_mb):
        if self.status != 0 or WORDS.search(self.said):
            return f"weir ended with {self.status}: {first_words(self.said)}"
        if self.stats["packets"]["metered"] != self.written["packets"]:
            return f"{self.stats['packets']} of {self.written['packets']} packets"
        if self.stats["flows"]["created"] != self.written["flows"]:
            return f"{self.stats['flows']['created']} of {self.written['flows']} flows"
        if self.rss_mb > rss_mb:
            return f"{self.rss_mb:.0f} MB resident, of {rss_mb} allowed"
        return ""


def first_words(said):
    lines = [line for line in said.splitlines() if WORDS.search(line) or "SUMMARY" in line]
    return (lines or said.splitlines() or ["no word"])[0][:200]


def generate(generator, target, first, flows, seed):
    captures = [str(ROOT / f"share/captures/{name}.pcap") for name in CAPTURES]
    return subprocess.Popen(["nice", generator, str(target), str(first), str(flows), str(seed),
                             *captures], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def run_weir(program, source, folder):
    environment = {**os.environ, **SANITIZERS}
    if program.library:
        environment["LD_LIBRARY_PATH"] = program.library
    command = ["nice", program.weir, "meter", "-r", str(source), "--measure", "applications",
               "--idle-timeout", "1s", "-o", "csv:/dev/null", "--stats", str(folder / "stats")]
    with open(folder / "said", "w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    return os.waitstatus_to_exitcode(status), usage


def run(generator, program, first, flows, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.mkfifo(folder / "pipe")
        writer = generate(generator, folder / "pipe", first, flows, seed)
        status, usage = run_weir(program, folder / "pipe", folder)
        if status:
            writer.terminate()
        told = writer.communicate()[0]
        written = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", told)}
        stats = json.loads((folder / "stats").read_text() or "{}") if status == 0 else {}
        said = (folder / "said").read_text(errors="replace")
        return Outcome(status, said, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime,
                       written, stats)


def least_flows(generator, program, flows, seed):
    """The fewest flows from the first on that break it: twice as many each time, then halving."""
    def breaks(count):
        return bool(run(generator, program, 1, count, seed).problem(program.rss_mb))
    high = 1000
    while high < flows and not breaks(high):
        high *= 2
    low, high = high // 2, min(high, flows)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if breaks(middle) else (middle, high)
    return high


def leave_reproducer(generator, program, flows, seed):
    FINDINGS.mkdir(parents=True, exist_ok=True)
    last = least_flows(generator, program, flows, seed)
    first = max(1, last - FLOWS_AROUND)
    if not run(generator, program, first, last - first + 1, seed).problem(program.rss_mb):
        first = 1               # what came before matters
    path = FINDINGS / f"{program.kind}-{seed}-{first}-{last}.pcap"
    generate(generator, path, first, last - first + 1, seed).communicate()
    return path


def soak(generator, program, flows, seed):
    start = time.monotonic()
    outcome = run(generator, program, 1, flows, seed)
    problem = outcome.problem(program.rss_mb)
    if problem:
        FINDINGS.mkdir(parents=True, exist_ok=True)
        (FINDINGS / f"{program.kind}-{seed}.txt").write_text(outcome.said)
        print(f"{program.kind}: {problem}\n  (all of it in {FINDINGS}); seeking the flow ...",
              flush=True)
        print(f"  {leave_reproducer(generator, program, flows, seed)}")
        return False
    written = outcome.written
    print(f"{program.kind}: {written['flows']} flows, {written['packets']} packets,"
          f" {written['octets']} octets; no fault; {outcome.rss_mb:.0f} MB resident at most"
          f" (bound {program.rss_mb}); {outcome.seconds:.0f} s of processor time,"
          f" {time.monotonic() - start:.0f} s in all", flush=True)
    return True


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    generator, flows, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    programs = [Program(*parts[:3], int(parts[3]))
                for parts in (argument.split(":") for argument in sys.argv[4:])]
    shutil.rmtree(FINDINGS, ignore_errors=True)
    return 0 if all([soak(generator, program, flows, seed) for program in programs]) else 1


if __name__ == "__main__":
    sys.exit(main())
