# SPDX-License-Identifier: Apache-2.0
"""Sessions, computed slowly and by themselves from records of flows (one a flow): the twin that
applicationSessionId is compared with, written from docs/applications.md.

    read_list() -> PublicSuffixList     .site("www.example.co.uk") -> "example.co.uk"
    sessions(flows, list, gap_ns) -> list of lists of flows: those that belong together
    differences(flows, list, gap_ns) -> list of str: where weir's grouping is not so
"""
import collections
import ipaddress

LIST = "/usr/share/publicsuffix/public_suffix_list.dat"     # of the package publicsuffix
STEPS = 8                           # of a gap, in which weir notes what a flow does


class PublicSuffixList:
    def __init__(self, lines):
        words = [line.split()[0] for line in lines if line.strip() and not line.startswith("//")]
        self.rules = {tuple(word.lstrip("!").split(".")): word.startswith("!") for word in words}
        for word in words:
            if not word.isascii():
                name = word.lstrip("!*.").encode("idna").decode()
                mark = word[:len(word) - len(word.lstrip("!*."))].lstrip("!")
                self.rules[tuple((mark + name).split("."))] = word.startswith("!")

    def suffix_labels(self, labels):
        """How many labels at the end nobody has registered: the longest rule, or an exception."""
        longest = 1
        for count in range(1, len(labels) + 1):
            tail = tuple(labels[-count:])
            if self.rules.get(tail):
                return count - 1
            if tail in self.rules or ("*",) + tail[1:] in self.rules:
                longest = count
        return longest

    def site(self, host):
        name = "".join(c.lower() if c.isascii() else c for c in host)
        if name.startswith("["):
            return name[1:name.index("]")] if "]" in name else ""
        head, colon, port = name.partition(":")
        if colon and all(c in "0123456789" for c in port):
            name = head
        name = name.rstrip(".")
        try:
            ipaddress.ip_address(name)
            return name
        except ValueError:
            pass
        labels = name.split(".")
        count = self.suffix_labels(labels)
        return name if count >= len(labels) else ".".join(labels[-count - 1:])


def read_list(path=LIST):
    with open(path, encoding="utf-8") as lines:
        return PublicSuffixList(lines)


def address(flow, side):
    return flow.get(f"{side}IPv6Address") or flow.get(f"{side}IPv4Address")


def key_of(flow, suffixes, by_id):
    """Whose use of what a flow is; None where that does not tell its session. Who is announced is
    of the same as who has announced."""
    if "parentFlowId" in flow:
        parent = by_id.get(flow["parentFlowId"])
        return key_of(parent, suffixes, by_id) if parent else None
    where = (address(flow, "source"), flow.get("vlanId"), flow.get("dot1qCustomerVlanId"))
    site = suffixes.site(flow.get("applicationHostName", ""))
    if site:
        return where, site
    if "applicationSessionId" not in flow:
        return None
    return where, (address(flow, "destination"), flow["protocolIdentifier"],
                   flow.get("destinationTransportPort"))


def sessions(flows, suffixes, gap_ns):
    by_id = {flow["flowId"]: flow for flow in flows}
    by_key = collections.defaultdict(list)
    for flow in flows:
        key = key_of(flow, suffixes, by_id)
        if key:
            by_key[key].append(flow)
    found = []
    for members in by_key.values():
        members.sort(key=lambda flow: flow["flowStartNanoseconds"])
        latest = None
        for flow in members:
            if latest is None or flow["flowStartNanoseconds"] - latest > gap_ns:
                found.append([])
            found[-1].append(flow)
            latest = max(latest or 0, flow["flowEndNanoseconds"])
    return found


def differences(flows, suffixes, gap_ns):
    """What is apart by less than a gap less a step must be together, what is apart by more than a
    gap must not; sessions have ids of their own flows; announced flows follow their parents."""
    def session(flow):
        return flow.get("applicationSessionId")

    said = []
    by_id = {flow["flowId"]: flow for flow in flows}
    for group in sessions(flows, suffixes, gap_ns - gap_ns // STEPS):
        if len({session(flow) for flow in group}) != 1:
            said.append(f"apart: {[(flow['flowId'], session(flow)) for flow in group]}")
    owner = {}
    for number, group in enumerate(sessions(flows, suffixes, gap_ns)):
        for flow in group:
            if owner.setdefault(session(flow), number) != number:
                said.append(f"together: flow {flow['flowId']} and others of {session(flow)}")
    for flow in flows:
        parent = by_id.get(flow.get("parentFlowId"))
        hosted = suffixes.site(flow.get("applicationHostName", ""))
        if session(flow) is None and (hosted or parent):
            said.append(f"none: flow {flow['flowId']}")
        if parent and session(flow) != session(parent):
            said.append(f"not the parent's: flow {flow['flowId']}")
        if session(flow) is not None and session(by_id.get(session(flow), {})) != session(flow):
            said.append(f"not of its own: session {session(flow)}")
    return said
