#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How often the source of a flow is its client, when captures have lost what shows it.

    WEIR=build/weir tests/measures/direction_truth.py          the table of docs/direction.md

Each capture of share/captures and WEIR_DATA is changed and metered, and the source of every flow
compared with the truth, which is worked out from the whole capture and from nothing of weir's, and
with the sender of the flow's first packet, which is its source without evidence:

- TCP: the sender of the first SYN without ACK, if only one side ever sent one.
- UDP: who sent the question, where tshark recognises the first packet as a question or an answer
  of its protocol; else the first sender of a flow that begins an idle timeout (30 s) or more after
  the capture, so that its beginning is inside. Of other flows the truth is not known, and they do
  not count.

Changes: nothing; the first k packets of every flow of TCP taken out (k = 1, 2, 5); of UDP the
first one; an idle gap of a minute in every flow that has packets both ways, so that the first
packet behind it is the server's. Behind a gap only the flow that begins there counts.
Neighbours: packets.py (reads captures), test_direction.py (asserts the goals).
"""
import functools
import ipaddress
import sys
import tempfile
from collections import defaultdict, namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import packets          # noqa: E402
import craft            # noqa: E402
import slow_meter       # noqa: E402
import tshark           # noqa: E402
from runner import capture_name, captures, meter     # noqa: E402

TCP, UDP = 6, 17
SYN, ACK, FIN, RST = 2, 16, 1, 4
SECOND = 10**9
GAP_NS = 60 * SECOND
INSIDE_NS = 30 * SECOND
FIELDS = ("flowStartNanoseconds,sourceIPv4Address,destinationIPv4Address,sourceIPv6Address,"
          "destinationIPv6Address,protocolIdentifier,sourceTransportPort,destinationTransportPort,"
          "vlanId,dot1qCustomerVlanId,flowDirectionBasis")

# tshark's fields, and which of their values make the sender a client (True) or a server (False).
DISSECTED = {
    "dns.flags.response": {"0": True, "1": False}, "nbns.flags.response": {"0": True, "1": False},
    "dhcp.type": {"1": True, "2": False}, "ntp.flags.mode": {"3": True, "4": False, "2": False},
    "dhcpv6.msgtype": {**dict.fromkeys("1 3 4 5 6 8 9 11 12".split(), True), "2": False,
                       "7": False, "13": False},
    "snmp.data": {**dict.fromkeys("0 1 3 4 5 6 7".split(), True), "2": False},
    "radius.code": {"1": True, "4": True, "2": False, "3": False, "5": False, "11": False},
    "stun.type.class": {"0x0000": True, "0x0010": False, "0x0011": False, "0": True, "2": False,
                        "3": False},
    "sip.Status-Code": {}, "sip.Method": {}, "tftp.opcode": {"1": True, "2": True},
    "rpc.msgtyp": {"0": True, "1": False}, "dtls.handshake.type": {"1": True, "2": False},
    "tls.handshake.type": {"1": True, "2": False}, "http.request.method": {"M-SEARCH": True},
    "http.response.code": {"200": False}, "kerberos.msg_type": {"10": True, "12": True,
                                                                "11": False, "13": False},
}
ALWAYS = {"sip.Status-Code": False, "sip.Method": True}    # whatever the value

Item = namedtuple("Item", "time_ns octets wire packet sender number")
Change = namedtuple("Change", "name protocol make")


class Flow:
    """All packets of one key in a capture."""

    def __init__(self, key):
        self.key, self.items = key, []

    @property
    def protocol(self):
        return self.key[3]

    @property
    def two_way(self):
        return len({item.sender for item in self.items}) == 2


def flows_of(frames):
    """(flows by key, other frames) of the frames with the first one's link type."""
    parser, flows, others = slow_meter.Parser(), {}, []
    for number, (time_ns, octets, wire, link) in enumerate(frames):
        if link != frames[0][3]:
            continue
        try:
            packet = parser.parse(time_ns, bytes(octets), wire, link)
        except slow_meter.Unmeterable:
            others.append(Item(time_ns, octets, wire, None, None, number))
            continue
        key, sender = slow_meter.Meter.key_of(packet)
        flow = flows.setdefault(key, Flow(key))
        flow.items.append(Item(time_ns, octets, wire, packet, sender, number))
    return flows, others


