# SPDX-License-Identifier: Apache-2.0
"""NetFlow v9 and v5, read by tshark, nfcapd and nfdump: the same flows, packets, octets, times.

The expected flows are those that traffic.py counted while it made the capture, each direction that
has packets a flow of its own.
"""
import json
import struct
import subprocess
from collections import Counter

import pytest

from interop import traffic
from interop.peers import (Nfcapd, datagrams, in_a_capture, nfdump_flags, nfdump_time, tshark_lines,
                           udp_collector)


@pytest.fixture
def export(weir, capture, tmp_path):
    """Runs weir on the capture into a socket; the datagrams and the account."""
    def run(scheme, parameters="", *more):
        with udp_collector() as collector:
            port, stats = collector.getsockname()[1], tmp_path / "stats.json"
            done = weir("meter", "-r", capture, *traffic.OPTIONS, "-o",
                        f"{scheme}+udp://127.0.0.1:{port}{parameters}", "--stats", stats, *more)
            assert done.returncode == 0, done.stderr
            account, = json.loads(stats.read_text())["outputs"].values()
            return datagrams(collector), account
    return run


# ---- tshark ----

def check_by_tshark(tool, path, flows):
    done = subprocess.run([tool("tshark"), "-r", str(path), "-Y",
                           "_ws.malformed || _ws.expert || cflow.unexpected_sequence_number"
                           " || !cflow"],
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    lines = tshark_lines(tool, path, "cflow.octets", "cflow.packets", "cflow.srcport")
    for i, index in enumerate((6, 5, 3)):
        found = [int(value) for line in lines for value in line.split("\t")[i].split()]
        assert Counter(found) == Counter(flow[index] for flow in flows)


@pytest.mark.parametrize("scheme, parameters", [
    ("netflow9", ""), ("netflow9", "?times=absolute"), ("netflow9", "?mtu=500&template-packets=2"),
    ("netflow5", ""), ("netflow5", "?mtu=200")])
def test_tshark(export, sent, tool, tmp_path, scheme, parameters):
    messages, account = export(scheme, parameters)
    path = tmp_path / "datagrams.pcap"
    path.write_bytes(in_a_capture(messages))
    flows = list(traffic.one_way(sent, ipv6=scheme == "netflow9"))
    check_by_tshark(tool, path, flows)
    every = list(traffic.one_way(sent))
    assert (account["accepted"], account["sent"]) == (len(every), len(flows))
    assert account["dropped"]["unencodable"] == len(every) - len(flows)


# ---- headers ----

def test_sequence_of_v9_counts_messages(export):
    messages, _ = export("netflow9", "?domain=4294967295&mtu=400")
    heads = [struct.unpack_from("!HHIIII", octets) for octets in messages]
    assert [head[4] for head in heads] == list(range(len(messages)))
    assert {(head[0], head[5]) for head in heads} == {(9, 4294967295)}
    assert max(map(len, messages)) <= 400 - 28


def test_sequence_of_v5_counts_flows(export, sent):
    messages, _ = export("netflow5", "?domain=513")
    heads = [struct.unpack_from("!HHIIIIBBH", octets) for octets in messages]
    total = 0
    for head, octets in zip(heads, messages):
        assert (head[0], head[5], head[6:9]) == (5, total, (2, 1, 0))
        assert len(octets) == 24 + 48 * head[1] and head[1] <= 30
        total += head[1]
    assert total == len(list(traffic.one_way(sent, ipv6=False)))


def test_fields_of_v9(export, sent):
    """What v9 cannot carry is told; fields of v5 are its own."""
    messages, _ = export("netflow5", "", "--fields", "flowDirectionBasis")
    assert messages


def test_v9_tells_what_it_leaves_out(weir, capture):
    with udp_collector() as collector:
        port = collector.getsockname()[1]
        done = weir("meter", "-r", capture, "--fields", "octetDeltaCount,flowDirectionBasis",
                    "-o", f"netflow9+udp://127.0.0.1:{port}")
        assert "flowDirectionBasis (NetFlow v9 has no elements of enterprises)" in done.stderr
        assert all(len(octets) > 20 for octets in datagrams(collector))


@pytest.mark.parametrize("address, says", [
    ("netflow9+udp://h?times=never", 'times is "never", expected uptime or absolute'),
    ("netflow9+udp://h?pen=1", "pen"),
    ("netflow5+udp://h?template-refresh=1s", "template-refresh"),
    ("netflow5+udp://a,b", "found 2 hosts"),
    ("ipfix+udp://127.0.0.1?pen=29305", "expected the number of an enterprise")])
def test_wrong_parameters(weir, capture, address, says):
    done = weir("meter", "-r", capture, "-o", address.replace("//h", "//127.0.0.1"))
    assert done.returncode == 2 and says in done.stderr


# ---- nfcapd and nfdump ----

def by_nfdump(flow):
    v6 = "src6_addr" in flow
    icmp = flow["proto"] in (1, 58)
    return (flow["src6_addr" if v6 else "src4_addr"], flow["dst6_addr" if v6 else "dst4_addr"],
            flow["proto"], 0 if icmp else flow.get("src_port", 0),
            0 if icmp else flow.get("dst_port", 0), flow["in_packets"], flow["in_bytes"],
            nfdump_flags(flow["tcp_flags"]) if flow["proto"] == 6 else 0,
            flow["icmp_type"] * 256 + flow["icmp_code"] if icmp else 0,
            nfdump_time(flow["first"]), nfdump_time(flow["last"]))


@pytest.mark.parametrize("scheme, parameters", [
    ("netflow9", ""), ("netflow9", "&times=absolute"), ("netflow5", "")])
def test_nfcapd(lab, tool, weir_program, capture, sent, tmp_path, scheme, parameters):
    here = lab.host()
    nfcapd = Nfcapd(here, tool, tmp_path / "flows")
    here.run(weir_program, "meter", "-r", capture, *traffic.OPTIONS, "-o",
             f"{scheme}+udp://127.0.0.1:4739?rate=50k{parameters}")
    # nfcapd 1.7 knows icmpTypeCodeIPv6 in IPFIX, not in v9.
    flows = [(*flow[:8], 0 if flow[2] == 58 else flow[8], *flow[9:])
             for flow in traffic.one_way(sent, scheme == "netflow9")]
    assert sorted(map(by_nfdump, nfcapd.stop())) == sorted(flows)
