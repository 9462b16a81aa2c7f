# SPDX-License-Identifier: Apache-2.0
"""The measure `activity`: active and idle periods, bursts, bulk transfer."""
import moments

BURST_GAP, BURST_PACKETS, BULK_PACKETS = 10**9, 3, 4
ARGUMENTS = ("--idle-gap", "2s")
IDLE_GAP = 2 * 10**9
PERIODS = ("TimeMinimum", "TimeMaximum", "TimeMean", "TimeStandardDeviation")
BURSTS = ["burstCount", "burstPacketCount", "burstOctetCount", "burstTimeTotal",
          "burstMaximumPacketCount", "burstMaximumOctetCount"]
FIELDS = [*moments.reversed_too(BURSTS),
          *(kind + name for kind in ("active", "idle")
            for name in (*PERIODS, "PeriodCount", "TimeTotal")),
          "bulkTransitionCount", "bulkTimeTotal"]


def split(packets, gap):
    """Runs of packets in which none comes `gap` or more after the largest time so far; each with
    its duration, and the silence before it."""
    runs, clock = [], None
    for packet in packets:
        if clock is None or packet.time_ns - clock >= gap:
            runs.append(([], packet.time_ns, 0 if clock is None else packet.time_ns - clock))
        clock = packet.time_ns if clock is None else max(clock, packet.time_ns)
        runs[-1][0].append(packet)
    return [(members, duration(members), silence) for members, start, silence in runs]


def duration(members):
    return max(p.time_ns for p in members) - members[0].time_ns


def bursts(packets):
    found = [(members, length) for members, length, _ in
             split([p for p in packets if p.payload_bytes], BURST_GAP)
             if len(members) >= BURST_PACKETS]
    sizes = [sum(p.payload_bytes for p in members) for members, _ in found]
    counts = [len(members) for members, _ in found]
    return {"burstCount": len(found), "burstPacketCount": sum(counts),
            "burstOctetCount": sum(sizes),
            "burstTimeTotal": sum(length for _, length in found),
            "burstMaximumPacketCount": max(counts, default=None),
            "burstMaximumOctetCount": max(sizes, default=None)}


def bulks(packets):
    """Changes of mode, and time in bulk: runs of data packets of one sender."""
    runs = []
    for packet in (p for p in packets if p.payload_bytes):
        if not runs or runs[-1][0].sender != packet.sender:
            runs.append([])
        runs[-1].append(packet)
    bulk = [run for run in runs if len(run) >= BULK_PACKETS]
    left = sum(len(run) >= BULK_PACKETS for run in runs[:-1])      # each was left again
    return {"bulkTransitionCount": len(bulk) + left, "bulkTimeTotal": sum(map(duration, bulk))}


def measure(flow):
    runs = split(flow.packets, IDLE_GAP)
    active, idle = [length for _, length, _ in runs], [silence for _, _, silence in runs[1:]]
    values = {**moments.both_ways(flow, bursts), **bulks(flow.packets)}
    for kind, periods in (("active", active), ("idle", idle)):
        values.update(moments.summary(periods, *(kind + name for name in PERIODS)))
        values[kind + "PeriodCount"] = len(periods)
        values[kind + "TimeTotal"] = sum(periods) if periods else None
    return values