# ---- truth ----

def tcp_client(flow):
    """The end (0 or 1) that opened; None."""
    opened = {item.sender for item in flow.items if item.packet.tcp_flags & (SYN | ACK) == SYN}
    return opened.pop() if len(opened) == 1 else None


@functools.lru_cache(maxsize=None)
def dissected(path):
    """{frame number from 0: True for a client's message, False for a server's}."""
    roles = {}
    for line in tshark.lines(path, ["frame.number", *DISSECTED], "-n", "-E", "occurrence=f"):
        number, *values = line.split("\t")
        for (name, meanings), value in zip(DISSECTED.items(), values):
            role = ALWAYS.get(name) if value else None
            role = meanings.get(value, role)
            if role is not None:
                roles[int(number) - 1] = role
                break
    return roles


def udp_client(flow, path, begin_ns):
    first = flow.items[0]
    role = dissected(path).get(first.number)
    if role is False and ipaddress.ip_address(first.packet.destination).is_multicast:
        return first.sender         # told to a group: nobody has asked
    if role is not None:
        return first.sender if role else 1 - first.sender
    return first.sender if first.time_ns >= begin_ns + INSIDE_NS else None


def truth_of(flows, path, begin_ns):
    """{key: end} of all flows whose client is known."""
    truth = {}
    for key, flow in flows.items():
        client = tcp_client(flow) if flow.protocol == TCP else None
        if flow.protocol == UDP and 0 not in (key[1][1], key[2][1]):
            client = udp_client(flow, path, begin_ns)
        if client is not None:
            truth[key] = client
    return truth


# ---- changes ----

def whole(flow, client):
    return flow.items, None


def without(count):
    def make(flow, client):
        return flow.items[count:], None
    return make


