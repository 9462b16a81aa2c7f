# SPDX-License-Identifier: Apache-2.0
"""Those who read what weir exports: a socket that keeps datagrams, tshark, nfcapd with nfdump,
nfacctd, ipfixDump.
"""
import json
import os
import re
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


PATIENCE = 60       # seconds: nothing is asserted on speed


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


# ---- nfacctd of pmacct ----

class Nfacctd:
    """nfacctd in a namespace, and the flows that it writes."""
    KEY = ("src_host", "dst_host", "src_port", "dst_port", "proto", "vlan", "tcpflags",
           "timestamp_start", "timestamp_end")

    def __init__(self, host, tool, folder):
        folder.mkdir()
        self.flows, config, log = (folder / name for name in ("flows.json", "nfacctd.conf", "log"))
        settings = {"daemonize": "false", "nfacctd_ip": "127.0.0.1", "nfacctd_port": 4739,
                    "plugins": "print", "aggregate": ", ".join(self.KEY), "print_output": "json",
                    "print_output_file": self.flows, "print_output_file_append": "true",
                    "print_refresh_time": 1}
        config.write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
        with log.open("w") as out:
            self.process = host.start("env", "TZ=UTC", tool("nfacctd"), "-f", config, stdout=out,
                                      stderr=subprocess.STDOUT)
        # It loses what comes before its printing process runs, though the port is open.
        wait_for(lambda: "Purging cache - END" in log.read_text(), PATIENCE, "nfacctd to be ready")

    def written(self):
        lines = self.flows.read_text().splitlines() if self.flows.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def stop(self, count):
        """Flows, once there are as many."""
        wait_for(lambda: len(self.written()) >= count, PATIENCE, f"{count} flows at nfacctd")
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        return self.written()


# ---- ipfixDump of libfixbuf ----

def ipfix_dump(tool, path, *options):
    """Records as texts by name; by enterprise/number where ipfixDump has no name."""
    done = subprocess.run([tool("ipfixDump"), "-i", str(path), "-d", *options],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = []
    for line in done.stdout.splitlines():
        value = re.match(r"\t\(([\d/]+)\)(?: \(S\))? +(\w+) : (.*)$", line)
        if line.startswith("--- data record"):
            found.append({})
        elif value:
            number, name, text = value.groups()
            found[-1][number if name.startswith("_") else name] = text
    return found


def udp_received(host):
    """Datagrams that UDP sockets of the host were given so far."""
    names, values = [line.split() for line in host.run("cat", "/proc/net/snmp").stdout.splitlines()
                     if line.startswith("Udp:")]
    return int(values[names.index("InDatagrams")])


def received_all(host):
    """No datagram waits in any UDP socket of the host."""
    lines = host.run("cat", "/proc/net/udp", "/proc/net/udp6").stdout.splitlines()
    return all(line.split()[4].endswith(":00000000") for line in lines if ":" in line.split()[0])
