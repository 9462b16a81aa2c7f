# SPDX-License-Identifier: Apache-2.0
"""What popular flow feature tools get wrong, each by a crafted capture whose right values are
worked out here by hand.

Faults that were reported of CSV tools: a TCP flow closed at its first FIN; counters that miss the
first packet; payload reported as packet length, or padding counted; deviations of a sample given
as those of the population; statistics around a running mean, which depend on the order of packets
and lose digits; flags of one direction never counted; a later window taken for the initial one;
absolute times among durations; NaN, or 0 for what is not known.
"""
import itertools
import math
import random
from fractions import Fraction

import pytest

import packets              # first: it knows where craft is
import craft
from craft import ACK, FIN, PSH, SYN, at, ether, ipv4, tcp, udp
from runner import meter

A, B = "192.0.2.1", "198.51.100.2"
OFF = packets.WEIR_OFF


@pytest.fixture
def run(tmp_path):
    def meter_frames(frames, fields, *arguments):
        """One record of (time in ns, IP packet)."""
        path = tmp_path / "crafted.pcap"
        path.write_bytes(craft.pcap([(time_ns, frame, len(frame)) for time_ns, frame in frames],
                                    nano=True))
        records = meter(path, "--fields", fields, *arguments).records
        assert len(records) == 1
        return records[0]
    return meter_frames


def datagrams(lengths, times=None):
    """UDP from A to B with these IP lengths, a second apart or at these times in ns."""
    times = times or [at(i) for i in range(len(lengths))]
    return [(time_ns, ether(ipv4(A, B, udp(1000, 53, length - 28))))
            for time_ns, length in zip(times, lengths)]


def test_first_fin_ends_nothing(run):
    """The client closes its side first and the server goes on sending: one flow, all counted."""
    conversation = [(0, A, SYN, 0), (1, B, SYN | ACK, 0), (2, A, ACK | PSH, 100),
                    (3, A, FIN | ACK, 0), *((4 + i, B, ACK, 1000) for i in range(5)),
                    (9, B, FIN | ACK | PSH, 10), (10, A, ACK, 0)]
    frames = [(at(second), ether(ipv4(source, B if source == A else A, tcp(
        *((1000, 80) if source == A else (80, 1000)), flags, payload))))
        for second, source, flags, payload in conversation]
    record = run(frames, "packetDeltaCount,reversePacketDeltaCount,dataByteCount,"
                 "reverseDataByteCount,tcpFinTotalCount,reverseTcpFinTotalCount,"
                 "tcpPshTotalCount,reverseTcpPshTotalCount,tcpSynTotalCount")
    assert record == {
        "packetDeltaCount": 4, "reversePacketDeltaCount": 7, "dataByteCount": 100,
        "reverseDataByteCount": 5010, "tcpFinTotalCount": 1, "reverseTcpFinTotalCount": 1,
        "tcpPshTotalCount": 1, "reverseTcpPshTotalCount": 1, "tcpSynTotalCount": 1}


def test_initial_window_is_that_of_the_first_packet(run):
    frames = [(at(0), ether(ipv4(A, B, tcp(1000, 80, SYN))))]
    later = bytearray(ether(ipv4(A, B, tcp(1000, 80, ACK))))
    later[14 + 20 + 14:14 + 20 + 16] = (77).to_bytes(2, "big")
    assert run([*frames, (at(1), bytes(later))], "tcpInitialWindow") == {"tcpInitialWindow": 65535}


def test_first_packet_counts(run):
    """The least and the greatest length are in the first packet, and the first gap is behind it."""
    for first in (28, 1500):
        record = run(datagrams([first, 100, 200], [at(0), at(2), at(3)]),
                     "minimumIpTotalLength,maximumIpTotalLength,octetDeltaSumOfSquares,"
                     "interArrivalTimeMaximum,packetSequenceIpLengths", *OFF)
        assert record == {
            "minimumIpTotalLength": min(first, 100), "maximumIpTotalLength": max(first, 200),
            "octetDeltaSumOfSquares": first ** 2 + 100 ** 2 + 200 ** 2,
            "interArrivalTimeMaximum": 2 * 10**9, "packetSequenceIpLengths": [first, 100, 200]}


def test_lengths_are_told_apart(run):
    """IP length, payload and frame; the frame is padded to 60 octets, and none of that counts."""
    frame = ether(ipv4(A, B, udp(1000, 53, 4)))
    record = run([(at(0), frame + bytes(60 - len(frame)))],
                 "octetDeltaCount,maximumIpTotalLength,maxPacketSize,dataByteCount,"
                 "layer2OctetDeltaCount")
    assert record == {"octetDeltaCount": 32, "maximumIpTotalLength": 32, "maxPacketSize": 4,
                      "dataByteCount": 4, "layer2OctetDeltaCount": 60}


def test_deviation_is_of_the_population(run):
    record = run(datagrams([100, 200], [at(0), at(1)]), "ipTotalLengthStandardDeviation")
    assert record == {"ipTotalLengthStandardDeviation": 50}         # a sample's: 70.7
    record = run(datagrams([100] * 3, [at(0), at(1), at(4)]),
                 "interArrivalTimeStandardDeviation,interArrivalTimeMean", *OFF)
    assert record == {"interArrivalTimeStandardDeviation": 10**9, "interArrivalTimeMean": 2 * 10**9}


