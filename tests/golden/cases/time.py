# SPDX-License-Identifier: Apache-2.0
"""Rows on time: start and end, idle and active timeout, emission, end of file, defaults."""
from case import case
from craft import ACK, SYN, TCP, UDP, ip, tcp, udp

A, B, X, Y = "10.0.0.1", "10.0.0.2", "10.0.0.8", "10.0.0.9"
MICROSECOND = 0.000001


def there(c, *times):
    for seconds in times:
        c.send(seconds, ip(A, B, udp(1000, 53, 10)))


def back(c, *times):
    for seconds in times:
        c.send(seconds, ip(B, A, udp(53, 1000, 20)))


def record(c, forward, reverse=0, **more):
    c.expect(A, 1000, B, 53, UDP, (forward, 38 * forward), (reverse, 48 * reverse), **more)


@case("start-and-end", "start and end are the smallest and largest times, whatever the order")
def time_goes_back(c):
    there(c, 10, 9.5, 9.7)
    record(c, 3, when=(9.5, 10))


@case("start-and-end", "one packet: start is end")
def one_packet(c):
    there(c, 3.000001)
    record(c, 1, when=(3.000001, 3.000001))


@case("start-and-end", "microseconds are kept")
def microseconds(c):
    there(c, 0.000001, 0.999999)
    record(c, 2, when=(0.000001, 0.999999))


@case("idle", "a packet less than the idle timeout after the last belongs to the record",
      "-d", "10")
def idle_just_before(c):
    there(c, 0, 10 - MICROSECOND)
    record(c, 2, when=(0, 10 - MICROSECOND))


@case("idle", "exactly the idle timeout after the last opens the next record", "-d", "10")
def idle_exactly(c):
    there(c, 0, 10)
    record(c, 1, reason=1)
    record(c, 1, when=(10, 10))


@case("idle", "it is the gap that counts, and packets of either direction end it", "-d", "10")
def idle_is_a_gap(c):
    there(c, 0, 16)
    back(c, 8)
    c.frames.sort()
    record(c, 2, 1, when=(0, 16))


@case("idle", "after idle the flow is new: who speaks first then is its source", "-d", "10")
def idle_new_flow(c):
    there(c, 0)
    back(c, 20)
    there(c, 21)
    record(c, 1, reason=1)
    c.expect(B, 53, A, 1000, UDP, (1, 48), (1, 38), when=(20, 21))


@case("idle", "a largest time that lies before the last packet's is the one that counts",
      "-d", "10", "-t", "off")
def idle_from_largest(c):
    there(c, 5, 4.5, 14.75)
    record(c, 3, when=(4.5, 14.75))


@case("idle", "off: no gap is too long", "-d", "off", "-t", "off")
def timers_off(c):
    there(c, 0, 4000, 8000)
    record(c, 3, when=(0, 8000))


@case("active", "less than the active timeout after the start belongs to the record",
      "-t", "60", "-d", "30")
def active_just_before(c):
    there(c, 0, 20, 40, 60 - MICROSECOND)
    record(c, 4, when=(0, 60 - MICROSECOND))


@case("active", "exactly the active timeout after the start opens the next record",
      "-t", "60", "-d", "30")
def active_exactly(c):
    there(c, 0, 20, 40, 60)
    record(c, 3, when=(0, 40), reason=2)
    record(c, 1, when=(60, 60))


@case("active",
      "the flow goes on after it: the direction stays, although the other side speaks first",
      "-t", "60", "-d", "30")
def active_keeps_direction(c):
    there(c, 0, 20, 40)
    back(c, 60)
    record(c, 3, when=(0, 40), reason=2)
    record(c, 0, 1, when=(60, 60))


@case("active", "each record's time counts from its own start", "-t", "60", "-d", "30")
def active_again(c):
    there(c, *range(0, 201, 25))
    record(c, 3, when=(0, 50), reason=2)
    record(c, 3, when=(75, 125), reason=2)
    record(c, 3, when=(150, 200))


@case("active", "the start is the smallest time of the record", "-t", "60", "-d", "off")
def active_from_smallest(c):
    there(c, 10, 9.5, 69.75)
    record(c, 2, when=(9.5, 10), reason=2)
    record(c, 1, when=(69.75, 69.75))


@case("active", "a tie of idle and active is active", "-d", "10", "-t", "10")
def tie(c):
    there(c, 0)
    back(c, 10)
    record(c, 1, reason=2)
    c.expect(B, 53, A, 1000, UDP, (1, 48), when=(10, 10))


@case("active",
      "the earlier of the two names the reason: active before idle; the gap was idle too, "
      "so the flow is new", "-t", "60", "-d", "30")
def active_then_idle(c):
    there(c, 0, 25, 50)
    back(c, 85)
    record(c, 3, when=(0, 50), reason=2)
    c.expect(B, 53, A, 1000, UDP, (1, 48), when=(85, 85))


@case("active", "the earlier of the two names the reason: idle before active",
      "-t", "60", "-d", "30")
def idle_then_active(c):
    there(c, 0, 20)
    back(c, 70)
    record(c, 2, when=(0, 20), reason=1)
    c.expect(B, 53, A, 1000, UDP, (1, 48), when=(70, 70))


@case("active", "active before idle with a gap that is not idle: the flow goes on",
      "-t", "60", "-d", "30")
