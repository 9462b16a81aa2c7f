# SPDX-License-Identifier: Apache-2.0
"""What the flow itself counts, as a measure: that packets.py places and reads packets as weir
does."""

FIELDS = ["packetDeltaCount", "octetDeltaCount", "reversePacketDeltaCount",
          "reverseOctetDeltaCount", "layer2OctetDeltaCount", "reverseLayer2OctetDeltaCount",
          "flowEndReason"]


def measure(flow):
    values = {"flowEndReason": flow.reason}
    for sender, name in ((0, "%s"), (1, "reverse%s")):
        sent = [p for p in flow.packets if p.sender == sender]
        for field, value in (("packetDeltaCount", sum(p.wire_packets for p in sent)),
                             ("octetDeltaCount", sum(p.ip_bytes for p in sent)),
                             ("layer2OctetDeltaCount", sum(p.frame_bytes for p in sent))):
            values[name % (field[0].upper() + field[1:]) if sender else field] = value
    return values