def test_order_changes_nothing(run):
    fields = ("minimumIpTotalLength,maximumIpTotalLength,ipTotalLengthMean,"
              "ipTotalLengthStandardDeviation,payloadLengthStandardDeviation,payloadLengthMean,"
              "ipTotalLengthFirstQuartile,ipTotalLengthMedian,octetDeltaSumOfSquares")
    lengths = [28, 29, 1500, 577, 1499]
    results = {tuple(run(datagrams(list(order)), fields).items())
               for order in itertools.islice(itertools.permutations(lengths), 0, 120, 7)}
    assert len(results) == 1
    gaps, choice, found = [10**9 + 1, 3, 7 * 10**8, 0, 2 * 10**9 - 1], random.Random(5), set()
    for _ in range(10):
        choice.shuffle(gaps)
        times = [at(0) + time_ns for time_ns in itertools.accumulate([0, *gaps])]
        found.add(tuple(run(datagrams([100] * 6, times),
                            "interArrivalTimeMean,interArrivalTimeStandardDeviation,"
                            "interArrivalTimeMinimum,interArrivalTimeMedian").items()))
    assert len(found) == 1


def test_digits_are_not_lost(run):
    """Gaps of about 20 s that differ by single nanoseconds: a difference of large sums in floating
    point keeps nothing of the deviation, which is about 1 ns."""
    gaps = [20 * 10**9 + offset for offset in (0, 1, 3, 2, 1, 0, 3, 1, 2)]
    times = [at(0) + time_ns for time_ns in itertools.accumulate([0, *gaps])]
    record = run(datagrams([100] * 10, times), "interArrivalTimeStandardDeviation,"
                 "biflowInterArrivalTimeStandardDeviation", *OFF)
    mean = Fraction(sum(gaps), len(gaps))
    right = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert 1 < right < 1.1
    assert all(math.isclose(value, right, rel_tol=1e-12) for value in record.values())
    assert len(record) == 2


def test_time_that_goes_back(run):
    """No negative gap; and what follows is measured from the largest time."""
    times = [at(0), at(5), at(3), at(6)]
    record = run(datagrams([100] * 4, times), "interArrivalTimeMinimum,interArrivalTimeMaximum,"
                 "interArrivalTimeTotal,interArrivalTimeMean,packetSequenceTimes", *OFF)
    assert record == {"interArrivalTimeMinimum": 0, "interArrivalTimeMaximum": 5 * 10**9,
                      "interArrivalTimeTotal": 6 * 10**9, "interArrivalTimeMean": 2 * 10**9,
                      "packetSequenceTimes": [0, 5 * 10**9, 3 * 10**9, 6 * 10**9]}


def test_periods_are_durations(run):
    """Active 2 s, idle 10 s, active 1 s, idle 6 s, active 0 s: no absolute time among them, and the
    last period counts."""
    times = [at(0), at(1), at(2), at(12), at(13), at(19)]
    record = run(datagrams([100] * 6, times), "activePeriodCount,activeTimeMinimum,"
                 "activeTimeMaximum,activeTimeMean,idlePeriodCount,idleTimeMinimum,"
                 "idleTimeMaximum,idleTimeMean", *OFF)
    assert record == {
        "activePeriodCount": 3, "activeTimeMinimum": 0, "activeTimeMaximum": 2 * 10**9,
        "activeTimeMean": 10**9, "idlePeriodCount": 2, "idleTimeMinimum": 6 * 10**9,
        "idleTimeMaximum": 10 * 10**9, "idleTimeMean": 8 * 10**9}


def test_what_is_not_known_is_absent(run):
    """One packet: its lengths are known; deviations, gaps and everything of the other side are
    not."""
    known = {"minimumIpTotalLength": 100, "ipTotalLengthMean": 100, "ipTotalLengthMedian": 99,
             "reverseDataByteCount": 0, "payloadLengthMean": 72, "idlePeriodCount": 0}
    unknown = ["ipTotalLengthStandardDeviation", "interArrivalTimeMean", "interArrivalTimeMinimum",
               "biflowInterArrivalTimeMean", "interArrivalTimeMedian", "firstResponseTime",
               "reverseMinimumIpTotalLength", "reverseIpTotalLengthMean", "idleTimeMean",
               "payloadLengthStandardDeviation", "reverseFirstNonEmptyPacketSize",
               "burstMaximumPacketCount", "packetSequenceFlags"]
    assert run(datagrams([100]), ",".join([*known, *unknown])) == known


def test_pool_that_is_full_makes_no_wrong_values(tmp_path):
    """Where --measure-flows are in use already, sequences and histograms are absent, others not."""
    frames = [(at(i * 0.01), ether(ipv4(A, B, udp(1000 + i % 4, 53, 10 * (i % 4))))) for i in
              range(16)]
    path = tmp_path / "crafted.pcap"
    path.write_bytes(craft.pcap([(time_ns, frame, len(frame)) for time_ns, frame in frames]))
    fields = ("sourceTransportPort,packetSequencePayloadLengths,ipTotalLengthMedian,"
              "maximumIpTotalLength")
    records = sorted(meter(path, "--measure-flows", "2", "--fields", fields).records,
                     key=lambda record: record["sourceTransportPort"])
    for i, record in enumerate(records):
        want = {"sourceTransportPort": 1000 + i, "maximumIpTotalLength": 28 + 10 * i}
        if i < 2:
            want["packetSequencePayloadLengths"] = [10 * i] * 4
            want["ipTotalLengthMedian"] = (28, 37)[i]       # 28 and 38, to the middle of a bin
        assert record == want


def test_sequence_is_as_long_as_asked(run):
    lengths = list(range(100, 140))
    for asked, expected in (((), 30), (("--sequence-packets", "3"), 3),
                            (("--sequence-packets", "64"), 40)):
        record = run(datagrams(lengths), "packetSequenceIpLengths", *OFF, *asked)
        assert record == {"packetSequenceIpLengths": lengths[:expected]}
