# SPDX-License-Identifier: Apache-2.0
"""Crafted connections, one for each rule of the tcp measure (docs/measures.md).

What is expected is said by whoever wrote the case; slow_tcp.py and tshark must agree with it too.
Neighbours: tcp_craft.py (how connections are made), test_tcp_random.py (many more).
"""
import shutil
from dataclasses import replace

import pytest

import packets
import slow_tcp
import test_tcp_tshark
from tcp_craft import MSS, PORTS, SACK, SCALE, Segment as S, capture, handshake


def data(ms, end, seq, length, ack=1, **more):
    return S(ms, end, "PA", seq, length, ack, **more)


def ack(ms, end, seq, number, **more):
    return S(ms, end, "A", seq, 0, number, **more)


CASES = {
    "handshake": (handshake(20, MSS + SCALE + SACK), dict(
        tcpHandshakeMicroseconds=20000, tcpHandshakeServerMicroseconds=10000,
        tcpHandshakeClientMicroseconds=10000, tcpMss=1460, tcpMssRev=1460, tcpWindowScale=7,
        reverseTcpWindowScale=7, tcpSackPermitted=True, tcpInitialWindow=1000, tcpSynSize=52,
        tcpConnectionState="S1", tcpHistory="ShA", tcpSynTotalCount=1, tcpAckTotalCount=1,
        reverseTcpSynTotalCount=1, tcpOptions=1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
        tcpLostOctets=0)),
    "a whole connection": (
        handshake() + [data(30, "c", 1, 100), ack(40, "s", 1, 101), data(50, "s", 1, 200, 101),
                       ack(55, "c", 101, 201), S(60, "c", "FA", 101, 0, 201),
                       S(70, "s", "FA", 201, 0, 102), ack(75, "c", 102, 202)],
        dict(tcpConnectionState="SF", tcpHistory="ShADadFf", tcpRttSamples=1,
             tcpRttMinMicroseconds=10000, reverseTcpRttMaxMicroseconds=5000,
             reverseTcpRttMeanMicroseconds=5000, tcpFinTotalCount=1, tcpRetransmittedPackets=0)),
    "a retransmission after a loss that was not captured": (
        handshake() + [data(30, "c", 1, 100), data(31, "c", 201, 100), data(300, "c", 101, 100),
                       ack(310, "s", 1, 301)],
        dict(tcpRetransmittedPackets=1, tcpRetransmittedOctets=140,
             tcpRetransmittedPayloadOctets=100, tcpGapPackets=1, tcpLostOctets=0,
             tcpOutOfOrderPackets=0, tcpRttSamples=0, tcpHistory="ShADTa")),
    "a fast retransmission": (
        handshake(200) + [data(210, "c", 1, 100), data(211, "c", 201, 100),
                          data(212, "c", 301, 100), data(213, "c", 401, 100),
                          ack(220, "s", 1, 101), ack(221, "s", 1, 101), ack(222, "s", 1, 101),
                          ack(223, "s", 1, 101), data(224, "c", 101, 100)],
        dict(tcpRetransmittedPackets=1, tcpOutOfOrderPackets=0, reverseTcpDuplicateAckPackets=3,
             tcpGapPackets=1)),
    "overtaken within a round trip": (
        handshake() + [data(30, "c", 1, 100), data(31, "c", 201, 100), data(31.5, "c", 101, 100)],
        dict(tcpOutOfOrderPackets=1, tcpOutOfOrderOctets=140, tcpRetransmittedPackets=0,
             tcpGapPackets=1, tcpLostOctets=0)),
    "captured twice": (
        handshake() + [data(30, "c", 1, 100), data(31, "c", 101, 100), data(31.1, "c", 1, 100)],
        dict(tcpRetransmittedPackets=1, tcpOutOfOrderPackets=0)),
    "spurious: acknowledged before": (
        handshake() + [data(30, "c", 1, 100), ack(40, "s", 1, 101), data(50, "c", 1, 100)],
        dict(tcpRetransmittedPackets=1, tcpRttSamples=1)),
    "a keep-alive and its answer": (
        handshake() + [data(30, "c", 1, 100), ack(40, "s", 1, 101), data(5000, "c", 100, 1),
                       ack(5010, "s", 1, 101), ack(9000, "c", 100, 1), ack(9010, "s", 1, 101)],
        dict(tcpRetransmittedPackets=0, reverseTcpDuplicateAckPackets=0)),
    "a zero window, its probe and the answer": (
        handshake() + [data(30, "c", 1, 1000), ack(40, "s", 1, 1001, window=0),
                       data(300, "c", 1001, 1), ack(310, "s", 1, 1001, window=0),
                       ack(500, "s", 1, 1001), data(510, "c", 1001, 100),
                       ack(520, "s", 1, 1101)],
        dict(reverseTcpZeroWindowPackets=2, reverseTcpZeroWindowOctets=80, tcpGapPackets=0,
             tcpRetransmittedPackets=0, reverseTcpDuplicateAckPackets=0, tcpHistory="ShADaw")),
    "a probe whose octet was taken in": (
        handshake() + [data(30, "c", 1, 1000), ack(40, "s", 1, 1001, window=0),
                       data(300, "c", 1001, 1), ack(310, "s", 1, 1002, window=0),
                       ack(500, "s", 1, 1002), data(510, "c", 1002, 100)],
        dict(tcpGapPackets=0, tcpRetransmittedPackets=0, tcpLostOctets=0)),
    "a window update": (
        handshake() + [data(30, "c", 1, 100), ack(40, "s", 1, 101, window=500),
                       ack(50, "s", 1, 101, window=600)],
        dict(reverseTcpDuplicateAckPackets=0)),
    "a SYN twice": (
        [S(0, "c", "S"), S(1000, "c", "S"), S(1010, "s", "SA", ack=1), ack(1030, "c", 1, 1)],
        dict(tcpRetransmittedPackets=1, tcpSynTotalCount=2, tcpHandshakeMicroseconds=30000,
             tcpHandshakeServerMicroseconds=10000, tcpHandshakeClientMicroseconds=20000,
             tcpHistory="ShA", tcpConnectionState="S1", tcpRetransmittedPayloadOctets=0)),
    "a FIN twice": (
        handshake() + [S(30, "c", "FA", 1, 0, 1), S(300, "c", "FA", 1, 0, 1)],
        dict(tcpRetransmittedPackets=1, tcpFinTotalCount=2, tcpHistory="ShAF",
             tcpConnectionState="S2")),
    "data in a SYN": (
        [S(0, "c", "S", length=50), S(10, "s", "SA", ack=51), ack(20, "c", 51, 1),
         data(30, "c", 51, 100)],
        dict(tcpRetransmittedPackets=0, tcpGapPackets=0, tcpHistory="ShAD")),
    "both open at once": (
        [S(0, "c", "S"), S(1, "s", "S"), S(10, "c", "SA", ack=1), S(11, "s", "SA", ack=1)],
        dict(tcpConnectionState="S1", tcpHistory="Ss", tcpRetransmittedPackets=1)),
    "no answer": ([S(0, "c", "S")], dict(tcpConnectionState="S0", tcpHistory="S",
                                         reverseTcpGapPackets=None, tcpRttSamples=0)),
    "refused": ([S(0, "c", "S"), S(1, "s", "RA", ack=1)],
                dict(tcpConnectionState="REJ", tcpHistory="Sr", tcpHandshakeMicroseconds=None)),
    "half open, then reset": (
        [S(0, "c", "S"), S(10, "s", "SA", ack=1), S(20, "c", "R", seq=1)],
        dict(tcpConnectionState="RSTO", tcpHistory="ShR")),
    "reset by the server": (
        handshake() + [data(30, "c", 1, 100), S(40, "s", "R", seq=1)],
        dict(tcpConnectionState="RSTR", tcpHistory="ShADr")),
    "SYN and RST": ([S(0, "c", "S"), S(5, "c", "R", seq=1)],
                    dict(tcpConnectionState="RSTOS0", tcpHistory="SR")),
    "SYN and FIN": ([S(0, "c", "S"), S(5, "c", "FA", seq=1)],
                    dict(tcpConnectionState="SH", tcpHistory="SF")),
    "SYN-ACK and RST": ([S(0, "s", "SA", ack=1), S(5, "s", "R", seq=1)],
                        dict(tcpConnectionState="RSTRH", tcpHistory="^hr")),
    "SYN-ACK and FIN": ([S(0, "s", "SA", ack=1), S(5, "s", "FA", seq=1, ack=1)],
                        dict(tcpConnectionState="SHR", tcpHistory="^hf")),
    "closed by the server only": (
        handshake() + [S(30, "s", "FA", 1, 0, 1), ack(40, "c", 1, 2)],
        dict(tcpConnectionState="S3", tcpHistory="ShAf")),
    "from the middle": (
        [data(0, "c", 1, 100), ack(10, "s", 1, 101), data(20, "c", 101, 100)],
        dict(tcpConnectionState="OTH", tcpHistory="Da", tcpGapPackets=0, tcpInitialWindow=None,
             tcpSackPermitted=None, tcpHandshakeMicroseconds=None, tcpRttSamples=1)),
    "odd flags": (
        [S(0, "c", "SF"), S(1, "c", "SR", seq=5), S(2, "s", "FR", seq=9)],
        dict(tcpHistory="Qi")),
    "a hole that the peer has": (
        handshake() + [data(30, "c", 1, 100), data(31, "c", 201, 100), ack(40, "s", 1, 301),
                       data(50, "c", 301, 100)],
        dict(tcpLostOctets=100, tcpGapPackets=1, tcpHistory="ShADaG")),
    "five holes: the lowest is forgotten": (
        handshake() + [data(30 + i, "c", 1 + 200 * i, 100) for i in range(6)]
        + [data(36, "c", 101, 100), data(36.5, "c", 301, 100)],
        dict(tcpGapPackets=5, tcpLostOctets=400, tcpRetransmittedPackets=1,
             tcpOutOfOrderPackets=1)),
    "a jump that no window allows": (
        handshake() + [data(30, "c", 1, 100), data(31, "c", 0x50000001, 100)],
        dict(tcpGapPackets=1, tcpLostOctets=0)),
    "another connection of the same ports": (
        handshake() + [data(30, "c", 1, 100), S(1000, "c", "S", seq=700000),
                       S(1010, "s", "SA", seq=900000, ack=700001),
                       ack(1025, "c", 700001, 900001), data(1030, "c", 700001, 50, ack=900001)],
        dict(tcpGapPackets=0, reverseTcpGapPackets=0, tcpHandshakeMicroseconds=25000,
             tcpLostOctets=0, tcpHistory="ShADSh")),
    "data with RST": (
        handshake() + [data(30, "s", 1, 100), S(40, "s", "RA", 101, 30, 1)],
        dict(tcpConnectionState="RSTR", reverseTcpRetransmittedPackets=0, tcpHistory="ShAdr")),
    "scaled windows are the same in octets": (
        handshake(20, SCALE) + [data(30, "c", 1, 100), ack(40, "s", 1, 101),
                                ack(41, "s", 1, 101)],
        dict(reverseTcpDuplicateAckPackets=1)),
    "hundred retransmissions": (
        handshake() + [data(30, "c", 1, 100)] + [data(40 + i, "c", 1, 100) for i in range(100)],
        dict(tcpRetransmittedPackets=100, tcpHistory="ShADTTT")),
    "three hundred packets": (
        handshake() + [data(30 + i, "c", 1 + 10 * i, 10) for i in range(300)],
        dict(tcpPshTotalCount=300, tcpAckTotalCount=301, tcpSynTotalCount=1)),
}
# weir remembers four holes, tshark has no such list.
NOT_LIKE_TSHARK = {"five holes: the lowest is forgotten"}
PLACES = {"low": (1000, 5000), "wrap": (2**32 - 90, 2**32 - 150)}


