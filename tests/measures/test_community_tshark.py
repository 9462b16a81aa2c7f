# SPDX-License-Identifier: Apache-2.0
"""Community IDs as tshark computes them: the slow twin against another program.

tshark looks into tunnels and puts fragments together; such packets are left out.
"""
import pytest

import packets              # first: it knows where tshark.py is
import slow_community
import tshark
from runner import capture_name, captures

INTERNET = ("ip", "ipv6")


def by_frame(capture):
    """(Community ID, protocols) of each frame."""
    return [line.split("\t") for line in tshark.lines(capture, ["communityid", "frame.protocols"],
                                                      "-n", "--enable-protocol", "communityid")]


def is_plain(packet, protocols):
    return not packet.fragment and sum(protocols.split(":").count(n) for n in INTERNET) == 1


@pytest.mark.parametrize("capture", [c for c in captures() if c.parent.name == "captures"],
                         ids=capture_name)
def test_same_as_tshark(capture):
    theirs, compared = by_frame(capture), 0
    for flow in packets.flows(capture, packets.OFF):
        for packet in flow.packets:
            name, protocols = theirs[packet.number]
            if is_plain(packet, protocols) and slow_community.tells(packet):
                assert slow_community.identifier(packet, seed=0) == name
                compared += 1
    assert compared


@pytest.mark.parametrize("seed", (0, 1))
def test_the_seed_makes_another_name(seed):
    flow = packets.flows(next(c for c in captures() if c.name == "dns.pcap"), packets.OFF)[0]
    names = {slow_community.identifier(p, seed) for p in flow.packets}
    other = {slow_community.identifier(p, 1 - seed) for p in flow.packets}
    assert len(names) == 1 and not names & other
