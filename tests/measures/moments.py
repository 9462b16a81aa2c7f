# SPDX-License-Identifier: Apache-2.0
"""Exact statistics of whole numbers, as docs/measures.md defines them: rational arithmetic, one
rounding at the end. The deviation is the population's; too little is None."""
import math
from fractions import Fraction


def mean(values):
    return float(Fraction(sum(values), len(values))) if values else None


def deviation(values):
    if len(values) < 2:
        return None
    n, total = len(values), sum(values)
    return math.sqrt(Fraction(n * sum(value * value for value in values) - total * total, n * n))


def summary(values, minimum, maximum, mean_name, deviation_name):
    """The four under the names given."""
    return {minimum: min(values, default=None), maximum: max(values, default=None),
            mean_name: mean(values), deviation_name: deviation(values)}


def reverse(name):
    return "reverse" + name[0].upper() + name[1:]


def both_ways(flow, one_way):
    """{name: value} of one_way(packets of a direction), the responder's names with "reverse"."""
    values = {}
    for sender in (0, 1):
        for name, value in one_way([p for p in flow.packets if p.sender == sender]).items():
            values[reverse(name) if sender else name] = value
    return values


def reversed_too(names):
    return [*names, *map(reverse, names)]