def records(path, timers=packets.WEIR_OFF):
    return packets.records(path, slow_tcp.FIELDS, *timers)


@pytest.fixture(scope="module", name="judged", params=PLACES)
def judged_(request, tmp_path_factory):
    """{name: (flow, record)} of all cases in one capture, and what tshark says of its frames."""
    segments = [replace(s, ports={**PORTS, "c": 40000 + i})
                for i, (case, _) in enumerate(CASES.values()) for s in case]
    path = capture(tmp_path_factory.mktemp("cases") / "cases.pcap",
                   sorted(segments, key=lambda s: s.ms), *PLACES[request.param])
    names = dict(zip(range(40000, 50000), CASES))
    pairs = packets.pair(packets.flows(path, packets.OFF), records(path))
    found = {names[max(r["sourceTransportPort"], r["destinationTransportPort"])]: (flow, r)
             for flow, r in pairs}
    return found, test_tcp_tshark.analysis(path) if shutil.which("tshark") else None


@pytest.mark.parametrize("name", CASES)
def test_case(judged, name):
    found, frames = judged
    assert len(found) == len(CASES)
    flow, record = found[name]
    expected = CASES[name][1]
    assert {field: record.get(field) for field in expected} == expected
    slow = slow_tcp.measure(flow)
    assert {f: record.get(f) for f in slow_tcp.FIELDS} == {f: slow.get(f) for f in slow_tcp.FIELDS}
    if frames and name not in NOT_LIKE_TSHARK:
        assert not list(test_tcp_tshark.differences(flow, record, frames))


