# SPDX-License-Identifier: Apache-2.0
"""What IP headers and Ethernet say of the way: read here from the octets of each header."""
import struct

import moments

ONE_WAY = ["minimumTTL", "maximumTTL", "ipTTL", "ipDiffServCodePoint", "ipDiffServCodePointsSeen",
           "ecnCodePointsSeen", "fragmentFlags", "fragmentFlagsSeen", "fragmentPacketDeltaCount",
           "flowLabelIPv6", "ipv4Options", "ipv6ExtensionHeaders", "ipv6ExtensionHeadersFull",
           "sourceMacAddress", "destinationMacAddress", "mplsTopLabelStackSection",
           "mplsLabelStackDepth"]
FIELDS = moments.reversed_too(ONE_WAY)

# Types of options, of which each stands in the bit of its lower five bits.
OPTIONS = (0, 1, 130, 131, 68, 133, 134, 7, 136, 137, 10, 11, 12, 205, 142, 15, 144, 145, 82, 147,
           148, 149, 150, 151, 152, 25, 30, 94, 158, 222)
# Next header: bit of ipv6ExtensionHeaders, of ipv6ExtensionHeadersFull.
HEADERS = {60: (0, 0), 0: (1, 1), 59: (None, 2), 43: (5, 5), 135: (12, 12), 50: (13, 13),
           51: (14, 14), 108: (15, None), 139: (None, 16), 140: (None, 17)}
FIRST_FRAGMENT, LATER_FRAGMENT = (4, 4), (6, 6)


def bits(numbers):
    return sum(1 << number for number in set(numbers) if number is not None)


def ipv4_options(ip):
    """Types up to the end of the list, or to where it makes no sense."""
    header, place = ip[20:(ip[0] & 15) * 4], 0
    while place < len(header):
        kind = header[place]
        yield kind
        if kind == 0:
            return
        if kind != 1 and (place + 1 == len(header) or header[place + 1] < 2):
            return
        place += 1 if kind == 1 else header[place + 1]


def ipv6_chain(ip):
    """(bits in both elements, more-fragments flag, whether the datagram is cut) of each header."""
    kind, place = ip[6], 40
    while kind in HEADERS or kind == 44:
        there = len(ip) >= place + 8
        if kind in HEADERS:
            yield HEADERS[kind], 0, False
        elif there:
            word, = struct.unpack_from("!H", ip, place + 2)
            yield LATER_FRAGMENT if word >> 3 else FIRST_FRAGMENT, word & 1, bool(word & 0xfff9)
            if word >> 3:
                return
        if kind in (50, 59, 108) or not there:
            return
        size = 8 if kind == 44 else (ip[place + 1] + 2) * 4 if kind == 51 else ip[place + 1] * 8 + 8
        kind = ip[place]
        place += size
        if place > len(ip):
            return


def flags(packet):
    """Reserved, don't fragment, more fragments: the three highest bits."""
    if packet.family == 4:
        return packet.ip[6] >> 5 << 5
    return 0x20 if any(more for _, more, _ in ipv6_chain(packet.ip)) else 0


def is_fragment(packet):
    if packet.family == 4:
        return bool(struct.unpack_from("!H", packet.ip, 6)[0] & 0x3fff)
    return any(cut for _, _, cut in ipv6_chain(packet.ip))


def mac(octets):
    return octets and ":".join("%02x" % octet for octet in octets)


def one_way(sent):
    if not sent:
        return {}
    first, v4, v6 = sent[0], [p for p in sent if p.family == 4], [p for p in sent if p.family == 6]
    found = {
        "minimumTTL": min(p.ttl for p in sent), "maximumTTL": max(p.ttl for p in sent),
        "ipTTL": first.ttl, "ipDiffServCodePoint": first.tos >> 2,
        "ipDiffServCodePointsSeen": bits(p.tos >> 2 for p in sent),
        "ecnCodePointsSeen": bits(p.tos & 3 for p in sent), "fragmentFlags": flags(first),
        "fragmentFlagsSeen": bits(n for p in sent for n in (5, 6, 7) if flags(p) >> n & 1),
        "fragmentPacketDeltaCount": sum(is_fragment(p) for p in sent),
        "sourceMacAddress": mac(first.source_mac),
        "destinationMacAddress": mac(first.destination_mac)}
    if v4:
        found["ipv4Options"] = bits(kind & 31 for p in v4 for kind in ipv4_options(p.ip)
                                    if kind in OPTIONS)
    if v6:
        chains = [places for p in v6 for places, _, _ in ipv6_chain(p.ip)]
        found["ipv6ExtensionHeaders"] = bits(places[0] for places in chains)
        found["ipv6ExtensionHeadersFull"] = "0x%x" % bits(places[1] for places in chains)
        found["flowLabelIPv6"] = first.flow_label
    return found


def measure(flow):
    return moments.both_ways(flow, one_way)
