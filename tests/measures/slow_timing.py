# SPDX-License-Identifier: Apache-2.0
"""The measure `timing`: times between packets, and to the first answer."""
import moments

ONE_WAY = ("interArrivalTimeMinimum", "interArrivalTimeMaximum", "interArrivalTimeMean",
           "interArrivalTimeStandardDeviation")
BIFLOW = ("biflowInterArrivalTimeMinimum", "biflowInterArrivalTimeMaximum",
          "biflowInterArrivalTimeMean", "biflowInterArrivalTimeStandardDeviation")
FIELDS = [*moments.reversed_too([*ONE_WAY, "interArrivalTimeTotal"]), *BIFLOW,
          "biflowInterArrivalTimeTotal", "firstResponseTime", "firstDataResponseTime"]


def gaps(packets):
    """How far each packet but the first moves on the largest time so far."""
    found, clock = [], None
    for packet in packets:
        if clock is not None:
            found.append(max(packet.time_ns - clock, 0))
        clock = packet.time_ns if clock is None else max(clock, packet.time_ns)
    return found


def one_way(packets):
    found = gaps(packets)
    return {**moments.summary(found, *ONE_WAY),
            "interArrivalTimeTotal": sum(found) if found else None}


def first(packets, sender):
    return next((p.time_ns for p in packets if p.sender == sender), None)


def response(packets):
    request, answer = first(packets, 0), first(packets, 1)
    if request is None or answer is None or answer < request:
        return None
    return answer - request


def measure(flow):
    found = gaps(flow.packets)
    return {**moments.both_ways(flow, one_way), **moments.summary(found, *BIFLOW),
            "biflowInterArrivalTimeTotal": sum(found) if found else None,
            "firstResponseTime": response(flow.packets) if flow.packets[0].sender == 0 else None,
            "firstDataResponseTime": response([p for p in flow.packets if p.payload_bytes])}
