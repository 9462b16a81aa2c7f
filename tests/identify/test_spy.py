# SPDX-License-Identifier: Apache-2.0
"""weir spy: which applications it finds, against ndpiReader and what other spies expect; its counts
against tshark's; its forms against one another; what it refuses."""
import collections
import json
import re
import struct
import subprocess
from pathlib import Path

import pytest
from crafted import DATA, LINK
from reader import ndpi_reader
from scapy.all import IP, TCP, Raw
from test_ndpi_reader import SPY_NAMES

AS_NDPI_READER = ["--idle-timeout", "off", "--tcp-linger", "off", "--tunnels", "--identify", "ndpi"]
FLOW = re.compile(r"^0x[0-9a-f]{16} (\d+)p (\S+) - (\S+)  ([^:]+)(?::(.+))?$")
STATISTICS = re.compile(r"^=== \S+Z === (\d+) octets, (\d+) packets, \d+ octets/s, "
                        r"\d+ packets/s, \d+ flows$")
CAPTURE = Path(__file__).parents[2] / "share/captures/dns.pcap"
CAPTURES = ["demo.pcap", "ftp.pcap", "voip.pcap", "dns.pcap", "ipv6.pcap"]


def spy(weir, capture, *arguments):
    run = weir("spy", "-q", "-r", capture, *arguments)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def table(weir, capture, *arguments):
    return {row["application"]: row
            for row in map(json.loads, spy(weir, capture, "--json", *arguments))}


@pytest.mark.ndpi
def test_finds_what_spies_expect(weir, data_dir):
    lacking = []
    for expected in sorted(data_dir.glob("snabbwall/*.spy.expect")):
        capture = expected.with_name(expected.name.removesuffix(".spy.expect"))
        flows = [FLOW.match(line) for line in spy(weir, capture, "--flows")]
        found = {name.upper() for flow in flows for name in flow.group(4, 5) if name}
        lacking += [(capture.name, word) for word in expected.read_text().split()
                    if SPY_NAMES.get(word, word).upper() not in found]
    assert lacking == []


@pytest.mark.ndpi
@pytest.mark.parametrize("name", CAPTURES)
def test_flows_of_each_application_as_ndpi_reader(weir, tool, captures, name):
    flows = ndpi_reader(tool("ndpiReader"), captures / name)
    expected = collections.Counter(flow.application.split(".")[-1] for flow in flows
                                   if flow.protocol in ("TCP", "UDP"))
    rows = table(weir, captures / name, *AS_NDPI_READER, "tcp or udp")
    assert {name: row["flows"] for name, row in rows.items()} == expected


@pytest.mark.parametrize("name", CAPTURES)
def test_counts_as_tshark(weir, tool, captures, name):
    fields = subprocess.run([tool("tshark"), "-r", captures / name, "-Y", "ip", "-T", "fields",
                             "-e", "ip.len"], capture_output=True, text=True, check=True)
    lengths = [int(line.split(",")[0]) for line in fields.stdout.split()]
    rows = table(weir, captures / name, "ip")
    assert sum(r["packets"] + r["reversePackets"] for r in rows.values()) == len(lengths)
    assert sum(r["octets"] + r["reverseOctets"] for r in rows.values()) == sum(lengths)
    assert not rows or sum(r["share"] for r in rows.values()) == pytest.approx(1, abs=1e-3)


def test_forms_agree(weir, captures):
    capture = captures / "demo.pcap"
    head, *lines = [line.split("\t") for line in spy(weir, capture)]
    rows = table(weir, capture)
    assert head == ["APPLICATION", "FLOWS", "PACKETS", "REVERSE_PACKETS", "OCTETS",
                    "REVERSE_OCTETS", "SHARE", "HOSTS"]
    numbers = ["flows", "packets", "reversePackets", "octets", "reverseOctets"]
    assert [line[0] for line in lines] == list(rows)
    for line in lines:
        row = rows[line[0]]
        assert list(map(int, line[1:6])) == [row[name] for name in numbers]
        assert float(line[6]) == pytest.approx(100 * row["share"], abs=0.01)
        assert line[7].split() == row["hosts"]
    octets = [row["octets"] + row["reverseOctets"] for row in rows.values()]
    assert octets == sorted(octets, reverse=True)


