# SPDX-License-Identifier: Apache-2.0
"""Random connections that lose, repeat and overtake: weir, its slow twin and tshark agree.

Neighbours: tcp_craft.py (where they come from), test_tcp.py (one case for each rule).
"""
import os
import shutil

import pytest

import packets
import slow_tcp
import test_tcp_tshark
from tcp_craft import Conversation, PORTS, capture
from test_tcp import records

ROUNDS = int(os.environ.get("WEIR_TCP_ROUNDS", "6"))
EACH = 25
ISNS = (1000, 2**32 - 4000, 2**31 - 3000)


def many(path, seed):
    """EACH connections in one capture, each with a port of its own."""
    segments = []
    for i in range(EACH):
        talk = Conversation(seed * EACH + i)
        for s in talk.talk(talk.random.choice((10, 40, 120))).worsen():
            s.ports = {**PORTS, "c": 40000 + i}
            segments.append(s)
    return capture(path, sorted(segments, key=lambda s: s.ms), ISNS[seed % 3], ISNS[seed // 3 % 3])


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_random(tmp_path, seed):
    path = many(tmp_path / "random.pcap", seed)
    frames = test_tcp_tshark.analysis(path) if shutil.which("tshark") else None
    wrong = []
    for flow, record in packets.pair(packets.flows(path, packets.OFF), records(path)):
        slow = slow_tcp.measure(flow)
        wrong += ["%s of port %s: found %s, expected %s" % (
            f, record["sourceTransportPort"], record.get(f), slow.get(f))
            for f in slow_tcp.FIELDS if record.get(f) != slow.get(f)]
        if frames:
            wrong += test_tcp_tshark.differences(flow, record, frames)
    assert not wrong, "\n".join(wrong[:20])
