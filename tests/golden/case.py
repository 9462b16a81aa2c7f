# SPDX-License-Identifier: Apache-2.0
"""A golden case: a script that crafts a capture and says, by itself, what records must come out.

    @case("key", "both directions of a conversation are one flow")
    def both_directions(c):
        c.send(0, ip(A, B, udp(1000, 53, 10)))
        c.send(1, ip(B, A, udp(53, 1000, 20)))
        c.expect(A, 1000, B, 53, UDP, (1, 38), (1, 48), when=(0, 1))

The first word is the row of docs/semantics.md that the case proves, the sentence is why it is
there. Modules in cases/ register their functions here; test_cases.py runs them all.
"""
import craft

CASES = []


class Case:
    def __init__(self, row, why, build, arguments, more):
        self.row, self.why, self.name, self.arguments = row, why, build.__name__, list(arguments)
        self.link = more.pop("link", craft.LINK_ETHERNET)
        self.workers = more.pop("workers", True)        # the same with -j 2 and -j 3
        self.slow = more.pop("slow", True)              # slow_meter.py must come to the same result
        self.interfaces = more.pop("interfaces", 0)     # > 0: pcapng with so many
        assert not more, more
        self.frames, self.expected, self.checks = [], [], []
        self.packets, self.octets = {}, {}              # expected accounts
        build(self)

    def __str__(self):
        return "%s-%s" % (self.row, self.name)

    def send(self, seconds, packet, **more):
        """An IP packet, in a plain Ethernet frame."""
        self.frame(seconds, craft.ether(packet), **more)

    def frame(self, seconds, octets, wire=None, cut=None, interface=0):
        """A frame as it stands; wire: its length on the wire; cut: what the capture kept of it."""
        kept = octets if cut is None else octets[:cut]
        self.frames.append((craft.at(seconds), bytes(kept), wire or len(octets), interface))

    def expect(self, source, source_port, destination, destination_port, protocol, forward,
               reverse=(0, 0), when=(0, 0), reason=4, **fields):
        """One record; forward and reverse are (packets, octets), when is (start, end) in seconds.
        More fields by element name; None where the field must be absent."""
        family = 6 if ":" in source else 4
        self.expect_fields(**{
            "sourceIPv%dAddress" % family: source, "destinationIPv%dAddress" % family: destination,
            "protocolIdentifier": protocol,
            "sourceTransportPort": source_port, "destinationTransportPort": destination_port,
            "packetDeltaCount": forward[0], "octetDeltaCount": forward[1],
            "reversePacketDeltaCount": reverse[0], "reverseOctetDeltaCount": reverse[1],
            "flowStartMicroseconds": craft.at(when[0]) // 1000,
            "flowEndMicroseconds": craft.at(when[1]) // 1000,
            "flowEndReason": reason, "vlanId": 0, "dot1qCustomerVlanId": None,
            **fields})

    def expect_fields(self, **fields):
        """One record, of which only these fields matter."""
        self.expected.append(fields)

    def account(self, **fates):
        """Packets by fate, as --stats must have them."""
        self.packets.update(fates)

    def check(self, function):
        """function(records, run) asserts what a list of records cannot say."""
        self.checks.append(function)

    def capture(self):
        if self.interfaces:
            return craft.pcapng(self.frames, [self.link] * self.interfaces)
        return craft.pcap([frame[:3] for frame in self.frames], self.link)


def case(row, why, *arguments, **more):
    """arguments: words for the command line."""
    def register(build):
        CASES.append(Case(row, why, build, arguments, dict(more)))
        return build
    return register