def test_flows_are_lines_low_end_first(weir, captures):
    capture = captures / "ftp.pcap"
    lines = [FLOW.match(line) for line in spy(weir, capture, "--flows", "tcp")]
    flows = [json.loads(line) for line in spy(weir, capture, "--flows", "--json", "tcp")]
    assert [line[2] for line in lines] == [flow["low"] for flow in flows]
    assert {line[2].split(":")[0] for line in lines} == {"192.0.2.1"}
    assert {line[3].split(":")[0] for line in lines} == {"192.0.2.2"}
    assert [int(line[1]) for line in lines] == [flow["packets"] + flow["reversePackets"]
                                                for flow in flows]
    passive = next(flow for flow in flows if flow["low"] == "192.0.2.1:21")
    assert passive["initiator"] == "high"


def test_hashes_are_the_same_in_every_run_and_of_each_flow_another(weir, captures):
    runs = [[line.split()[0] for line in spy(weir, captures / "demo.pcap", "--flows", "tcp or udp")]
            for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == len(runs[0])


@pytest.mark.ndpi
def test_live_tells_each_flow_and_then_the_table(weir, captures):
    lines = spy(weir, captures / "ftp.pcap", "--live", "tcp")
    at = next(i for i, line in enumerate(lines) if line.startswith("APPLICATION\t"))
    assert "192.0.2.2:33054 > 192.0.2.1:21  FTP_CONTROL" in lines[:at]
    assert "192.0.2.1:20 > 192.0.2.2:48893  FTP_DATA" in lines[:at]


FLOWS_LOOKED_AT = 64000         # --identify-flows of weir meter, by default


@pytest.mark.ndpi
def test_live_tells_flows_that_give_way(weir, tmp_path):
    """Of each client a segment that only its port tells something of."""
    flows = FLOWS_LOOKED_AT + 5
    segment = bytes(LINK / IP(src="10.0.0.0", dst="192.0.2.1") / TCP(sport=50000, dport=3389,
                                                                     flags="PA") / Raw(DATA[:40]))
    with open(tmp_path / "crowd.pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in range(flows):
            out.write(struct.pack("<IIII", 1_700_000_000, number, len(segment), len(segment)))
            out.write(segment[:27] + number.to_bytes(3, "big") + segment[30:])
    lines = spy(weir, tmp_path / "crowd.pcap", "--live")
    assert sum(line.endswith(" > 192.0.2.1:3389  RDP") for line in lines) == flows


@pytest.mark.ndpi
def test_live_statistics_on_an_interface(lab, weir_program):
    """Statistics come every two seconds; the pings between the first and the second are in it."""
    a, b = lab.pair("10.0.0.1/24", "10.0.0.2/24")
    run = a.start(weir_program, "spy", "-q", "-i", "eth0", "--live", "--duration", "5", "icmp",
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [run.stdout.readline()]
    b.run("ping", "-q", "-c", "10", "-i", "0.1", "10.0.0.1")
    out, err = run.communicate(timeout=30)
    assert run.returncode == 0, err
    lines = [STATISTICS.match(line) for line in (lines + out.splitlines()) if "===" in line]
    assert [int(line[2]) for line in lines] == [0, 20]
    assert int(lines[1][1]) == 20 * 84
    assert f"ICMP\t1\t10\t10\t{10 * 84}\t{10 * 84}\t100.00\t" in out


@pytest.mark.parametrize("words, says", [
    ([], "nothing to look at"), (["-r", "x.pcap", "-i", "lo"], "expected files or interfaces"),
    (["-r", "no-such.pcap"], "no-such.pcap"),
    (["-r", "x", "--live", "--json"], "--live and --json"),
    (["-r", CAPTURE, "--identify", "magic"], "magic"), (["-r", "x", "--out"], "--out"),
])
def test_refuses(weir, words, says):
    run = weir("spy", *words)
    assert run.returncode == 2 and says in run.stderr and not run.stdout


@pytest.mark.ndpi
def test_damaged_input_is_counted_and_told(weir, captures, tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes((captures / "demo.pcap").read_bytes()[:-7])
    run = weir("spy", "-r", cut, "--json")
    assert run.returncode == 1 and "HTTP" in run.stdout
