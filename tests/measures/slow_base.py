# SPDX-License-Identifier: Apache-2.0
"""What the flow itself counts, as a measure: that packets.py places and reads packets as weir
does."""
import moments

FIELDS = [*moments.reversed_too(["packetDeltaCount", "octetDeltaCount", "layer2OctetDeltaCount"]),
          "flowEndReason"]


def one_way(sent):
    return {"packetDeltaCount": sum(p.wire_packets for p in sent),
            "octetDeltaCount": sum(p.ip_bytes for p in sent),
            "layer2OctetDeltaCount": sum(p.frame_bytes for p in sent)}


def measure(flow):
    return {"flowEndReason": flow.reason, **moments.both_ways(flow, one_way)}
