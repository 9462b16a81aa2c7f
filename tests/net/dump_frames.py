# SPDX-License-Identifier: Apache-2.0
"""Runs dump_frames (tests/unit/capture/dump_frames.c) and reads what it prints: every frame that a
capture source delivered, the messages and the counters. Used by golden and network tests.
"""
import os
import re
from collections import namedtuple
from pathlib import Path

OUTGOING, DAMAGED_TIME = 1, 2

Frame = namedtuple("Frame", "time_ns captured wire link interface tpid tci gso bits crc")


def find(weir_program):
    """The program that belongs to the same build as weir, or None."""
    named = os.environ.get("WEIR_DUMP_FRAMES")
    path = Path(named) if named else \
        weir_program.resolve().parents[2] / "tests/unit/capture/dump_frames"
    return path if path.exists() else None


def frames(text):
    found = []
    for line in text.splitlines():
        part = line.split()
        numbers = [int(word) for word in part[:5] + part[6:9]]
        found.append(Frame(*numbers[:5], int(part[5], 16), *numbers[5:], int(part[9], 16)))
    return found


def counters(text):
    """From standard error: counters by name."""
    line = re.search(r"^counters (.*)$", text, re.MULTILINE).group(1)
    return {name: int(value) for name, value in (word.split("=") for word in line.split())}


def errors(text):
    return re.findall(r"^error (.*)$", text, re.MULTILINE)


def interfaces(text):
    return re.findall(r"^interface \d+ name=(.*) index=\d+ mac", text, re.MULTILINE)
