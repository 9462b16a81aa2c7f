# SPDX-License-Identifier: Apache-2.0
"""The comparisons themselves must be able to fail: each is given a planted fault and has to see
it."""
import copy

import compare
import craft
import slow_meter
from craft import ACK, FIN, SYN, icmp, ip, tcp, udp

A, B = "10.0.0.1", "10.0.0.2"


def conversation():
    packets = [ip(A, B, tcp(1000, 80, SYN)), ip(B, A, tcp(80, 1000, SYN | ACK)),
               ip(A, B, tcp(1000, 80, ACK, 100)), ip(B, A, tcp(80, 1000, FIN | ACK)),
               ip(A, B, udp(2000, 53, 10)), ip(A, B, icmp(8)), ip(B, A, icmp(0))]
    return [(craft.at(i), craft.ether(packet), 14 + len(packet))
            for i, packet in enumerate(packets)]


def records():
    return slow_meter.run(conversation())[0]


def counted_twice():
    """What a meter gives that counts the third frame two times."""
    frames = conversation()
    return slow_meter.run(frames[:3] + frames[2:])[0]


def test_equal_is_equal():
    assert not compare.differences(records(), records())
    assert not compare.differences(records(), records()[::-1])
    assert not compare.multiset_differences(records(), records()[::-1])
    assert not compare.sum_differences(compare.sums_by_key(records()),
                                       compare.sums_by_key(records()))


def test_a_packet_counted_twice():
    assert compare.differences(records(), counted_twice())
    assert compare.multiset_differences(records(), counted_twice())
    found = compare.sum_differences(compare.sums_by_key(records()),
                                    compare.sums_by_key(counted_twice()))
    assert len(found) == 1 and "packets=2" in found[0] and "packets=3" in found[0]


def test_a_packet_counted_twice_is_not_accounted_for():
    stats = {"packets": {"seen": 7, "metered": 7}, "octets": {"seen": 1, "metered": 1},
             "balanced": True}
    assert not compare.unaccounted(stats, records())
    assert compare.unaccounted(stats, counted_twice())


def test_every_field_of_a_record_counts():
    for name, value in records()[0].items():
        wrong = copy.deepcopy(records())
        wrong[0][name] = "x" if isinstance(value, str) else (value or 0) + 1
        assert compare.differences(records(), wrong), name
        assert compare.multiset_differences(records(), wrong), name


def test_a_record_too_few_or_too_many():
    assert compare.differences(records(), records()[1:])
    assert compare.differences(records()[1:], records())
    assert compare.differences(records(), records() + records()[:1])
    assert compare.multiset_differences(records(), records() + records()[:1])


def test_directions_are_not_confused():
    turned = records()
    row = turned[0]
    for one, other in (("packetDeltaCount", "reversePacketDeltaCount"),
                       ("octetDeltaCount", "reverseOctetDeltaCount")):
        row[one], row[other] = row[other], row[one]
    assert compare.sum_differences(compare.sums_by_key(records()), compare.sums_by_key(turned))


def test_sums_do_not_depend_on_who_is_source():
    turned = records()
    row = turned[0]
    for one, other in (("packetDeltaCount", "reversePacketDeltaCount"),
                       ("octetDeltaCount", "reverseOctetDeltaCount"),
                       ("sourceIPv4Address", "destinationIPv4Address"),
                       ("sourceTransportPort", "destinationTransportPort")):
        row[one], row[other] = row[other], row[one]
    assert not compare.sum_differences(compare.sums_by_key(records()), compare.sums_by_key(turned))


def test_absent_fields_that_must_be_absent():
    assert compare.differences([{"vlanId": 0, "dot1qCustomerVlanId": None}],
                               [{"vlanId": 0, "dot1qCustomerVlanId": 0}])


def test_accounts_that_do_not_add_up():
    good = {"packets": {"seen": 3, "metered": 2, "not_ip": 1},
            "octets": {"seen": 300, "metered": 200, "not_ip": 100}, "balanced": True}
    assert not compare.unbalanced(good)
    for unit in ("packets", "octets"):
        for name in ("seen", "metered", "not_ip"):
            wrong = copy.deepcopy(good)
            wrong[unit][name] += 1
            assert compare.unbalanced(wrong), (unit, name)
    assert compare.unbalanced({**good, "balanced": False})
    assert compare.unbalanced({**good, "balanced": None})
