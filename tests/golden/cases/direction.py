# SPDX-License-Identifier: Apache-2.0
"""Row "direction": who the initiator is, and by what evidence that may change."""
from case import case
from craft import (ACK, FIN, ICMP, PSH, RST, SYN, TCP, UDP, Part, ether, icmp, ip, tag, tcp,
                   udp)

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


# ---- without a handshake ----

SHOWN = ("--fields", "+flowDirectionBasis,+flowDirectionTurned")
C, D, E = "10.0.0.3", "10.0.0.4", "10.0.0.5"
QUERY, RESPONSE = (bytes([0, 1, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + b"\3abc\0\0\1\0\1"
                   for flags in (1, 0x81))


def basis_is(number, turned=False):
    return {"flowDirectionBasis": number, "flowDirectionTurned": turned,
            "biflowDirection": int(number != 1)}


def datagram(c, seconds, source, source_port, destination, destination_port, payload=b"?"):
    c.send(seconds, ip(source, destination, udp(source_port, destination_port, payload=payload)))


def message(c, seconds, source, source_port, destination, destination_port, payload):
    """Of TCP, from the middle of a connection."""
    part = tcp(source_port, destination_port, ACK | PSH) + payload
    c.send(seconds, ip(source, destination, Part(part, TCP)))


@case("direction", "a DNS response comes from the server, although both ports are 53", *SHOWN)
def dns_response(c):
    datagram(c, 0, B, 53, A, 53, RESPONSE)
    c.expect(A, 53, B, 53, UDP, (0, 0), (1, 49), **basis_is(5, True))


@case("direction", "a DNS query comes from the client; what follows changes nothing", *SHOWN)
def dns_query(c):
    datagram(c, 0, A, 7777, B, 53, QUERY)
    datagram(c, 1, B, 53, A, 7777, RESPONSE)
    c.expect(A, 7777, B, 53, UDP, (1, 49), (1, 49), when=(0, 1), **basis_is(5))


@case("direction", "a response has to come from the port: this one goes to it", *SHOWN)
def dns_response_to_the_port(c):
    datagram(c, 0, A, 7777, B, 53, RESPONSE)
    c.expect(A, 7777, B, 53, UDP, (1, 49), **basis_is(1))


@case("direction", "the protocol is asked of the first answer, too", *SHOWN)
def late_query(c):
    datagram(c, 0, B, 53, A, 7777, b"?")
    datagram(c, 1, A, 7777, B, 53, QUERY)
    c.expect(A, 7777, B, 53, UDP, (1, 49), (1, 29), when=(0, 1), **basis_is(5, True))


@case("direction", "an offer of DHCP is the server's, although it is told to everybody", *SHOWN)
def dhcp_offer(c):
    datagram(c, 0, B, 67, "255.255.255.255", 68, bytes([2, 1, 6, 0]) + bytes(236))
    c.expect("255.255.255.255", 68, B, 67, UDP, (0, 0), (1, 268), **basis_is(5, True))


@case("direction", "a server of NTP says so, although both ports are 123", *SHOWN)
def ntp_server(c):
    datagram(c, 0, B, 123, A, 123, b"\x24" + bytes(47))
    c.expect(A, 123, B, 123, UDP, (0, 0), (1, 76), **basis_is(5, True))


@case("direction", "a group asks nothing: neither the protocol nor the ports turn this", *SHOWN)
def groups_begin_nothing(c):
    datagram(c, 0, A, 5353, "224.0.0.251", 5353, RESPONSE)
    datagram(c, 0, A, 443, "239.1.1.1", 50000)
    datagram(c, 0, A, 443, "255.255.255.255", 50000)
    c.expect(A, 5353, "224.0.0.251", 5353, UDP, (1, 49), **basis_is(1))
    c.expect(A, 443, "239.1.1.1", 50000, UDP, (1, 29), **basis_is(1))
    c.expect(A, 443, "255.255.255.255", 50000, UDP, (1, 29), **basis_is(1))


@case("direction", "the octets of HTTP and TLS show who is who, whatever the ports", *SHOWN)
def octets_of_tcp(c):
    message(c, 0, B, 7777, A, 9001, b"HTTP/1.1 200 OK\r\n")
    message(c, 0, A, 9002, B, 7777, b"GET / HTTP/1.1\r\n")
    message(c, 0, B, 7777, A, 9003, b"\x16\3\3\0\x7a\2\0\0\x76" + bytes(11))
    message(c, 0, B, 7777, A, 9004, b"\x17\3\3\0\x7a\2\0\0\x76" + bytes(11))
    c.expect(A, 9001, B, 7777, TCP, (0, 0), (1, 57), **basis_is(5, True))
    c.expect(A, 9002, B, 7777, TCP, (1, 56), **basis_is(5))
    c.expect(A, 9003, B, 7777, TCP, (0, 0), (1, 60), **basis_is(5, True))
    c.expect(B, 7777, A, 9004, TCP, (1, 60), **basis_is(1))


@case("direction", "a reply to a ping is no beginning", *SHOWN)
def echo_reply(c):
    c.send(0, ip(B, A, icmp(0)))
    c.expect(A, 0, B, 0, ICMP, (0, 0), (1, 28), icmpTypeCodeIPv4=None,
             reverseIcmpTypeCodeIPv4=0, **basis_is(5, True))


def handshake(c, seconds, client, client_port, server, server_port):
    segment(c, seconds, client, client_port, server, server_port, SYN)
    segment(c, seconds, server, server_port, client, client_port, SYN | ACK)


def shaken(c, client, client_port, server, server_port, seconds=0, reason=1):
    c.expect(client, client_port, server, server_port, TCP, (1, 40), (1, 40),
             when=(seconds, seconds), reason=reason, **basis_is(2))


@case("direction", "a server that has accepted a connection is one after an idle gap", *SHOWN)
def keepalive_after_gap(c):
    handshake(c, 0, A, 9001, B, 7777)
    segment(c, 60, B, 7777, A, 9001, ACK)
    shaken(c, A, 9001, B, 7777)
    c.expect(A, 9001, B, 7777, TCP, (0, 0), (1, 40), when=(60, 60), **basis_is(4, True))


@case("direction", "and for every other client; each worker has to see it accept one", *SHOWN,
      workers=False)
def server_for_all(c):
    handshake(c, 0, A, 9001, B, 7777)
    segment(c, 1, B, 7777, C, 9002, ACK)
    segment(c, 1, B, 9001, C, 9003, ACK)                # another port: another server
    c.expect(A, 9001, B, 7777, TCP, (1, 40), (1, 40), **basis_is(2))
    c.expect(C, 9002, B, 7777, TCP, (0, 0), (1, 40), when=(1, 1), **basis_is(4, True))
    c.expect(B, 9001, C, 9003, TCP, (1, 40), when=(1, 1), **basis_is(1))


@case("direction", "a server remembered is one in its own VLAN alone", *SHOWN)
def server_of_a_vlan(c):
    for seconds, vlan, packet in (
            (0, 5, ip(A, B, tcp(9001, 7777, SYN))), (0, 5, ip(B, A, tcp(7777, 9001, SYN | ACK))),
            (1, 5, ip(B, A, tcp(7777, 9002, ACK))), (1, 6, ip(B, A, tcp(7777, 9002, ACK)))):
        c.frame(seconds, ether(tag(vlan, packet), 0x8100))
    c.expect(A, 9001, B, 7777, TCP, (1, 40), (1, 40), vlanId=5, **basis_is(2))
    c.expect(A, 9002, B, 7777, TCP, (0, 0), (1, 40), when=(1, 1), vlanId=5, **basis_is(4, True))
    c.expect(B, 7777, A, 9002, TCP, (1, 40), when=(1, 1), vlanId=6, **basis_is(1))


@case("direction", "half a handshake, or a refused one, makes no server", *SHOWN)
def no_server_by_half(c):
    segment(c, 0, B, 7777, A, 9001, SYN | ACK)
    segment(c, 0, A, 9003, B, 9002, SYN)
    segment(c, 0, B, 9002, A, 9003, RST | ACK)
    segment(c, 1, B, 7777, A, 9004, ACK)
    segment(c, 1, B, 9002, A, 9004, ACK)
    c.expect(A, 9001, B, 7777, TCP, (0, 0), (1, 40), **basis_is(3, True))
    c.expect(A, 9003, B, 9002, TCP, (1, 40), (1, 40), **basis_is(2))
    c.expect(B, 7777, A, 9004, TCP, (1, 40), when=(1, 1), **basis_is(1))
    c.expect(B, 9002, A, 9004, TCP, (1, 40), when=(1, 1), **basis_is(1))


@case("direction", "who opens a connection from a port is no server there any more", *SHOWN)
def server_turns_client(c):
    handshake(c, 0, A, 9001, B, 7777)
    handshake(c, 1, B, 7777, A, 9002)
    segment(c, 2, B, 7777, A, 9003, ACK)
    shaken(c, A, 9001, B, 7777, reason=4)
    shaken(c, B, 7777, A, 9002, 1, reason=4)
    c.expect(B, 7777, A, 9003, TCP, (1, 40), when=(2, 2), **basis_is(1))


@case("direction", "two servers: neither is taken for the client of the other", *SHOWN)
def two_servers(c):
    handshake(c, 0, A, 9001, B, 7777)
    handshake(c, 0, B, 9003, A, 9002)
    segment(c, 1, B, 7777, A, 9002, ACK)
    shaken(c, A, 9001, B, 7777, reason=4)
    shaken(c, B, 9003, A, 9002, reason=4)
    c.expect(B, 7777, A, 9002, TCP, (1, 40), when=(1, 1), **basis_is(1))


@case("direction", "who has answered over UDP is the server when the two speak again; another "
      "port of the client is a stranger", *SHOWN)
def udp_answer(c):
    datagram(c, 0, A, 9001, B, 7777)
    datagram(c, 1, B, 7777, A, 9001)
    datagram(c, 60, B, 7777, A, 9001)
    datagram(c, 60, B, 7777, A, 9002)
    c.expect(A, 9001, B, 7777, UDP, (1, 29), (1, 29), when=(0, 1), reason=1, **basis_is(1))
    c.expect(A, 9001, B, 7777, UDP, (0, 0), (1, 29), when=(60, 60), **basis_is(4, True))
    c.expect(B, 7777, A, 9002, UDP, (1, 29), when=(60, 60), **basis_is(1))


@case("direction", "who has answered three clients is a server for all", *SHOWN, workers=False)
def udp_several(c):
    for client in (A, C, D):
        datagram(c, 0, client, 40000, B, 7777)
        datagram(c, 0, B, 7777, client, 40000)
        c.expect(client, 40000, B, 7777, UDP, (1, 29), (1, 29), **basis_is(1))
    datagram(c, 1, B, 7777, E, 9001)
    c.expect(E, 9001, B, 7777, UDP, (0, 0), (1, 29), when=(1, 1), **basis_is(4, True))


@case("direction", "hosts that are equals, asking and answering at one port, are no servers",
      *SHOWN, workers=False)
def udp_equals(c):
    for second, peer in enumerate((A, C, D, E)):
        datagram(c, second, peer, 7777, B, 7777)
        datagram(c, second, B, 7777, peer, 7777)
        c.expect(peer, 7777, B, 7777, UDP, (1, 29), (1, 29), when=(second, second), **basis_is(1))
    datagram(c, 5, B, 7777, "10.0.0.6", 9001)
    c.expect(B, 7777, "10.0.0.6", 9001, UDP, (1, 29), when=(5, 5), **basis_is(1))


@case("direction", "what the protocol says is stronger than what is remembered", *SHOWN)
def protocol_over_memory(c):
    handshake(c, 0, A, 9001, B, 7777)
    message(c, 1, B, 7777, A, 9002, b"GET / HTTP/1.1\r\n")
    shaken(c, A, 9001, B, 7777, reason=4)
    c.expect(B, 7777, A, 9002, TCP, (1, 56), when=(1, 1), **basis_is(5))


@case("direction", "a server remembered is stronger than the ports", *SHOWN)
def memory_over_ports(c):
    handshake(c, 0, A, 443, B, 50000)                   # a client at 443, a server at 50000
    segment(c, 1, B, 50000, A, 8080, ACK)
    shaken(c, A, 443, B, 50000, reason=4)
    c.expect(A, 8080, B, 50000, TCP, (0, 0), (1, 40), when=(1, 1), **basis_is(4, True))


@case("direction", "a registered port against an ephemeral one names the server", *SHOWN)
def registered_port(c):
    segment(c, 0, B, 443, A, 50000, ACK)
    datagram(c, 0, B, 443, A, 50000)
    datagram(c, 0, A, 50001, B, 443)
    c.expect(A, 50000, B, 443, TCP, (0, 0), (1, 40), **basis_is(6, True))
    c.expect(A, 50000, B, 443, UDP, (0, 0), (1, 29), **basis_is(6, True))
    c.expect(A, 50001, B, 443, UDP, (1, 29), **basis_is(6))


@case("direction", "of TCP under way the lower kind of port is the server's; two of a kind, "
      "privileged ones and ftp-data say nothing", *SHOWN)
def kinds_of_ports(c):
    for port, other, says in ((7777, 40000, True), (40000, 50000, True), (8080, 7777, True),
                              (7777, 9001, False), (80, 443, False), (80, 1000, False),
                              (20, 50000, False)):
        segment(c, 0, B, port, A, other, ACK)
        if says:
            c.expect(A, other, B, port, TCP, (0, 0), (1, 40), **basis_is(6, True))
        else:
            c.expect(B, port, A, other, TCP, (1, 40), **basis_is(1))


@case("direction", "of UDP other ports say nothing: its first packet says more", *SHOWN)
def other_ports_of_udp(c):
    for port, other in ((7777, 40000), (40000, 50000), (443, 7777), (7000, 6000)):
        datagram(c, 0, B, port, A, other)
        c.expect(B, port, A, other, UDP, (1, 29), **basis_is(1))


@case("direction", "a SYN overrules the ports, and the flow turns back", *SHOWN)
def syn_over_ports(c):
    segment(c, 0, B, 443, A, 50000, ACK)
    segment(c, 1, B, 443, A, 50000, SYN)
    c.expect(B, 443, A, 50000, TCP, (2, 80), when=(0, 1), **basis_is(2))


@case("direction", "after its first record a flow asks no more: the answer teaches and turns "
      "nothing", *SHOWN, "-t", "10", "-d", "30")
def no_protocol_after_export(c):
    segment(c, 0, B, 7777, A, 9001, ACK)
    message(c, 12, A, 9001, B, 7777, b"GET / HTTP/1.1\r\n")
    c.expect(B, 7777, A, 9001, TCP, (1, 40), reason=2, **basis_is(1))
    c.expect(B, 7777, A, 9001, TCP, (0, 0), (1, 56), when=(12, 12), **basis_is(1))


@case("direction", "--direction first switches all of it off", *SHOWN, "--direction", "first")
def first_asks_nothing(c):
    handshake(c, 0, A, 9001, B, 7777)
    segment(c, 60, B, 7777, A, 9001, FIN | ACK)
    datagram(c, 60, B, 53, A, 53, RESPONSE)
    segment(c, 60, B, 443, A, 50000, ACK)
    c.expect(A, 9001, B, 7777, TCP, (1, 40), (1, 40), reason=1, **basis_is(1))
    c.expect(B, 7777, A, 9001, TCP, (1, 40), when=(60, 60), **basis_is(1))
    c.expect(B, 53, A, 53, UDP, (1, 49), when=(60, 60), **basis_is(1))
    c.expect(B, 443, A, 50000, TCP, (1, 40), when=(60, 60), **basis_is(1))


@case("direction", "servers are remembered in IPv6 as well", *SHOWN)
def server_ipv6(c):
    handshake(c, 0, A6, 9001, B6, 7777)
    segment(c, 60, B6, 7777, A6, 9001, ACK)
    c.expect(A6, 9001, B6, 7777, TCP, (1, 60), (1, 60), reason=1, **basis_is(2))
    c.expect(A6, 9001, B6, 7777, TCP, (0, 0), (1, 60), when=(60, 60), **basis_is(4, True))


@case("direction", "and in any key that has both addresses and ports", *SHOWN, "--no-vlan-key",
      slow=False)
def server_in_another_key(c):
    handshake(c, 0, A, 9001, B, 7777)
    handshake(c, 0, A6, 9001, B6, 7777)
    segment(c, 60, B, 7777, A, 9001, ACK)
    segment(c, 60, B6, 7777, A6, 9001, ACK)
    shaken(c, A, 9001, B, 7777)
    c.expect(A6, 9001, B6, 7777, TCP, (1, 60), (1, 60), reason=1, **basis_is(2))
    c.expect(A, 9001, B, 7777, TCP, (0, 0), (1, 40), when=(60, 60), **basis_is(4, True))
    c.expect(A6, 9001, B6, 7777, TCP, (0, 0), (1, 60), when=(60, 60), **basis_is(4, True))


@case("direction", "a remembered server is forgotten three hours after its last answer", *SHOWN)
def server_forgotten(c):
    handshake(c, 0, A, 9001, B, 7777)
    segment(c, 3 * 3600, B, 7777, A, 9002, ACK)
    segment(c, 3 * 3600 + 1, B, 7777, A, 9003, ACK)
    shaken(c, A, 9001, B, 7777)
    c.expect(A, 9002, B, 7777, TCP, (0, 0), (1, 40), when=(10800, 10800), **basis_is(4, True))
    c.expect(B, 7777, A, 9003, TCP, (1, 40), when=(10801, 10801), **basis_is(1))