def active_in_gap(c):
    there(c, 0, 25, 50)
    back(c, 75)
    record(c, 3, when=(0, 50), reason=2)
    record(c, 0, 1, when=(75, 75))


@case("active",
      "an active timeout shorter than idle in a quiet flow: reason 2, and it goes on until "
      "it is idle", "-d", "30", "-t", "5")
def active_shorter(c):
    there(c, 0)
    back(c, 10)
    there(c, 45)
    record(c, 1, reason=2)
    record(c, 0, 1, when=(10, 10), reason=2)
    record(c, 1, when=(45, 45))


@case("emission",
      "another flow's packets move the clock, but a record is cut by its own packets alone",
      "-d", "10")
def cut_by_own_packets(c):
    there(c, 0)
    c.send(9.9, ip(X, Y, udp(1, 2)))
    there(c, 9.999999)
    c.send(19.999998, ip(X, Y, udp(1, 2)))
    c.send(20.5, ip(X, Y, udp(1, 2)))
    there(c, 19.999998)                                 # 0.5 s late, within the reorder window
    record(c, 3, when=(0, 19.999998))
    c.expect(X, 1, Y, 2, UDP, (1, 28), when=(9.9, 9.9), reason=1)
    c.expect(X, 1, Y, 2, UDP, (2, 56), when=(19.999998, 20.5))


@case("emission", "where time goes back far, records may be cut otherwise, but the sums are exact",
      "-d", "10", "-t", "20", slow=False)
def far_back(c):
    times = [0, 100, 50, 5, 101, 60, 200, 1]
    there(c, *times)

    def sums(records, run):
        assert sum(record["packetDeltaCount"] for record in records) == len(times)
        assert sum(record["octetDeltaCount"] for record in records) == len(times) * 38
        assert all(record["flowStartMicroseconds"] <= record["flowEndMicroseconds"]
                   for record in records)
    c.check(sums)


@case("end-of-file", "timers run to the last time, then what is left is forced out")
def timers_run(c):
    there(c, 0)
    c.send(30, ip(X, Y, udp(1, 2)))
    record(c, 1, reason=1)
    c.expect(X, 1, Y, 2, UDP, (1, 28), when=(30, 30), reason=4)


@case("end-of-file", "just short of the idle timeout it is a forced end")
def timers_run_short(c):
    there(c, 0)
    c.send(30 - MICROSECOND, ip(X, Y, udp(1, 2)))
    record(c, 1, reason=4)
    c.expect(X, 1, Y, 2, UDP, (1, 28), when=(30 - MICROSECOND, 30 - MICROSECOND), reason=4)


@case("end-of-file", "the active timeout runs to the last time, too", "-d", "off", "-t", "120")
def active_at_end(c):
    there(c, 0, 100)
    c.send(120, ip(X, Y, udp(1, 2)))
    record(c, 2, when=(0, 100), reason=2)
    c.expect(X, 1, Y, 2, UDP, (1, 28), when=(120, 120), reason=4)


@case("end-of-file",
      "a finished connection still in its linger is forced out, a lingered one is not")
def linger_at_end(c):
    for seconds, port in ((0, 1000), (4, 1001)):
        c.send(seconds, ip(A, B, tcp(port, 80, 4)))
    c.send(5, ip(X, Y, udp(1, 2)))
    c.expect(A, 1000, B, 80, TCP, (1, 40), reason=3)
    c.expect(A, 1001, B, 80, TCP, (1, 40), when=(4, 4), reason=4)
    c.expect(X, 1, Y, 2, UDP, (1, 28), when=(5, 5))


@case("end-of-file", "an empty capture gives no record and balanced accounts")
def empty(c):
    c.account(seen=0, metered=0)


@case("defaults", "idle is 30 s by default")
def default_idle(c):
    there(c, 0, 30 - MICROSECOND, 60 - MICROSECOND)
    record(c, 2, when=(0, 30 - MICROSECOND), reason=1)
    record(c, 1, when=(60 - MICROSECOND, 60 - MICROSECOND))


@case("defaults", "active is 120 s by default")
def default_active(c):
    there(c, 0, 25, 50, 75, 100, 120 - MICROSECOND, 120)
    record(c, 6, when=(0, 120 - MICROSECOND), reason=2)
    record(c, 1, when=(120, 120))


@case("defaults", "the linger is 5 s by default")
def default_linger(c):
    c.send(0, ip(A, B, tcp(1000, 80, SYN)))
    c.send(1, ip(B, A, tcp(80, 1000, 4 | ACK)))
    c.send(6 - MICROSECOND, ip(A, B, tcp(1000, 80, ACK)))
    c.send(11 - MICROSECOND, ip(A, B, tcp(1000, 80, ACK)))
    c.expect(A, 1000, B, 80, TCP, (2, 80), (1, 40), when=(0, 6 - MICROSECOND), reason=3)
    c.expect(A, 1000, B, 80, TCP, (1, 40), when=(11 - MICROSECOND, 11 - MICROSECOND))


@case("end-of-file", "-c ends time with the last packet that it lets through", "-c", "1",
      slow=False)
def count_ends_time(c):
    there(c, 0, 100)
    c.account(seen=1, metered=1)
    record(c, 1)
