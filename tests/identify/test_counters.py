# SPDX-License-Identifier: Apache-2.0
"""What naming applications had to do without is counted in --stats, and told with -v. Expected
numbers follow from the bounds and the packets crafted; with room enough all are 0."""
import json

import pytest
from scapy.all import AH, IP, TCP, UDP, Ether, Raw, wrpcap

from test_hostile import write_crowd

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
CLIENT, SERVER = "192.0.2.10", "198.51.100.20"
NONE = dict.fromkeys(("gave_way", "texts_dropped", "memory_refused", "expectations_replaced",
                      "sessions_replaced", "packets_not_shown"), 0)


def segment(port, text, to=80):
    return LINK / IP(src=CLIENT, dst=SERVER) / TCP(sport=port, dport=to, flags="PA", seq=1,
                                                    ack=1) / Raw(text)


def unknown(port):
    """A datagram that is no protocol: its flow is looked at until it ends."""
    return LINK / IP(src=CLIENT, dst=SERVER) / UDP(sport=port, dport=61001) / Raw(
        bytes((port * 7 + k * 31) & 0xff for k in range(64)))


@pytest.fixture
def counters(weir, tmp_path):
    """(the counters of the applications, what -v says) of packets, or of a capture."""
    def run(packets, *options):
        path = tmp_path / "packets.pcap"
        if packets:
            wrpcap(str(path), packets)
        done = weir("meter", "-v", "-r", path, "-o", "null:", "--stats", tmp_path / "stats.json",
                    "--measure", "applications", *options)
        assert done.returncode == 0, done.stderr
        meters = json.loads((tmp_path / "stats.json").read_text())["meters"]
        return meters["flows"]["measures"]["applications"], done.stderr
    return run


@pytest.mark.ndpi
def test_nothing_is_lacking(counters):
    packets = [unknown(40000 + number) for number in range(10)]
    found, said = counters(packets + [segment(40100, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")])
    assert found == NONE and "measure applications" not in said


@pytest.mark.ndpi
def test_flows_that_give_way(counters):
    found, said = counters([unknown(40000 + number) for number in range(10)],
                           "--identify-flows", "4")
    assert found == NONE | {"gave_way": 10 - 4}
    assert "measure applications: gave_way 6" in said


@pytest.mark.ndpi
def test_texts_that_have_no_room(counters):
    """One piece of 64 octets for all: the names of hosts do not fit."""
    request = b"GET / HTTP/1.1\r\nHost: " + b"h" * 60 + b".test\r\n\r\n"
    found, _ = counters([segment(40000 + number, request) for number in range(5)],
                        "--identify-texts", "64")
    assert found == NONE | {"texts_dropped": 5}


@pytest.mark.ndpi
def test_messages_that_have_no_room(counters, tmp_path):
    """Each of the flows begins a record of TLS that never ends; none may be kept."""
    write_crowd(tmp_path / "packets.pcap", 20, 5)
    found, _ = counters(None, "--identify-memory", "1")
    assert found == NONE | {"memory_refused": 20}


@pytest.mark.parametrize("announced, replaced", [(16, 0), (20, 4)])
def test_expectations_replaced(counters, announced, replaced):
    """A flow has 16 at a time."""
    lines = [b"PORT 192,0,2,10,156,%d\r\n" % (number + 1) for number in range(announced)]
    found, _ = counters([segment(40000, line, 21) for line in lines], "--identify", "expect,port")
    assert found == NONE | {"expectations_replaced": replaced}


def test_packets_that_are_not_shown(counters):
    """Behind an authentication header nothing is shown."""
    hidden = [LINK / IP(src=CLIENT, dst=SERVER) / AH(nh=17, payloadlen=4) /
              UDP(sport=40000, dport=53) / Raw(b"x" * 20)] * 3
    found, _ = counters([unknown(40001), *hidden], "--identify", "expect,port")
    assert found == NONE | {"packets_not_shown": 3}


def test_workers_are_added_up(counters):
    packets = []
    for host in range(8):
        for packet in (segment(40000, b"PORT 192,0,2,10,156,%d\r\n" % (number + 1), 21)
                       for number in range(20)):
            packet[IP].dst = f"198.51.100.{host}"
            packets.append(packet)
    found, _ = counters(packets, "--identify", "expect,port", "-j", "3")
    assert found == NONE | {"expectations_replaced": 8 * 4}