def test_counters_of_records(tmp_path):
    """A cut by the active timeout: counts and firsts begin anew, totals and state go on."""
    segments = handshake() + [data(30, "c", 1, 100), data(40, "c", 1, 100), ack(50, "s", 1, 101),
                              data(3000, "c", 101, 100), data(3100, "c", 1, 100),
                              ack(3110, "s", 1, 201)]
    path = capture(tmp_path / "cut.pcap", segments)
    first, second = records(path, timers=("-d", "off", "-t", "2", "--tcp-linger", "off"))
    for record in (first, second):
        assert record["tcpRetransmittedPackets"] == 1
        assert record["tcpHandshakeMicroseconds"] == 20000
        assert record["tcpInitialWindow"] == 1000 and record["tcpConnectionState"] == "S1"
    assert (first["tcpPshTotalCount"], second["tcpPshTotalCount"]) == (2, 4)
    assert (first["tcpSequenceNumber"], second["tcpSequenceNumber"]) == (1000, 1101)
    assert (first["tcpHistory"], second["tcpHistory"]) == ("ShADTa", "ShADTa")
    assert (first["initialTCPFlags"], second["initialTCPFlags"]) == (2, 24)


def test_a_header_that_was_cut_off(tmp_path):
    """Flags are counted from 14 captured octets on; there is no segment without all 20."""
    path = capture(tmp_path / "cut.pcap", handshake())
    data_ = bytearray(path.read_bytes())
    frame = 24 + 16 + 54 + 16 + 54 + 16
    for cut in (14, 19, 20):
        kept = data_[:frame] + data_[frame:frame + 34 + cut]
        kept[frame - 8:frame - 4] = (34 + cut).to_bytes(4, "little")
        path.write_bytes(bytes(kept))
        record, = records(path)
        assert record["tcpAckTotalCount"] == 1
        assert record.get("tcpHandshakeMicroseconds") == (20000 if cut == 20 else None)
