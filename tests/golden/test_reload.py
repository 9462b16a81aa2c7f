# SPDX-License-Identifier: Apache-2.0
"""SIGHUP reads the configuration again: timers and filter change while packets flow.

The packets come through a pipe, so that it is the test that decides what comes before and after.
"""
import array
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import termios
import time

import craft
import pytest
import yaml
from runner import WEIR

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


class Meter:
    """A run with weir.yaml, fed by the test."""

    def __init__(self, folder, text):
        self.file = folder / "weir.yaml"
        self.file.write_text(text)
        self.run = subprocess.Popen(
            [WEIR, "meter", "-r", "-", "-f", self.file, "-o", "json:-"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.write(craft.pcap([]))

    def write(self, octets):
        self.run.stdin.write(octets)
        self.run.stdin.flush()

    def send(self, *packets):
        """(seconds, source, destination) each."""
        for seconds, source, destination in packets:
            octets = craft.ether(craft.ip(source, destination, craft.udp(1000, 53, 10)))
            self.write(craft.pcap([(craft.at(seconds), octets, len(octets))])[24:])

    def settle(self):
        """Until the program listens to SIGHUP and has taken all that was sent."""
        for _ in range(3000):
            status = pathlib.Path(f"/proc/{self.run.pid}/status").read_text()
            caught = int(status.split("SigCgt:")[1].split()[0], 16)
            waiting = array.array("i", [0])
            fcntl.ioctl(self.run.stdin, termios.FIONREAD, waiting)
            if caught & 1 << (signal.SIGHUP - 1) and not waiting[0]:
                time.sleep(0.3)         # the last that was taken is metered
                return
            time.sleep(0.01)
        raise AssertionError("the program does not take its input")

    def change(self, text):
        """Gives the line with which weir answers."""
        self.settle()
        self.file.write_text(text)
        os.kill(self.run.pid, signal.SIGHUP)
        return self.run.stderr.readline().decode()

    def end(self):
        out, messages = self.run.communicate(timeout=30)
        assert self.run.returncode == 0, messages
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def started(tmp_path):
    runs = []

    def start(text):
        run = Meter(tmp_path, text)
        run.send((0, A, B))
        runs.append(run)
        return run
    yield start
    for run in runs:
        run.run.kill()


def packets(records):
    return sorted((r["destinationIPv4Address"], r["packetDeltaCount"], r["flowEndReason"])
                  for r in records)


def test_without_a_change_nothing_changes(started):
    run = started("idle-timeout: 1h\nactive-timeout: off\n")
    assert "read again" in run.change(run.file.read_text())
    run.send((10, A, B), (20, A, C))
    assert packets(run.end()) == [(B, 2, 4), (C, 1, 4)]


def test_timers_change_for_flows_that_are_there(started):
    run = started("idle-timeout: 1h\nactive-timeout: off\n")
    assert "read again" in run.change("idle-timeout: 5s\nactive-timeout: off\n")
    run.send((10, A, B), (20, A, C))
    assert packets(run.end()) == [(B, 1, 1), (B, 1, 1), (C, 1, 4)]


def test_the_filter_changes(started):
    run = started("filter: udp\n")
    assert "read again" in run.change(f"filter: host {C}\n")
    run.send((10, A, B), (11, A, C))
    assert packets(run.end()) == [(B, 1, 4), (C, 1, 4)]


def test_wrong_settings_change_nothing(started):
    run = started("idle-timeout: 1h\nactive-timeout: off\n")
    line = run.change("idle-timeout: soon\n")
    assert "not changed" in line and "weir.yaml:1" in line and "soon" in line
    line = run.change("filter: udp prt 5\n")
    assert "not changed" in line
    run.send((10, A, B))
    assert packets(run.end()) == [(B, 2, 4)]


TWO = """
meters:
- {name: all, idle-timeout: %s, active-timeout: "off", values: [packetDeltaCount, flowEndReason]}
- {name: some, filter: host %s, idle-timeout: "off", active-timeout: "off",
   values: [packetDeltaCount, flowEndReason]}
"""


def test_meters_of_a_list_change_each(started):
    """The timer of one, the filter of the other; by names, whatever their order."""
    run = started(TWO % ("1h", B))
    text = yaml.safe_load(TWO % ("5s", C))
    text["meters"].reverse()
    assert "new start" in run.change(yaml.safe_dump(text))          # for the order
    run.send((10, A, B), (20, A, C))
    assert packets(run.end()) == [(B, 1, 1), (B, 1, 1), (B, 1, 4), (C, 1, 4), (C, 1, 4)]


def test_the_same_list_needs_no_new_start(started):
    run = started(TWO % ("1h", B))
    assert "new start" not in run.change(TWO % ("5s", C))
    assert "new start" in run.change(TWO % ("5s", C) + "- name: more\n")
    assert "not changed" in run.change("meters:\n- {name: all, filter: udp prt}\n")


def test_a_meter_that_is_gone_stays_as_it_was(started):
    run = started(TWO % ("1h", B))
    assert "new start" in run.change("meters:\n- {name: all, idle-timeout: 5s}\n")
    run.send((10, A, B))
    assert packets(run.end()) == [(B, 1, 1), (B, 1, 4), (B, 2, 4)]


def test_what_needs_a_new_start_is_told(started):
    run = started("idle-timeout: 1h\n")
    for more in ("uniflow: true", "session-gap: 1m", "measure: sizes", "identify: port",
                 "sequence-packets: 5", "buffer: 8M", "max-flows: 1k"):
        assert "need a new start" in run.change(f"idle-timeout: 1h\n{more}\n"), more
    assert "new start" not in run.change("idle-timeout: 2h\nactive-timeout: 1h\ntcp-linger: 1s\n")
    assert packets(run.end()) == [(B, 1, 4)]
