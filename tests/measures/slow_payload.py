# SPDX-License-Identifier: Apache-2.0
"""Entropy and distribution of the first octets of payload."""
import math
from collections import Counter

OCTETS = 700
ARGUMENTS = ("--payload-octets", str(OCTETS))
ONE_WAY = ["payloadShannonEntropy", "payloadEntropy", "payloadOctetDistribution",
           "payloadOctetsSampled"]
FIELDS = [*ONE_WAY, *("reverse" + name[0].upper() + name[1:] for name in ONE_WAY)]


def one_way(octets):
    counts = Counter(octets)
    shares = [count / len(octets) for count in counts.values()]
    entropy = abs(math.fsum(share * math.log2(share) for share in shares))
    return {"payloadShannonEntropy": entropy, "payloadEntropy": min(255, int(entropy * 32)),
            "payloadOctetDistribution": [counts[value] for value in range(256)],
            "payloadOctetsSampled": len(octets)}


def measure(flow):
    values = {}
    for sender in (0, 1):
        octets = b"".join(p.payload for p in flow.packets if p.sender == sender)[:OCTETS]
        for name, value in one_way(octets).items() if octets else ():
            values["reverse" + name[0].upper() + name[1:] if sender else name] = value
    return values
