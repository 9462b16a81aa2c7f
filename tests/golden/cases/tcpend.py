# SPDX-License-Identifier: Apache-2.0
"""Row "TCP end": what a FIN, a RST and a new SYN do."""
from case import case
from craft import ACK, FIN, PSH, RST, SYN, TCP, ip, tcp

A, B = "10.0.0.1", "10.0.0.2"


def client(c, seconds, flags, payload_bytes=0):
    c.send(seconds, ip(A, B, tcp(1000, 80, flags, payload_bytes)))


def server(c, seconds, flags, payload_bytes=0):
    c.send(seconds, ip(B, A, tcp(80, 1000, flags, payload_bytes)))


def record(c, forward, reverse, **more):
    """Packets without payload."""
    c.expect(A, 1000, B, 80, TCP, (forward, 40 * forward), (reverse, 40 * reverse), **more)


def handshake(c, start=0.0):
    client(c, start, SYN)
    server(c, start + 0.1, SYN | ACK)
    client(c, start + 0.2, ACK)


def close(c, start=1.0):
    client(c, start, FIN | ACK)
    server(c, start + 0.1, FIN | ACK)


@case("tcp-end",
      "after FIN from both sides the last ACK still belongs to the record; it leaves with "
      "reason 3 the linger after its last packet")
def fin_both(c):
    handshake(c)
    close(c)
    client(c, 1.2, ACK)
    client(c, 7, ACK)
    record(c, 4, 2, when=(0, 1.2), reason=3, tcpControlBits=SYN | ACK | FIN,
           reverseTcpControlBits=SYN | ACK | FIN)
    record(c, 1, 0, when=(7, 7), tcpControlBits=ACK)


@case("tcp-end", "each packet within the linger prolongs it; exactly the linger ends it",
      "--tcp-linger", "5")
def linger_boundary(c):
    handshake(c)
    close(c)                                            # last at 1.1
    client(c, 6.099999, ACK)
    server(c, 11.099998, ACK)
    client(c, 16.099998, ACK)
    record(c, 4, 3, when=(0, 11.099998), reason=3)
    record(c, 1, 0, when=(16.099998, 16.099998))


@case("tcp-end", "a FIN from one side ends nothing: the other may go on for long")
def half_closed(c):
    handshake(c)
    client(c, 1, FIN | ACK)
    for seconds in (10, 20, 30):
        server(c, seconds, ACK)
    record(c, 3, 4, when=(0, 30))


@case("tcp-end", "two FINs of one side are not FINs of both")
def fin_twice(c):
    handshake(c)
    client(c, 1, FIN | ACK)
    client(c, 2, FIN | ACK)
    server(c, 10, ACK)
    record(c, 4, 2, when=(0, 10))


@case("tcp-end", "RST from either side ends the flow after the linger")
def reset(c):
    handshake(c)
    server(c, 1, RST)
    client(c, 6, ACK)
    record(c, 2, 2, when=(0, 1), reason=3, reverseTcpControlBits=SYN | ACK | RST)
    record(c, 1, 0, when=(6, 6))


@case("tcp-end", "a refused connection: SYN, RST")
def refused(c):
    client(c, 0, SYN)
    server(c, 0.1, RST | ACK)
    client(c, 10, ACK)
    record(c, 1, 1, when=(0, 0.1), reason=3)
    record(c, 1, 0, when=(10, 10))


@case("tcp-end", "data after RST starts no new flow")
def data_after_reset(c):
    handshake(c)
    client(c, 1, RST)
    server(c, 1.1, ACK | PSH, 100)
    c.expect(A, 1000, B, 80, TCP, (3, 120), (2, 40 + 140), when=(0, 1.1))


@case("tcp-end", "a SYN after both FINs starts a new flow at once, whatever the linger")
def reused(c):
    handshake(c)
    close(c)
    client(c, 1.3, SYN)
    server(c, 1.4, SYN | ACK)
    record(c, 3, 2, when=(0, 1.1), reason=3)
    record(c, 1, 1, when=(1.3, 1.4))


@case("tcp-end", "a SYN after one FIN does as well")
def reused_after_one_fin(c):
    handshake(c)
    server(c, 1, FIN | ACK)
    client(c, 1.1, SYN)
    record(c, 2, 2, when=(0, 1), reason=3)
    record(c, 1, 0, when=(1.1, 1.1))


