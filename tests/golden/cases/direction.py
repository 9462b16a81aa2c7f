# SPDX-License-Identifier: Apache-2.0
"""Row "direction": who the initiator is, and by what evidence that may change."""
from case import case
from craft import ACK, PSH, RST, SYN, TCP, UDP, ip, tcp, udp

A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"


def segment(c, seconds, source, source_port, destination, destination_port, flags):
    c.send(seconds, ip(source, destination, tcp(source_port, destination_port, flags)))


@case("direction",
      "without evidence the sender of the first packet is the initiator, in both orders "
      "of the addresses")
def first_packet(c):
    segment(c, 0, A, 1000, B, 2000, ACK)
    segment(c, 1, B, 2000, A, 1000, ACK)
    segment(c, 2, B, 3000, A, 4000, ACK)
    segment(c, 3, A, 4000, B, 3000, ACK)
    c.expect(A, 1000, B, 2000, TCP, (1, 40), (1, 40), when=(0, 1), biflowDirection=0)
    c.expect(B, 3000, A, 4000, TCP, (1, 40), (1, 40), when=(2, 3))


@case("direction", "a SYN that comes late, from the other side, turns the flow")
def late_syn(c):
    segment(c, 0, B, 80, A, 1000, ACK | PSH)
    segment(c, 0.1, A, 1000, B, 80, SYN)
    segment(c, 0.2, B, 80, A, 1000, ACK)
    c.expect(A, 1000, B, 80, TCP, (1, 40), (2, 80), when=(0, 0.2), tcpControlBits=SYN,
             reverseTcpControlBits=ACK | PSH, biflowDirection=1)


@case("direction", "the same from the higher address, in IPv6")
def late_syn_ipv6(c):
    segment(c, 0, A6, 80, B6, 1000, ACK | PSH)
    segment(c, 0.1, B6, 1000, A6, 80, SYN)
    c.expect(B6, 1000, A6, 80, TCP, (1, 60), (1, 60), when=(0, 0.1))


@case("direction", "a SYN-ACK seen first comes from the responder")
def syn_ack_first(c):
    segment(c, 0, B, 80, A, 1000, SYN | ACK)
    segment(c, 0.1, A, 1000, B, 80, ACK)
    c.expect(A, 1000, B, 80, TCP, (1, 40), (1, 40), when=(0, 0.1))


@case("direction", "a SYN-ACK alone: all packets are the reverse direction's")
def syn_ack_alone(c):
    segment(c, 0, B, 80, A, 1000, SYN | ACK)
    c.expect(A, 1000, B, 80, TCP, (0, 0), (1, 40), biflowDirection=1)


@case("direction", "a SYN-ACK that comes late, from the source, turns the flow as well")
def late_syn_ack(c):
    segment(c, 0, B, 80, A, 1000, ACK)
    segment(c, 0.1, B, 80, A, 1000, SYN | ACK)
    segment(c, 0.2, A, 1000, B, 80, ACK)
    c.expect(A, 1000, B, 80, TCP, (1, 40), (2, 80), when=(0, 0.2))


@case("direction", "it may turn only before the flow's first record is exported",
      "-t", "10", "-d", "30")
def no_turn_after_export(c):
    segment(c, 0, B, 80, A, 1000, ACK)
    segment(c, 12, A, 1000, B, 80, SYN)
    c.expect(B, 80, A, 1000, TCP, (1, 40), reason=2)
    c.expect(B, 80, A, 1000, TCP, (0, 0), (1, 40), when=(12, 12))


@case("direction", "a turned flow stays turned in its later records", "-t", "10", "-d", "30")
def turned_for_good(c):
    segment(c, 0, B, 80, A, 1000, ACK)
    segment(c, 1, A, 1000, B, 80, SYN)
    segment(c, 12, B, 80, A, 1000, ACK)
    c.expect(A, 1000, B, 80, TCP, (1, 40), (1, 40), when=(0, 1), reason=2)
    c.expect(A, 1000, B, 80, TCP, (0, 0), (1, 40), when=(12, 12))


@case("direction", "--direction first switches evidence off", "--direction", "first")
def by_first_alone(c):
    segment(c, 0, B, 80, A, 1000, SYN | ACK)
    segment(c, 0.1, A, 1000, B, 80, SYN)
    segment(c, 0.2, A, 1000, B, 80, ACK)
    c.expect(B, 80, A, 1000, TCP, (1, 40), (2, 80), when=(0, 0.2))


@case("direction", "a RST answers, it opens nothing: no evidence either way")
def reset_is_no_evidence(c):
    segment(c, 0, B, 80, A, 1000, RST)
    segment(c, 0.1, A, 1000, B, 80, ACK)
    c.expect(B, 80, A, 1000, TCP, (1, 40), (1, 40), when=(0, 0.1))


@case("direction", "UDP: the sender of the first packet")
def udp_first(c):
    c.send(0, ip(B, A, udp(40000, 50000, 5)))
    c.send(1, ip(A, B, udp(50000, 40000, 5)))
    c.expect(B, 40000, A, 50000, UDP, (1, 33), (1, 33), when=(0, 1))


def bases_differ(first, second):
    def check(records, run):
        by_port = {record["sourceTransportPort"]: record["flowDirectionBasis"]
                   for record in records}
        assert by_port[first] != by_port[second]
    return check


@case("direction", "the basis of the decision is exported", "--fields", "+flowDirectionBasis",
      slow=False)
def basis(c):
    segment(c, 0, A, 1000, B, 80, SYN)
    c.send(0, ip(A, B, udp(2000, 80)))
    c.expect(A, 1000, B, 80, TCP, (1, 40))
    c.expect(A, 2000, B, 80, UDP, (1, 28))
    c.check(bases_differ(1000, 2000))
