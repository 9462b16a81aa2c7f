# SPDX-License-Identifier: Apache-2.0
"""Community ID from each packet by itself: all packets of a record must agree on it."""
import base64
import hashlib
import struct

FIELDS = ["communityId"]
ARGUMENTS = ("--community-seed", "7")
SEED = 7

# A message and what answers it.
PAIRS = {1: {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17, 10: 9, 9: 10},
         58: {128: 129, 129: 128, 130: 131, 131: 130, 133: 134, 134: 133, 135: 136, 136: 135,
              139: 140, 140: 139, 144: 145, 145: 144}}
WITH_PORTS = (1, 6, 17, 58, 132)


def ports(packet):
    """(source's, destination's, whether the order of the ends is the packet's own)."""
    if packet.protocol in PAIRS:
        kind, code = packet.icmp >> 8, packet.icmp & 255
        other = PAIRS[packet.protocol].get(kind)
        return (kind, code, True) if other is None else (kind, other, False)
    return (*struct.unpack_from("!HH", packet.above), False)


def identifier(packet, seed=SEED):
    size = 4 if packet.family == 4 else 16
    start = 12 if packet.family == 4 else 8
    source, destination = packet.ip[start:start + size], packet.ip[start + size:start + 2 * size]
    one, two, as_sent = ports(packet) if packet.protocol in WITH_PORTS else (0, 0, False)
    if not as_sent and (source, one) > (destination, two):
        source, destination, one, two = destination, source, two, one
    data = struct.pack("!H", seed) + source + destination + bytes([packet.protocol, 0])
    if packet.protocol in WITH_PORTS:
        data += struct.pack("!HH", one, two)
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


def tells(packet):
    """Later fragments do not show ports; a cut packet may not."""
    if packet.later_fragment:
        return False
    if packet.protocol in PAIRS:
        return packet.icmp is not None
    return packet.protocol not in WITH_PORTS or len(packet.above) >= 4


def measure(flow):
    found = {identifier(p) for p in [*flow.past, *flow.packets] if tells(p)}
    assert len(found) <= 1, "packets of one flow have several ids"
    return {"communityId": found.pop() if found else None}
