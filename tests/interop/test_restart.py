# SPDX-License-Identifier: Apache-2.0
"""A collector is killed and comes back while weir meters on: it gets every record that is written
after its return, and each one in between that it did not get is in the account.

Each flow is one datagram to a port of its own, so a record says which datagram it is of.
"""
import json
import signal
import subprocess
import sys

import pytest

from interop.collector import ELSEWHERE, PATIENCE, Collector, address, certificate
from net.lab import wait_for

FLOWS = 200         # of each part
PORT = 20000        # of the first flow
SENDER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(int(sys.argv[1]), int(sys.argv[2])):
    s.sendto(b"x", ("192.0.2.2", port))
"""


class Meter:
    """weir meter on a cable; flows come in parts."""

    def __init__(self, lab, program, folder, to):
        self.sender, self.host = lab.pair("192.0.2.1/24", "192.0.2.2/24")
        self.program, self.folder, self.to = program, folder, to
        self.stats, self.parts = folder / "meter.stats", 0

    def start(self):
        self.process = self.host.start(
            self.program, "meter", "-i", "eth0", "-d", "100ms", "-o", self.to + "reconnect=1s",
            "--stats", self.stats, "--stats-interval", "200ms",
            "udp and src host 192.0.2.1", stderr=subprocess.PIPE, text=True)
        wait_for(self.account, PATIENCE, "the meter to begin")

    def account(self):
        """Of the output, as of a moment ago; None before there is one."""
        if not self.stats.exists():
            assert self.process.poll() is None, self.process.communicate()[1]
            return None
        account, = json.loads(self.stats.read_text())["outputs"].values()
        return account

    def part(self):
        """Sends flows, waits until all their records are with the output; their ports."""
        begin = PORT + self.parts * FLOWS
        self.parts += 1
        self.sender.run(sys.executable, "-c", SENDER, begin, begin + FLOWS)
        wait_for(lambda: self.account()["accepted"] >= self.parts * FLOWS, PATIENCE,
                 "records of the datagrams")
        return set(range(begin, begin + FLOWS))

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=PATIENCE)[1]
        assert self.process.returncode == 0, said
        return self.account(), said


class Restart:
    """One collector, and another in its place."""

    def __init__(self, meter, host, program, folder):
        self.meter, self.host, self.program, self.folder = meter, host, program, folder
        self.first = Collector(host, program, folder / "first", meter.to)
        meter.start()
        self.before = meter.part()
        self.first.await_records(len(self.before))

    def kill(self):
        self.first.process.kill()
        self.first.process.wait()

    def come_back(self):
        """Everything after the return is there; how many were lost before."""
        second = Collector(self.host, self.program, self.folder / "second", self.meter.to)
        after = self.meter.part()
        wait_for(lambda: self.meter.account()["queued"] == 0, PATIENCE, "the queue to be empty")
        account, said = self.meter.stop()
        records, received = second.stop()
        found = [record["destinationTransportPort"] for record in records]
        lost = sum(account["dropped"].values())
        assert len(found) == len(set(found)) and not self.before & set(found)
        assert after <= set(found)
        assert account["accepted"] == self.meter.parts * FLOWS
        assert account["acknowledged"] == len(self.before) + len(found)
        assert account["acknowledged"] + lost == account["accepted"]
        assert f"connected again; {lost} records were lost so far" in said
        assert not any(received["sequence"].values())
        return lost


@pytest.mark.parametrize("transport", ["tcp", "tls", "sctp"])
def test_killed_and_back(lab, tool, weir_program, tmp_path, transport):
    to = address(transport, certificate(tool, tmp_path))
    meter = Meter(lab, weir_program, tmp_path, to)
    restart = Restart(meter, meter.host, weir_program, tmp_path)
    restart.kill()
    meter.part()
    restart.come_back()


@pytest.mark.parametrize("transport", ["tcp", "tls", "sctp"])
def test_lost_on_the_way(lab, tool, weir_program, tmp_path, transport):
    """Sent while the cable was out, never acknowledged: those are the lost ones, all of them."""
    to = address(transport, certificate(tool, tmp_path), ELSEWHERE)
    meter = Meter(lab, weir_program, tmp_path, to)
    elsewhere = lab.host("c")
    ends = lab.link(meter.host, elsewhere)
    meter.host.address("198.51.100.1/24", ends[0])
    elsewhere.address(f"{ELSEWHERE}/24", ends[1])
    restart = Restart(meter, elsewhere, weir_program, tmp_path)
    elsewhere.ip("link", "set", ends[1], "down")
    meter.part()
    wait_for(lambda: meter.account()["queued"] == 0, PATIENCE, "records to be on their way")
    restart.kill()
    elsewhere.ip("link", "set", ends[1], "up")
    assert restart.come_back() == FLOWS