@case("tcp-end",
      "a SYN after RST does as well, from the other side too: it is the new flow's source",
      "--tcp-linger", "1h")
def reused_after_reset(c):
    handshake(c)
    client(c, 1, RST)
    server(c, 2, SYN)
    record(c, 3, 1, when=(0, 1), reason=3)
    c.expect(B, 80, A, 1000, TCP, (1, 40), when=(2, 2))


@case("tcp-end",
      "a SYN after FIN that comes when the idle timeout has passed: the record had ended by "
      "then, and its own times name the reason")
def reused_after_idle(c):
    handshake(c)
    client(c, 1, FIN | ACK)
    client(c, 31, SYN)
    record(c, 3, 1, when=(0, 1), reason=1)
    record(c, 1, 0, when=(31, 31))


@case("tcp-end",
      "the same for the active timeout, and it makes no difference that other packets move "
      "the clock on before", "-t", "10", "-d", "60")
def reused_after_active(c):
    handshake(c)
    client(c, 1, FIN | ACK)
    for seconds in (5, 15, 25):
        c.send(seconds, ip("10.0.0.8", "10.0.0.9", tcp(1, 2, ACK)))
    client(c, 31, SYN)
    record(c, 3, 1, when=(0, 1), reason=2)
    record(c, 1, 0, when=(31, 31))
    for seconds, reason in ((5, 2), (15, 2), (25, 4)):
        c.expect("10.0.0.8", 1, "10.0.0.9", 2, TCP, (1, 40), when=(seconds, seconds), reason=reason)


@case("tcp-end", "a SYN-ACK after FIN starts nothing: only a SYN without ACK does")
def syn_ack_after_fin(c):
    handshake(c)
    client(c, 1, FIN | ACK)
    server(c, 1.1, SYN | ACK)
    record(c, 3, 2, when=(0, 1.1))


@case("tcp-end", "a SYN in a flow without FIN or RST is a retransmission of its first")
def syn_again(c):
    handshake(c)
    client(c, 1, SYN)
    record(c, 3, 1, when=(0, 1))


@case("tcp-end", "linger 0: the record leaves at once, and the last ACK is a flow of its own",
      "--tcp-linger", "0")
def linger_zero(c):
    handshake(c)
    close(c)
    client(c, 1.2, ACK)
    record(c, 3, 2, when=(0, 1.1), reason=3)
    record(c, 1, 0, when=(1.2, 1.2))


@case("tcp-end", "linger 0 after RST", "--tcp-linger", "0")
def linger_zero_reset(c):
    handshake(c)
    server(c, 1, RST)
    server(c, 1, RST)
    record(c, 2, 2, when=(0, 1), reason=3)
    record(c, 0, 1, when=(1, 1), reason=3)              # its handshake has shown who the server is


@case("tcp-end", "linger off: a TCP end closes nothing, not even with a new SYN",
      "--tcp-linger", "off")
def linger_off(c):
    handshake(c)
    close(c)
    client(c, 1.2, ACK)
    handshake(c, 10)
    server(c, 11, RST)
    client(c, 30, SYN)
    record(c, 7, 4, when=(0, 30))


@case("tcp-end", "until the linger has passed only the linger applies: no idle timeout within it",
      "--tcp-linger", "20", "-d", "3", "-t", "10")
def linger_alone(c):
    handshake(c)
    close(c)                                            # last at 1.1
    client(c, 16, ACK)
    client(c, 30, ACK)
    client(c, 50, ACK)
    record(c, 5, 2, when=(0, 30), reason=3)
    record(c, 1, 0, when=(50, 50))


@case("tcp-end", "the ends that were seen belong to the flow, not to the record: an active timeout "
      "between the two FINs changes nothing", "-t", "10", "-d", "30")
def fin_across_records(c):
    handshake(c)
    client(c, 5, FIN | ACK)
    server(c, 12, FIN | ACK)
    client(c, 18, ACK)
    record(c, 3, 1, when=(0, 5), reason=2)
    record(c, 0, 1, when=(12, 12), reason=3)
    record(c, 1, 0, when=(18, 18))
