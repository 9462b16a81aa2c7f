#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs weir over damaged copies of captures until the time is up; part of ./dev soak.

usage: damage.py PROGRAM SECONDS [SEED]

Each copy is cut, has bits flipped, octets replaced by tempting ones, pieces repeated or taken out.
Weir may refuse it (status 1 or 2), but must not crash, hang, grow beyond bounds, or fail to account
for a frame. The program should be a sanitizer build. A copy that breaks something is kept.
"""
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FINDINGS = ROOT / "build" / "findings" / "damage"
SUFFIXES = (".pcap", ".pcapng", ".cap", ".gz")
LIMIT_S = 60
LIMIT_BYTES = 1 << 30           # resident, sanitizer and all
VARIANTS = ((), ("--tunnels",), ("-j", "2"), ("-m", "16"), ("-d", "1", "-t", "2"), ("--sort",),
            ("--icmp-key", "none"), ("--uniflow",), ("--no-vlan-key",), ("--direction", "first"))
OUTPUTS = ("null:", "json:/dev/null", "csv:/dev/null", "table:/dev/null", "ipfix:/dev/null")
TEMPTING = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0")


def captures():
    folders = [ROOT / "share" / "captures", Path(os.environ.get("WEIR_DATA", "/nonexistent"))]
    return sorted(path for folder in folders if folder.is_dir() for path in folder.rglob("*")
                  if path.suffix in SUFFIXES and path.stat().st_size < 3e6)


def flip(data, dice):
    for _ in range(dice.choice((1, 4, 32))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def tempt(data, dice):
    for _ in range(dice.choice((1, 4, 16))):
        at, value = dice.randrange(len(data)), dice.choice(TEMPTING)
        data[at:at + len(value)] = value


def cut(data, dice):
    del data[dice.randrange(len(data)):]


def take_out(data, dice):
    at = dice.randrange(len(data))
    del data[at:at + dice.choice((1, 2, 3, 4, 16, 1000))]


def repeat(data, dice):
    at, size = dice.randrange(len(data)), dice.choice((1, 4, 16, 100, 2000))
    data[at:at] = data[at:at + size]


def damaged(path, dice):
    data = bytearray(path.read_bytes())
    for _ in range(dice.choice((1, 1, 2, 4))):
        if data:
            dice.choice((flip, tempt, cut, take_out, repeat))(data, dice)
    return bytes(data)


def fault(program, copy, arguments, scratch):
    """What went wrong with one run, or an empty text."""
    stats = scratch / "stats.json"
    stats.unlink(missing_ok=True)
    try:
        done = subprocess.run([program, "meter", "-q", "-r", copy, "--stats", stats, *arguments],
                              capture_output=True, text=True, errors="replace", timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return f"still running after {LIMIT_S} s"
    if done.returncode not in (0, 1, 2):
        return f"status {done.returncode}\n{done.stderr[-4000:]}"
    if "runtime error:" in done.stderr or "Sanitizer" in done.stderr:
        return done.stderr[-4000:]
    if stats.exists() and json.loads(stats.read_text()).get("balanced") is not True:
        return "the accounts do not balance\n" + stats.read_text()
    if done.returncode == 0 and not stats.exists():
        return "no stats in spite of status 0"
    if resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 > LIMIT_BYTES:
        return "grew beyond its bound"
    return ""


def main():
    program, seconds = sys.argv[1], float(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    print(f"damage: seed {seed}, {seconds:.0f} s", flush=True)
    dice, paths, runs, faults = random.Random(seed), captures(), 0, 0
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="weir-damage-") as folder:
        while time.monotonic() < end:
            path = dice.choice(paths)
            copy = Path(folder) / ("copy" + path.suffix)
            copy.write_bytes(damaged(path, dice))
            arguments = [*dice.choice(VARIANTS), "-o", dice.choice(OUTPUTS)]
            problem = fault(program, copy, arguments, Path(folder))
            runs += 1
            if problem:
                faults += 1
                FINDINGS.mkdir(parents=True, exist_ok=True)
                kept = FINDINGS / f"{seed}-{runs}{path.suffix}"
                shutil.copy(copy, kept)
                print(f"FAILED {path.name} {' '.join(arguments)}: {problem}\nkept as {kept}",
                      flush=True)
    print(f"damage: {runs} damaged copies of {len(paths)} captures, {faults} faults")
    return 1 if faults or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
