# SPDX-License-Identifier: Apache-2.0
"""The measure `histogram`: quartiles to the width of a bin, and histograms of eight bins."""
import moments
from slow_timing import gaps

QUARTILES = ("FirstQuartile", "Median", "ThirdQuartile")
LENGTHS = [2 ** (4 + k) for k in range(7)]       # lower bounds of the bins but the first
FIELDS = [*moments.reversed_too(
              [*("ipTotalLength" + q for q in QUARTILES),
               *("interArrivalTime" + q for q in QUARTILES),
               "payloadLengthHistogram", "payloadInterArrivalTimeHistogram"]),
          *("biflowIpTotalLength" + q for q in QUARTILES),
          *("biflowInterArrivalTime" + q for q in QUARTILES)]


def middle(value):
    """The number in the middle, rounded down, of the bin that holds value: an eighth of an octave
    wide from 16 on."""
    if value < 16:
        return value
    width = 2 ** (value.bit_length() - 4)
    low = value // width * width
    return (2 * low + width - 1) // 2


def quartiles(stem, values, most, unit=1):
    """The smallest value that so many quarters of the values do not exceed."""
    ordered, found = sorted(min(value, most) for value in values), {}
    for quarters, name in enumerate(QUARTILES, 1):
        rank = -(-len(ordered) * quarters // 4)
        found[stem + name] = middle(ordered[rank - 1]) * unit if ordered else None
    return found


def eight_bins(values):
    bins = [0] * 8
    for value in values:
        bins[sum(value >= bound for bound in LENGTHS)] += 1
    return bins


def lengths(packets):
    return [p.ip_bytes for p in packets]


def microseconds(packets):
    return [gap // 1000 for gap in gaps(packets)]


def one_way(packets):
    carrying = [p for p in packets if p.payload_bytes]
    return {**quartiles("ipTotalLength", lengths(packets), 2 ** 16 - 1),
            **quartiles("interArrivalTime", microseconds(packets), 2 ** 32 - 1, 1000),
            "payloadLengthHistogram": eight_bins(p.payload_bytes for p in carrying),
            "payloadInterArrivalTimeHistogram": eight_bins(gap // 10**6 for gap in gaps(carrying))}


def measure(flow):
    return {**moments.both_ways(flow, one_way),
            **quartiles("biflowIpTotalLength", lengths(flow.packets), 2 ** 16 - 1),
            **quartiles("biflowInterArrivalTime", microseconds(flow.packets), 2 ** 32 - 1, 1000)}
