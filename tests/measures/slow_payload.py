# SPDX-License-Identifier: Apache-2.0
"""Entropy and distribution of the first octets of payload."""
import math
from collections import Counter

import moments

OCTETS = 700
ARGUMENTS = ("--payload-octets", str(OCTETS))
ONE_WAY = ["payloadShannonEntropy", "payloadEntropy", "payloadOctetDistribution",
           "payloadOctetsSampled"]
FIELDS = moments.reversed_too(ONE_WAY)


def one_way(sent):
    octets = b"".join(p.payload for p in sent)[:OCTETS]
    if not octets:
        return {}
    counts = Counter(octets)
    shares = [count / len(octets) for count in counts.values()]
    entropy = abs(math.fsum(share * math.log2(share) for share in shares))
    return {"payloadShannonEntropy": entropy, "payloadEntropy": min(255, int(entropy * 32)),
            "payloadOctetDistribution": [counts[value] for value in range(256)],
            "payloadOctetsSampled": len(octets)}


def measure(flow):
    return moments.both_ways(flow, one_way)
