# SPDX-License-Identifier: Apache-2.0
"""Exporters of others, softflowd and pmacctd (nfprobe): they read a capture and send its flows."""
import re
import subprocess

FOREVER = 3600      # no flow of a test's capture ends before the capture does


def softflowd(tool, capture, port, version, *more):
    """The command that sends the flows of a capture and ends."""
    return [tool("softflowd"), "-r", capture, "-n", f"127.0.0.1:{port}", "-v", version, "-6", "-d",
            "-c", "none", "-p", "none", *more]


def said_by_softflowd(text):
    """(packets, flows, records) that it read and sent, none of them in vain."""
    packets, = re.findall(r"^Packets processed: (\d+)", text, re.M)
    found = re.findall(r"^Flows exported: (\d+) \((\d+) records\) in \d+ packets \(0 failures\)",
                       text, re.M)
    assert len(found) == 1, text
    return int(packets), *map(int, found[0])


def pmacctd(tool, capture, folder, ports):
    """The command that sends the flows of a capture, in each version (of `ports`) to its port, and
    ends."""
    lines = ["daemonize: false", f"pcap_savefile: {capture}",
             "aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags",
             "plugin_pipe_size: 10240000", "plugin_buffer_size: 10240",
             "plugins: " + ", ".join(f"nfprobe[v{version}]" for version in ports),
             "nfprobe_timeouts: expint=0:" + ":".join(f"{name}={FOREVER}" for name in (
                 "tcp", "tcp.rst", "tcp.fin", "udp", "icmp", "general", "maxlife"))]
    for version, port in ports.items():
        lines += [f"nfprobe_version[v{version}]: {version}",
                  f"nfprobe_receiver[v{version}]: 127.0.0.1:{port}"]
    path = folder / "pmacctd.conf"
    path.write_text("\n".join(lines) + "\n")
    return [tool("pmacctd"), "-f", path]


def run(command, timeout=60):
    """On the loopback interface of this machine; what it said."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
