# SPDX-License-Identifier: Apache-2.0
"""A mirror port that tags one direction only: weir says so, and only then."""
import craft
from runner import meter

A, B = "10.0.0.1", "10.0.0.2"


def capture(tmp_path, back):
    """Twenty conversations, the requests in VLAN 100; back(octets) is the frame of an answer."""
    frames = []
    for i in range(20):
        there = craft.ip(A, B, craft.udp(1000 + i, 53, 10))
        answer = craft.ip(B, A, craft.udp(53, 1000 + i, 20))
        for octets in (craft.ether(craft.tag(100, there), 0x8100), back(answer)):
            frames.append((craft.at(i), octets, len(octets)))
    path = tmp_path / "twins.pcap"
    path.write_bytes(craft.pcap(frames))
    return path


def test_one_direction_tagged(tmp_path):
    run = meter(capture(tmp_path, craft.ether))
    said = run.messages.decode()
    assert "20 of 40 one-way flows" in said and "--no-vlan-key" in said


def test_joined_by_the_option(tmp_path):
    assert "one-way" not in meter(capture(tmp_path, craft.ether), "--no-vlan-key").messages.decode()


def test_both_directions_tagged(tmp_path):
    both = capture(tmp_path, lambda octets: craft.ether(craft.tag(100, octets), 0x8100))
    assert "one-way" not in meter(both).messages.decode()


def test_answers_nowhere(tmp_path):
    """The same direction in two VLANs is no twin."""
    again = craft.ip(A, B, craft.udp(1000, 53, 10))
    run = meter(capture(tmp_path, lambda octets: craft.ether(again)))
    assert "one-way" not in run.messages.decode()
