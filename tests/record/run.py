#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records share/captures/ anew; ./dev record is its front.

usage: run.py [FILE...]      the files of share/captures/ to record; all of them by default
"""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True
from net.lab import why_no_namespaces  # noqa: E402
from record.recordings import RECORDINGS  # noqa: E402
from record.stage import Stage  # noqa: E402

CAPTURES = ROOT / "share" / "captures"
LIMIT_BYTES = 2_000_000

HEAD = """# Captures

Recorded from real programs in network namespaces by `./dev record` (tests/record), offloads off,
so that the frames are as they would be on a wire. Addresses are those set aside for examples. Tests
and `./dev demo` read them; recording anew changes times and ports, never what the files are about.

| file | what | programs | packets | octets of the file |
|---|---|---|---|---|
"""


def packets(path):
    done = subprocess.run(["capinfos", "-T", "-M", "-r", "-c", path], capture_output=True,
                          text=True, check=True)
    return int(done.stdout.split("\t")[-1])


def write_readme():
    rows = []
    for name, (function, programs) in RECORDINGS.items():
        path = CAPTURES / name
        if path.exists():
            what = " ".join(function.__doc__.split())
            rows.append(f"| {name} | {what} | {programs.replace(' ', ', ')} | {packets(path)} | "
                        f"{path.stat().st_size} |\n")
    (CAPTURES / "README.md").write_text(HEAD + "".join(rows))


def main():
    reason = why_no_namespaces()
    if reason:
        sys.exit(f"dev: cannot record: {reason}")
    names = sys.argv[1:] or list(RECORDINGS)
    for name in names:
        if name not in RECORDINGS:
            sys.exit(f"dev: no recording \"{name}\"; expected one of: {' '.join(RECORDINGS)}")
    CAPTURES.mkdir(parents=True, exist_ok=True)
    for name in names:
        stage = Stage(CAPTURES)
        try:
            RECORDINGS[name][0](stage)
        finally:
            stage.close()
        size = (CAPTURES / name).stat().st_size
        print(f"{name}: {packets(CAPTURES / name)} packets, {size} octets", flush=True)
    write_readme()
    total = sum((CAPTURES / name).stat().st_size for name in RECORDINGS
                if (CAPTURES / name).exists())
    print(f"all together {total} octets (at most {LIMIT_BYTES})")
    return 1 if total > LIMIT_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