def with_gap(flow, client):
    """Behind the first packets both ways and before anything ends, as near to the middle as may
    be; the time of the packet behind the gap says which flow is meant."""
    if client is None or not flow.two_way:
        return flow.items, None
    ended = next((i for i, item in enumerate(flow.items) if item.packet.tcp_flags & (FIN | RST)),
                 len(flow.items))
    both = max(next(i for i, item in enumerate(flow.items) if item.sender == end)
               for end in (0, 1))
    places = [i for i in range(max(both + 1, 3 if flow.protocol == TCP else 0), ended)
              if flow.items[i].sender != client and not flow.items[i].packet.tcp_flags & SYN]
    if not places:
        return flow.items, None
    place = min(places, key=lambda i: abs(i - len(flow.items) // 2))
    late = [item._replace(time_ns=item.time_ns + GAP_NS) for item in flow.items[place:]]
    return flow.items[:place] + late, late[0].time_ns


CHANGES = [
    Change("whole captures", TCP, whole), Change("first packet lost", TCP, without(1)),
    Change("first 2 packets lost", TCP, without(2)),
    Change("first 5 packets lost", TCP, without(5)),
    Change("the server ends an idle gap", TCP, with_gap),
    Change("whole captures", UDP, whole), Change("the server ends an idle gap", UDP, with_gap),
    Change("first packet lost", UDP, without(1)),
]


def changed(flows, others, truth, change):
    """(frames of the changed capture, {key: time} of the flows behind gaps)."""
    items, behind = list(others), {}
    for key, flow in flows.items():
        some, time_ns = flow.items, None
        if flow.protocol == change.protocol:
            some, time_ns = change.make(flow, truth.get(key))
        items += some
        if time_ns is not None:
            behind[key] = time_ns
    items.sort(key=lambda item: (item.time_ns, item.number))
    return [(item.time_ns, bytes(item.octets), item.wire) for item in items], behind


# ---- scoring ----

def key_of(record):
    """The key of slow_meter.py, and the end that is the source."""
    ends = []
    for name in ("source", "destination"):
        address = record.get(name + "IPv4Address") or record.get(name + "IPv6Address")
        ends.append((ipaddress.ip_address(address).packed, record[name + "TransportPort"]))
    vlans = tuple(record[name] for name in ("vlanId", "dot1qCustomerVlanId") if record.get(name))
    return (vlans, *sorted(ends), record["protocolIdentifier"]), int(ends[0] > ends[1])


def sources(frames, link):
    """{(key, start): (source's end, basis)} of a metered capture."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(craft.pcap(frames, link, nano=True))
        file.flush()
        run = meter(file.name, "-t", "off", "--fields", FIELDS)
    found = {}
    for record in run.records:
        if record["protocolIdentifier"] in (TCP, UDP):
            key, end = key_of(record)
            found[key, record["flowStartNanoseconds"]] = end, record["flowDirectionBasis"]
    return found


class Score:
    """Of one change, over all captures."""

    def __init__(self):
        self.flows, self.right, self.before = 0, 0, 0
        self.wrong, self.spoiled = [], []       # still wrong; right before and turned
        self.bases = defaultdict(int)

    def add(self, name, key, found, first, client):
        """found: the source's end and its basis; first: the end that spoke first."""
        source, basis = found
        text = "%s: %s, of which the %s is the client; basis %d" % (
            name, " and ".join("%s:%d" % (ipaddress.ip_address(a), port) for a, port in key[1:3]),
            ("first", "second")[client], basis)
        self.flows += 1
        self.bases[basis] += 1
        self.right += source == client
        self.before += first == client
        if source != client:
            (self.spoiled if first == client else self.wrong).append(text)


@functools.lru_cache(maxsize=None)
def scores():
    """{change: Score} over all captures."""
    result = {(change.protocol, change.name): Score() for change in CHANGES}
    for path in captures():
        frames = packets.read_capture(path)
        if not frames or frames[0][3] not in packets.LINKS:
            continue
        flows, others = flows_of(frames)
        truth = truth_of(flows, path, min(frame[0] for frame in frames))
        for change in CHANGES:
            score_capture(result[change.protocol, change.name], path, frames[0][3], flows, others,
                          truth, change)
    return result


def score_capture(score, path, link, flows, others, truth, change):
    if not any(flows[key].protocol == change.protocol for key in truth):
        return
    made, behind = changed(flows, others, truth, change)
    if not made:
        return
    first = first_senders(made, link)
    for (key, start), found in sources(made, link).items():
        if key[3] != change.protocol or key not in truth:
            continue
        if change.make is with_gap and behind.get(key) != start:
            continue
        score.add(capture_name(path), key, found, first[key, start], truth[key])


def first_senders(frames, link):
    """{(key, time): the end that sent the first packet of this time}: the source without
    evidence."""
    flows, _ = flows_of([(*frame, link) for frame in frames])
    senders = {}
    for key, flow in flows.items():
        for item in flow.items:
            senders.setdefault((key, item.time_ns), item.sender)
    return senders


# ---- table ----

def percent(part, whole_):
    return "%.1f %%" % (100 * part / whole_) if whole_ else "-"


def table(result):
    lines = ["| protocol | change | flows | right by the first packet | right by evidence | "
             "turned wrongly |", "|---|---|---:|---:|---:|---:|"]
    for (protocol, name), score in result.items():
        lines.append("| %s | %s | %d | %s | %s | %d |" % (
            {TCP: "TCP", UDP: "UDP"}[protocol], name, score.flows,
            percent(score.before, score.flows), percent(score.right, score.flows),
            len(score.spoiled)))
    return lines


if __name__ == "__main__":
    print("\n".join(table(scores())))
    for which, found in scores().items():
        for line in found.spoiled + found.wrong:
            print("%s, %s: %s" % (which[0], which[1], line))
        print(which, dict(found.bases), file=sys.stderr)
