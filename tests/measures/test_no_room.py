# SPDX-License-Identifier: Apache-2.0
"""What did not fit into the bounded pools of measures is counted in --stats: of flows that are all
alive at once, those beyond the bound."""
import json

import pytest
from scapy.all import IP, UDP, Ether, Raw, wrpcap

FLOWS = 12


@pytest.mark.parametrize("measure, option, bound, refused", [
    ("sequence", "--measure-flows", 5, FLOWS - 5), ("sequence", "--measure-flows", FLOWS, 0),
    ("histogram", "--measure-flows", 5, FLOWS - 5), ("histogram", "--measure-flows", FLOWS, 0),
    # Of payload each direction has its own.
    ("payload", "--payload-flows", 5, 2 * FLOWS - 5), ("payload", "--payload-flows", 2 * FLOWS, 0),
])
def test_no_room(weir, tmp_path, measure, option, bound, refused):
    packets = []
    for number in range(3 * FLOWS):
        ends = ("192.0.2.1", "192.0.2.2", 40000 + number % FLOWS, 50000)
        for source, target, sport, dport in (ends, (ends[1], ends[0], ends[3], ends[2])):
            packets.append(Ether() / IP(src=source, dst=target) / UDP(sport=sport, dport=dport) /
                           Raw(b"payload"))
    wrpcap(str(tmp_path / "a.pcap"), packets)
    done = weir("meter", "-v", "-r", tmp_path / "a.pcap", "-o", "null:", "--measure", measure,
                option, bound, "--stats", tmp_path / "stats.json")
    assert done.returncode == 0, done.stderr
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert stats["meters"]["flows"]["measures"] == {measure: {"no_room": refused}}
    assert (f"measure {measure}: no_room {refused}" in done.stderr) == bool(refused)


def test_measures_without_bounds_count_nothing(weir, captures, tmp_path):
    done = weir("meter", "-q", "-r", captures / "dns.pcap", "-o", "null:", "--measure", "sizes",
                "--stats", tmp_path / "stats.json")
    assert done.returncode == 0
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert stats["meters"]["flows"]["measures"] == {}
