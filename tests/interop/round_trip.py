# SPDX-License-Identifier: Apache-2.0
"""Records as weir meter prints them against the same records after a way through messages.

Over IPFIX an absent value cannot be told from nothing (zero, empty, false): a template has every
field in every record. So a collected record has every value that the metered one had, and nothing
where that had none. The other way round only an NTP time of zero may be missing: it means that
there is no time.
"""
import json

# What a collector adds to say who sent a record and when it came.
ADDED = frozenset(("observationDomainId", "exporterIPv4Address", "exporterIPv6Address",
                   "collectionTimeMilliseconds"))
NOTHING = (0, "", False, "0x0", "0.0.0.0", "::", "00:00:00:00:00:00", [], None)


def records(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def is_ntp(name):
    return name.endswith(("Microseconds", "Nanoseconds"))


def _something(record):
    """What is said in a record, as a key to sort by and to find its twin."""
    return json.dumps(sorted((name, value) for name, value in record.items()
                             if value not in NOTHING and name not in ADDED))


def _of_a_pair(metered, collected):
    for name, value in metered.items():
        if name not in collected:
            if value != 0 or not is_ntp(name):
                yield f"{name}: {value!r} is missing"
        elif collected[name] != value:
            yield f"{name}: {value!r} became {collected[name]!r}"
    for name in collected.keys() - metered.keys() - ADDED:
        if collected[name] not in NOTHING:
            yield f"{name}: {collected[name]!r} came from nowhere"


def differences(metered, collected):
    """A line for each value that is not the same, whatever the order of the records."""
    if len(metered) != len(collected):
        return [f"{len(metered)} records metered, {len(collected)} collected"]
    pairs = zip(sorted(metered, key=_something), sorted(collected, key=_something))
    return [line for one, other in pairs for line in _of_a_pair(one, other)]
