# SPDX-License-Identifier: Apache-2.0
"""What the golden tests compare records with: three plain functions that return a list of
differences.

They are themselves under test (test_compare.py plants wrong records), because a comparison that
cannot fail proves nothing. Neighbours: runner.py (where records come from), the tests.
"""
import ipaddress
from collections import Counter, namedtuple

Totals = namedtuple("Totals", "packets octets reverse_packets reverse_octets")
KEY_FIELDS = ("vlanId", "dot1qCustomerVlanId", "source", "destination", "protocolIdentifier",
              "sourceTransportPort", "destinationTransportPort", "icmp")
ZERO_WHEN_ABSENT = ("reversePacketDeltaCount", "reverseOctetDeltaCount", "reverseTcpControlBits",
                    "tcpControlBits", "vlanId", "biflowDirection")


def canonical(value):
    """Addresses in one spelling; everything else as it is."""
    if isinstance(value, str) and (":" in value or value.count(".") == 3):
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            pass
    return value


def value_of(record, name):
    """A counter, a VLAN id or flags that are absent say the same as zero."""
    value = record.get(name)
    if value is None and name in ZERO_WHEN_ABSENT:
        return 0
    return canonical(value)


def describe(record, names):
    return " ".join("%s=%s" % (name, value_of(record, name)) for name in names)


def differences(expected, records):
    """Each expected record (a dict of the fields that matter; None: must be absent) is matched with
    one that has exactly these values; what is left over on either side is a difference."""
    left = list(records)
    result = []
    for want in expected:
        for got in left:
            if all(value_of(got, name) == canonical(value) for name, value in want.items()):
                left.remove(got)
                break
        else:
            result.append("missing  " + describe(want, want))
    names = list(dict.fromkeys(name for want in expected for name in want)) or KEY_FIELDS
    return result + ["surplus  " + describe(got, names) for got in left]


def either(record, stem):
    return value_of(record, stem + "IPv4Address") or value_of(record, stem + "IPv6Address")


def end_points(record):
    """The key without a direction, and whether the record's source is its second end."""
    code = record.get("icmpTypeCodeIPv4", record.get("icmpTypeCodeIPv6"))
    back = record.get("reverseIcmpTypeCodeIPv4", record.get("reverseIcmpTypeCodeIPv6"))
    protocol = record["protocolIdentifier"]
    ends = [(either(record, "source"), record.get("sourceTransportPort") or 0, code),
            (either(record, "destination"), record.get("destinationTransportPort") or 0, back)]
    kinds = icmp_kinds(protocol, code, back)
    swapped = (*order(ends[0]), kinds[0]) > (*order(ends[1]), kinds[1])
    if swapped:
        ends.reverse()
        kinds = kinds[::-1]
    return (value_of(record, "vlanId"), record.get("dot1qCustomerVlanId"), *ends[0][:2],
            *ends[1][:2],
            protocol, kinds), swapped


def order(end):
    where = ipaddress.ip_address(end[0])
    return where.version, where.packed, end[1]


PAIRS = {1: (8, 0, 13, 14, 15, 16, 17, 18, 10, 9),
         58: (128, 129, 130, 131, 133, 134, 135, 136, 139, 140, 144, 145)}


def icmp_kinds(protocol, code, back):
    """What tells ICMP flows of two hosts apart: the type that either end sends; where a message has
    no counterpart, its type and code on the sender's side, and -1 on the other."""
    if protocol not in PAIRS or (code is None and back is None):
        return (0, 0)
    kind = (code if code is not None else back) >> 8
    if kind in PAIRS[protocol]:
        other = PAIRS[protocol][PAIRS[protocol].index(kind) ^ 1]
        return (kind, other) if code is not None else (other, kind)
    return (code, -1) if code is not None else (-1, back)


def sums_by_key(records):
    """Totals per undirected key; [0] sent by the lower end."""
    sums = {}
    for record in records:
        key, swapped = end_points(record)
        counts = [value_of(record, name) for name in
                  ("packetDeltaCount", "octetDeltaCount", "reversePacketDeltaCount",
                   "reverseOctetDeltaCount")]
        if swapped:
            counts = counts[2:] + counts[:2]
        sums[key] = Totals(*(a + b for a, b in zip(sums.get(key, (0, 0, 0, 0)), counts)))
    return sums


def sum_differences(expected, found):
    """Both are {key: Totals}."""
    result = []
    for key in sorted(expected.keys() | found.keys(), key=str):
        if expected.get(key) != found.get(key):
            result.append("%s: expected %s, found %s" % (key, expected.get(key), found.get(key)))
    return result


def multiset_differences(one, other):
    """Records as whole: equal as multisets, whatever their order."""
    def frozen(record):
        return tuple(sorted((name, str(value)) for name, value in record.items()
                            if name not in ("flowId",)))
    a, b = Counter(map(frozen, one)), Counter(map(frozen, other))
    return (["only in the first:  %s" % (row,) for row in (a - b).elements()] +
            ["only in the second: %s" % (row,) for row in (b - a).elements()])


def unbalanced(stats):
    """What the accounts of a run say against themselves, recomputed here from the numbers."""
    result = []
    if stats.get("balanced") is not True:
        result.append("balanced is %r" % stats.get("balanced"))
    for unit in ("packets", "octets"):
        counts = dict(stats[unit])
        seen = counts.pop("seen")
        fates = sum(value for value in counts.values() if isinstance(value, int))
        if seen != fates:
            result.append("%s: seen %d, but the fates sum to %d (%s)" % (unit, seen, fates, counts))
    return result


def unaccounted(stats, records):
    """The packets that the accounts call metered must be those in the records."""
    packets = sum(value_of(r, "packetDeltaCount") + value_of(r, "reversePacketDeltaCount")
                  for r in records)
    metered = stats["packets"]["metered"]
    if packets == metered:
        return []
    return ["records hold %d packets, metered are %d" % (packets, metered)]
