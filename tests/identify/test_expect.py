# SPDX-License-Identifier: Apache-2.0
"""Flows that others have announced: linked by parentFlowId and named as what announced them.
Expected results come from the scripts that craft the captures, and from what tshark reads in real
ones."""
import json
import subprocess

import pytest
from scapy.all import TCP, UDP, wrpcap
from crafted import CLIENT, DATA, LOGIN, SERVER, STRANGER, Wire


@pytest.fixture
def meter(weir, tmp_path):
    def run(wire, *arguments):
        path = wire
        if isinstance(wire, Wire):
            path = tmp_path / "crafted.pcap"
            wrpcap(str(path), wire.packets)
        done = weir("meter", "-q", "-r", path, "-o", "json:-", "--measure", "applications",
                    "--fields", "+flowId", "-d", "off", "-t", "off", "--tcp-linger", "off",
                    *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    return run


def with_port(records, port):
    found = [r for r in records
             if port in (r.get("sourceTransportPort"), r.get("destinationTransportPort"))]
    assert len(found) == 1, (port, records)
    return found[0]


def linked(records, child, parent):
    child, parent = with_port(records, child), with_port(records, parent)
    return child.get("parentFlowId") == parent["flowId"]


@pytest.mark.parametrize("announce, data", [
    (">PORT 192,0,2,9,156,154\r\n", (SERVER, CLIENT, 40090, 20)),
    (">EPRT |1|192.0.2.9|40090|\r\n", (SERVER, CLIENT, 40090, 20)),
    ("<227 Entering Passive Mode (192,0,2,1,156,154).\r\n", (CLIENT, SERVER, 40090, 50123)),
    ("<229 Entering Extended Passive Mode (|||40090|)\r\n", (CLIENT, SERVER, 40090, 50123)),
    ("<227 Passive (10,0,0,1,156,154)\r\n", (CLIENT, SERVER, 40090, 50123)),
])
def test_ftp(meter, announce, data):
    wire = Wire()
    wire.control([*LOGIN, announce])
    wire.transfer(*data)
    records = meter(wire)
    assert linked(records, 40090, 21)
    assert with_port(records, 40090)["applicationName"] == "FTP_DATA"
    assert "parentFlowId" not in with_port(records, 21)


def test_ftp_over_ipv6(meter):
    wire = Wire()
    client, server = "2001:db8::9", "2001:db8::1"
    wire.control([*LOGIN, "<229 Extended (|||40090|)\r\n"], client, server)
    wire.transfer(client, server, 40090)
    assert linked(meter(wire), 40090, 21)


def test_ftp_on_another_port_and_behind_hundreds_of_commands(meter):
    """Watched as long as it lasts, whatever --identify-tcp allows."""
    wire = Wire()
    wire.control([*LOGIN, *([">NOOP\r\n", "<200 ok\r\n"] * 150),
                  "<229 Extended (|||40090|)\r\n"], port=2121)
    wire.transfer(CLIENT, SERVER, 40090)
    assert linked(meter(wire), 40090, 2121)


def test_a_data_connection_without_payload(meter):
    wire = Wire()
    wire.control([*LOGIN, "<229 Extended (|||40090|)\r\n"])
    wire.connect(CLIENT, SERVER, 40090, 50123)
    records = meter(wire)
    assert linked(records, 40090, 21)
    assert with_port(records, 40090)["applicationConfidence"] == 5


@pytest.mark.parametrize("wait, client, port", [
    (200, CLIENT, 40090), (0.1, STRANGER, 40090), (0.1, CLIENT, 40091),
])
def test_not_what_was_announced(meter, wait, client, port):
    """Too late, by somebody else, at another port."""
    wire = Wire()
    wire.control([*LOGIN, "<229 Extended (|||40090|)\r\n"])
    wire.now += wait
    wire.transfer(client, SERVER, port)
    child = with_port(meter(wire), port)
    assert "parentFlowId" not in child and child.get("applicationName") != "FTP_DATA"


def test_mail_announces_nothing(meter):
    wire = Wire()
    wire.control(["<220 mail.example.net ready\r\n", ">EHLO example.net\r\n",
                  "<229 Extended (|||40090|)\r\n"], port=2525)
    wire.transfer(CLIENT, SERVER, 40090)
    assert "parentFlowId" not in with_port(meter(wire), 40090)


def sdp(address, port):
    return f"v=0\r\nc=IN IP4 {address}\r\nm=audio {port} RTP/AVP 0\r\n"


def test_sip_media_come_from_elsewhere(meter):
    """Two phones behind proxies: media flow between ends that signalling names, not its own."""
    wire = Wire()
    wire.send((CLIENT, SERVER, UDP(sport=5060, dport=5060)),
              b"INVITE sip:b@example.net SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"
              + sdp("203.0.113.5", 6000).encode())
    wire.send((SERVER, CLIENT, UDP(sport=5060, dport=5060)),
              b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n" + sdp("203.0.113.6", 7000).encode())
    for _ in range(3):
        wire.send(("203.0.113.5", "203.0.113.6", UDP(sport=6000, dport=7000)), DATA[:100])
        wire.send(("203.0.113.6", "203.0.113.5", UDP(sport=7001, dport=6001)), DATA[:50])
        wire.send(("203.0.113.6", "203.0.113.5", UDP(sport=7002, dport=6002)), DATA[:50])
    records = meter(wire)
    assert linked(records, 6000, 5060) and linked(records, 6001, 5060)
    assert with_port(records, 6000)["applicationName"] == "SIP"
    assert with_port(records, 6000)["applicationConfidence"] == 5
    assert "parentFlowId" not in with_port(records, 6002)


def test_rtsp_transport(meter):
    wire = Wire()
    wire.control([">SETUP rtsp://192.0.2.1/a RTSP/1.0\r\nCSeq: 3\r\n"
                  "Transport: RTP/AVP;unicast;client_port=4588-4589\r\n\r\n",
                  "<RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;"
                  "client_port=4588-4589;server_port=6256-6257\r\n\r\n"], port=554)
    wire.send((SERVER, CLIENT, UDP(sport=6256, dport=4588)), DATA[:100])
    wire.send((SERVER, CLIENT, UDP(sport=6300, dport=4589)), DATA[:100])
    wire.send((STRANGER, CLIENT, UDP(sport=6300, dport=4588)), DATA[:100])
    records = meter(wire)
    assert linked(records, 6256, 554) and linked(records, 4589, 554)
    strange = [r for r in records if r.get("sourceIPv4Address") == STRANGER]
    assert "parentFlowId" not in strange[0]


def test_media_that_began_before_they_were_announced(meter):
    """The link is found when the flow ends."""
    wire = Wire()
    wire.send(("203.0.113.5", "203.0.113.6", UDP(sport=6000, dport=7000)), DATA[:100])
    wire.send((SERVER, CLIENT, UDP(sport=5060, dport=5060)),
              b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n" + sdp("203.0.113.6", 7000).encode())
    assert linked(meter(wire), 7000, 5060)


@pytest.mark.ndpi
def test_real_ftp_and_voip(meter, tool, captures):
    """tshark says which data connections which control connection has announced."""
    done = subprocess.run([tool("tshark"), "-r", captures / "ftp.pcap", "-Y", "ftp.passive.port or "
                           "ftp.active.port", "-T", "fields", "-e", "ftp.passive.port", "-e",
                           "ftp.active.port", "-e", "tcp.srcport", "-e", "tcp.dstport"],
                          capture_output=True, text=True, check=True)
    records = meter(captures / "ftp.pcap")
    announced = [list(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(announced) == 2
    for data, *control in announced:
        assert linked(records, data, next(port for port in control if port != 21))
    assert linked(meter(captures / "voip.pcap"), 6000, 5060)
    assert with_port(meter(captures / "voip.pcap"), 6000)["applicationName"] == "RTP"


@pytest.mark.ndpi
def test_off_without_the_backend(meter, captures):
    """The twin: what links is the backend."""
    records = meter(captures / "ftp.pcap", "--identify", "ndpi")
    assert all("parentFlowId" not in record for record in records)
