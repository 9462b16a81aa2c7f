# SPDX-License-Identifier: Apache-2.0
"""Community IDs as tshark computes them: the slow twin against another program.

tshark looks into tunnels and puts fragments together; such packets are left out.
"""
import subprocess

import pytest

import packets
import slow_community
from runner import capture_name, captures

COMMAND = ["tshark", "-n", "--enable-protocol", "communityid", "-T", "fields",
           "-e", "communityid", "-e", "frame.protocols", "-r"]
INTERNET = ("ip", "ipv6")


def tshark(capture):
    """{number of the frame: (Community ID, protocols)}."""
    done = subprocess.run([*COMMAND, str(capture)], stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.DEVNULL, text=True)
    return {number: line.split("\t") for number, line in enumerate(done.stdout.splitlines())}


def is_plain(packet, protocols):
    return not packet.fragment and sum(protocols.split(":").count(n) for n in INTERNET) == 1


@pytest.mark.parametrize("capture", [c for c in captures() if c.parent.name == "captures"],
                         ids=capture_name)
def test_same_as_tshark(capture):
    theirs, compared = tshark(capture), 0
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
