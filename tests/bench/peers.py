# SPDX-License-Identifier: Apache-2.0
"""Other meters that the bench runs beside weir: from the same file, each to where it writes flows,
with tables large enough and timers long enough that nothing need be split or thrown away.

Each says how its records are counted; a peer is complete when all packets are in its records and
there are no fewer records than flows. Octets that include Ethernet headers do not count against it.
"""
import re
import shutil
import subprocess
from dataclasses import dataclass

PATHS = "/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin"
ROOMY = 8_000_000               # flows that a table is told to hold
NEVER = 3600                    # seconds that no workload lasts


def find(program):
    return shutil.which(program) or shutil.which(program, path=PATHS)


@dataclass
class Count:
    packets: int
    records: int


@dataclass(frozen=True)
class Peer:
    name: str
    package: str                # of Debian, for its version
    command: callable           # (made, port, folder) -> arguments
    count: callable             # (sums of the sink, folder, what it printed) -> Count
    udp: bool = False           # exports to the sink
    flows_max: int = 1 << 40    # with more it needs more memory than a machine may have

    def version(self):
        known = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.package],
                               capture_output=True, text=True)
        return known.stdout if known.returncode == 0 else "unknown"


def softflowd(made, port, folder):
    timeouts = [part for name in ("general", "tcp", "udp") for part in ("-t", f"{name}={NEVER}")]
    return ["softflowd", "-r", made.path, "-n", f"127.0.0.1:{port}", "-v", "10", "-b", "-T", "vlan",
            "-m", ROOMY, "-t", "maxlife=0", *timeouts]


def pmacctd(made, port, folder):
    names = ("tcp", "tcp.rst", "tcp.fin", "udp", "icmp", "general", "maxlife")
    settings = {
        "daemonize": "false", "pcap_savefile": made.path, "plugins": "nfprobe",
        "aggregate": "vlan, src_host, dst_host, src_port, dst_port, proto",
        "nfprobe_receiver": f"127.0.0.1:{port}", "nfprobe_version": 10,
        "nfprobe_maxflows": ROOMY, "plugin_pipe_size": 100_000_000,
        "plugin_buffer_size": 100_000,
        "nfprobe_timeouts": ":".join(f"{name}={NEVER}" for name in names),
    }
    path = folder / "pmacctd.conf"
    path.write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
    return ["pmacctd", "-f", path]


def nfpcapd(made, port, folder):
    cache = max(524288, 1 << (2 * made.flows - 1).bit_length())
    return ["nfpcapd", "-r", made.path, "-w", folder, "-e", f"{NEVER},{NEVER}", "-B", cache]


def argus(made, port, folder):
    return ["argus", "-X", "-r", made.path, "-w", folder / "flows.argus"]


def ndpi_reader(made, port, folder):
    return ["ndpiReader", "-i", made.path]


def ipfixprobe(made, port, folder):
    size = max(17, (2 * made.flows - 1).bit_length())
    return ["ipfixprobe", "-i", f"pcap;file={made.path}",
            "-s", f"cache;size={size};active={NEVER};inactive={NEVER}",
            "-o", f"ipfix;host=127.0.0.1;port={port};udp"]


def count_sums(sums, folder, printed):
    return Count(sums["packets"], sums["records"])


def count_nfdump(sums, folder, printed):
    said = subprocess.run(["nfdump", "-R", folder, "-I"], capture_output=True, text=True,
                          check=True).stdout
    found = dict(re.findall(r"^(Flows|Packets): (\d+)", said, re.MULTILINE))
    return Count(int(found["Packets"]), int(found["Flows"]))


def count_argus(sums, folder, printed):
    said = subprocess.run(["racount", "-r", folder / "flows.argus"], capture_output=True,
                          text=True, check=True).stdout
    found = re.search(r"sum\s+(\d+)\s+(\d+)", said)
    return Count(int(found[2]), int(found[1]) - 1)      # one record is about argus itself


def count_ndpi(sums, folder, printed):
    packets = re.search(r"IP packets:\s+(\d+)", printed)
    flows = re.search(r"Unique flows:\s+(\d+)", printed)
    return Count(int(packets[1]), int(flows[1]))


PEERS = (
    Peer("softflowd", "softflowd", softflowd, count_sums, udp=True),
    Peer("ipfixprobe", "ipfixprobe", ipfixprobe, count_sums, udp=True),
    Peer("nfpcapd", "nfdump", nfpcapd, count_nfdump),
    Peer("argus", "argus-server", argus, count_argus),
    Peer("pmacctd", "pmacct", pmacctd, count_sums, udp=True),
    Peer("ndpiReader", "libndpi-bin", ndpi_reader, count_ndpi, flows_max=1_500_000),
)


def installed():
    return [peer for peer in PEERS if find(peer.name)]


def lacks(made, count):
    """Why a peer is not complete; empty when it is."""
    if count.packets != made.packets:
        return f"{count.packets:,} of {made.packets:,} packets"
    if count.records < made.flows:
        return f"{count.records:,} records of {made.flows:,} flows"
    return ""
