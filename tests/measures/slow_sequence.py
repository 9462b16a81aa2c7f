# SPDX-License-Identifier: Apache-2.0
"""The measure `sequence`: the first packets one by one."""

MOST = 30
FIELDS = ["packetSequenceDirections", "packetSequenceIpLengths", "packetSequencePayloadLengths",
          "packetSequenceTimes", "packetSequenceFlags"]


def measure(flow):
    first = flow.packets[:MOST]
    return {
        "packetSequenceDirections": [-1 if p.sender else 1 for p in first],
        "packetSequenceIpLengths": [p.ip_bytes for p in first],
        "packetSequencePayloadLengths": [p.payload_bytes for p in first],
        "packetSequenceTimes": [p.time_ns - first[0].time_ns for p in first],
        "packetSequenceFlags": [p.tcp_flags for p in first] if flow.protocol == 6 else None,
    }
