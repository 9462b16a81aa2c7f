# SPDX-License-Identifier: Apache-2.0
"""Those who read what weir exports: a socket that keeps datagrams, tshark, nfcapd with nfdump."""
import json
import os
import signal
import socket
import subprocess
from datetime import datetime, timezone

from golden import craft
from net.lab import wait_for

EPHEMERAL = 0


def udp_collector():
    """A UDP socket on the loopback interface with room for all that a test sends."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    made.bind(("127.0.0.1", EPHEMERAL))
    made.settimeout(0.2)
    return made


def datagrams(collector):
    received = []
    try:
        while True:
            received.append(collector.recv(65536))
    except TimeoutError:
        return received


def in_a_capture(messages):
    """Datagrams as a collector's capture would show them."""
    return craft.pcap([(craft.BASE_NS + i * 1000, frame, len(frame)) for i, frame in enumerate(
        craft.ether(craft.ipv4("192.0.2.1", "192.0.2.2", craft.udp(50000, 4739, payload=octets)))
        for octets in messages)])


def tshark_lines(tool, path, *fields):
    words = [word for field in fields for word in ("-e", field)]
    done = subprocess.run([tool("tshark"), "-r", str(path), "-T", "fields", "-E", "occurrence=a",
                           "-E", "aggregator= ", *words],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# ---- nfcapd and nfdump ----

def nfdump_time(text):
    return round(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)


def nfdump_flags(text):
    """CWR to FIN from the left."""
    return sum(128 >> i for i, letter in enumerate(text) if letter != ".")


class Nfcapd:
    """nfcapd in a namespace, and what nfdump says of what it received."""

    def __init__(self, host, tool, folder, family="-4"):
        self.host, self.tool, self.folder = host, tool, folder
        folder.mkdir()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = host.start(tool("nfcapd"), family, "-p", "4739", "-w", folder, "-t", "3600",
                                  **quiet)
        host.await_port(4739, "udp")

    def nfdump(self, *arguments):
        done = subprocess.run([self.tool("nfdump"), "-R", str(self.folder), *arguments],
                              capture_output=True, text=True, timeout=60, check=True,
                              env={**os.environ, "TZ": "UTC"})
        return done.stdout

    def stop(self):
        """Every flow, as nfdump writes it; no datagram was missing."""
        wait_for(lambda: received_all(self.host), what="nfcapd to empty its socket")
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        assert "Sequence failures: 0" in self.nfdump("-I")
        return json.loads(self.nfdump("-o", "json"))


def udp_received(host):
    """Datagrams that UDP sockets of the host were given so far."""
    names, values = [line.split() for line in host.run("cat", "/proc/net/snmp").stdout.splitlines()
                     if line.startswith("Udp:")]
    return int(values[names.index("InDatagrams")])


def received_all(host):
    """No datagram waits in any UDP socket of the host."""
    lines = host.run("cat", "/proc/net/udp", "/proc/net/udp6").stdout.splitlines()
    return all(line.split()[4].endswith(":00000000") for line in lines if ":" in line.split()[0])
