# SPDX-License-Identifier: Apache-2.0
"""Several meters at once (`meters:` in the configuration): a packet counts in each whose filter
takes it, each has its key, values, timers and outputs, and an account of its own.

Expectations are written here by hand or come from the slow meter, which is given, for each meter,
the packets that a predicate in Python chooses; weir chooses them by BPF.
"""
import copy
import ipaddress
import json
import random

import pytest

import compare
import craft
import slow_meter
import traffic
from runner import meter, weir

A, B, C = "10.0.0.1", "10.0.1.2", "10.9.0.3"
A6, B6 = "2001:db8::1", "2001:db8::2"


@pytest.fixture
def run(tmp_path):
    """Runs weir on packets ((seconds, IP packet) each) with a configuration."""
    def start(packets, text, *more, **options):
        frames = [(craft.at(seconds), craft.ether(packet)) for seconds, packet in packets]
        (tmp_path / "in.pcap").write_bytes(
            craft.pcap([(time, octets, len(octets)) for time, octets in frames]))
        (tmp_path / "weir.yaml").write_text(text)
        return meter(tmp_path / "in.pcap", "-f", tmp_path / "weir.yaml", *more, **options)
    return start


def udp(source, destination, ports=(1000, 53), octets=10):
    return craft.ip(source, destination, craft.udp(*ports, octets))


def tcp(source, destination, ports=(1000, 80), flags=16):
    return craft.ip(source, destination, craft.tcp(*ports, flags))


def by_meter(records):
    """Records without the number of their meter, by it."""
    result = {}
    for record in records:
        record = dict(record)
        result.setdefault(record.pop("meteringProcessId"), []).append(record)
    return result


def counts(stats):
    return {name: (m["packets"], m["ip_octets"]) for name, m in stats["meters"].items()}


def check_accounts(stats):
    assert compare.unbalanced(stats) == []
    for name, one in stats["meters"].items():
        assert one["packets"] == one["record_packets"], name
        assert one["ip_octets"] == one["record_ip_octets"], name
    assert stats["records"] == sum(m["records"] for m in stats["meters"].values())


# ---- by hand ----

MIXED = [(0, udp(A, B)), (1, tcp(A, B)), (2, udp(A6, B6)), (3, craft.ip(A, B, craft.icmp(8))),
         (4, tcp(B, A, (80, 1000)))]
THREE = """
meters:
- name: udp
  filter: udp
- name: four
  filter: ip
- name: tcp
  filter: tcp
"""


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_packet_counts_in_each_that_takes_it(run, workers):
    done = run(MIXED, THREE, "-j", workers)
    found = by_meter(done.records)
    assert {number: len(records) for number, records in found.items()} == {1: 2, 2: 3, 3: 1}
    assert found[3][0]["packetDeltaCount"] == found[3][0]["reversePacketDeltaCount"] == 1
    assert counts(done.stats) == {"udp": (2, 38 + 58), "four": (4, 38 + 40 + 28 + 40),
                                  "tcp": (2, 80)}
    # the IPv6 datagram counts once, the echo request once, both segments twice: five in all
    assert done.stats["packets"]["metered"] == 5
    assert done.stats["metered_ip_octets"] == 38 + 40 + 58 + 28 + 40
    check_accounts(done.stats)


def test_what_no_meter_takes_is_filtered(run):
    done = run(MIXED, "meters:\n- {name: a, filter: udp}\n- {name: b, filter: host " + C + "}\n")
    assert done.stats["packets"]["metered"] == 2 and done.stats["packets"]["filtered"] == 3
    assert counts(done.stats) == {"a": (2, 96), "b": (0, 0)}
    check_accounts(done.stats)


def test_the_common_filter_narrows_all(run):
    done = run(MIXED, "filter: ip\n" + THREE)
    assert counts(done.stats) == {"udp": (1, 38), "four": (4, 146), "tcp": (2, 80)}
    assert done.stats["packets"]["filtered"] == 1
    done = run(MIXED, THREE, "icmp or tcp")
    assert counts(done.stats) == {"udp": (0, 0), "four": (3, 108), "tcp": (2, 80)}
    check_accounts(done.stats)


def test_filters_see_tagged_packets_alike(run, tmp_path):
    """One filter speaks of VLANs and one does not: each keeps its own view of the tags."""
    frames = [craft.ether(craft.tag(5, udp(A, B)), 0x8100), craft.ether(udp(A, B))]
    (tmp_path / "in.pcap").write_bytes(
        craft.pcap([(craft.at(0), octets, len(octets)) for octets in frames]))
    (tmp_path / "weir.yaml").write_text("filter: udp\nmeters:\n- {name: tag, filter: vlan 5}\n"
                                        "- {name: all}\n")
    done = meter(tmp_path / "in.pcap", "-f", tmp_path / "weir.yaml")
    assert counts(done.stats) == {"tag": (1, 38), "all": (2, 76)}


def test_key_and_values_are_the_columns_in_their_order(run):
    done = run([(0, udp(A, B)), (1, udp("10.0.0.77", B)), (2, udp(A, C))], """
meters:
- name: nets
  key: [sourceIPv4Address/24, destinationIPv4Address/16, protocolIdentifier]
  values: [packetDeltaCount, octetDeltaCount, flowEndReason]
""")
    names = ["sourceIPv4Prefix", "sourceIPv4PrefixLength", "destinationIPv4Prefix",
             "destinationIPv4PrefixLength", "protocolIdentifier", "packetDeltaCount",
             "octetDeltaCount", "flowEndReason"]
    rows = [list(record.items()) for record in done.records]
    assert sorted(rows) == sorted(list(zip(names, values)) for values in (
        ("10.0.0.0", 24, "10.0.0.0", 16, 17, 2, 76, 4),
        ("10.0.0.0", 24, "10.9.0.0", 16, 17, 1, 38, 4)))


def test_values_of_the_standard_key(run):
    done = run([(0, udp(A, B)), (1, udp(B, A, (53, 1000), 30))],
               "meters:\n- {name: x, values: 'octetDeltaCount, reverseOctetDeltaCount'}\n")
    record, = done.records
    assert list(record.items()) == [
        ("vlanId", 0), ("sourceIPv4Address", A), ("destinationIPv4Address", B),
        ("protocolIdentifier", 17), ("sourceTransportPort", 1000),
        ("destinationTransportPort", 53), ("octetDeltaCount", 38), ("reverseOctetDeltaCount", 58)]


def test_values_may_be_changes(run):
    plain, = run([(0, udp(A, B))], "").records
    changed, = run([(0, udp(A, B))],
                   "meters:\n- {name: x, values: [+flowId, -vlanId, -flowEndReason]}\n").records
    assert set(changed) == set(plain) - {"vlanId", "flowEndReason"} | {"flowId"}


def test_flow_ids_differ_between_meters(run):
    done = run(MIXED, "fields: [flowId, meteringProcessId]\nmeters: [{name: a}, {name: b}]\n")
    ids = [record["flowId"] for record in done.records]
    assert len(ids) == 8 == len(set(ids))


def test_timers_and_direction_of_each(run):
    packets = [(0, udp(B, A, (53, 1000))), (5, udp(A, B)), (8, tcp(A, B, flags=2))]
    done = run(packets, """
idle-timeout: 3s
meters:
- {name: short, filter: udp}
- {name: long, filter: udp, idle-timeout: off, active-timeout: off}
- {name: active, filter: udp, idle-timeout: off, active-timeout: 4s}
""")
    found = by_meter(done.records)
    assert [(r["packetDeltaCount"], r["flowEndReason"]) for r in found[1]] == [(1, 1), (1, 1)]
    assert [(r["packetDeltaCount"] + r["reversePacketDeltaCount"], r["flowEndReason"])
            for r in found[2]] == [(2, 4)]
    assert [r["flowEndReason"] for r in found[3]] == [2, 4]
    check_accounts(done.stats)


def test_the_command_line_wins(run):
    text = "meters:\n- {name: x, idle-timeout: 3s}\n"
    packets = [(0, udp(A, B)), (5, udp(A, B))]
    assert len(run(packets, text).records) == 2
    assert len(run(packets, text, "-d", "10s").records) == 1


def test_one_meter_may_make_uniflows(run):
    packets = [(0, udp(A, B)), (1, udp(B, A, (53, 1000)))]
    done = run(packets, "meters: [{name: two, uniflow: true}, {name: one}]\n", "-j", 2)
    found = by_meter(done.records)
    assert sorted(r["sourceIPv4Address"] for r in found[1]) == [A, B]
    assert [r["reversePacketDeltaCount"] for r in found[2]] == [1]
    check_accounts(done.stats)


def test_vlans_in_one_key_only(run, tmp_path):
    frames = [craft.ether(craft.tag(vlan, udp(A, B)), 0x8100) for vlan in (5, 6)]
    (tmp_path / "in.pcap").write_bytes(
        craft.pcap([(craft.at(0), octets, len(octets)) for octets in frames]))
    (tmp_path / "weir.yaml").write_text("meters: [{name: a}, {name: b, vlan-key: no}]\n")
    done = meter(tmp_path / "in.pcap", "-f", tmp_path / "weir.yaml")
    assert sorted((number, len(r)) for number, r in by_meter(done.records).items()) == [
        (1, 2), (2, 1)]


def test_outputs_of_their_own(run, tmp_path):
    one, all_, both = tmp_path / "one.json", tmp_path / "all.csv", tmp_path / "both.json"
    text = f"""
output: csv:{all_}
meters:
- {{name: udp, filter: udp, output: ["json:{one}", "json:{both}"]}}
- {{name: tcp, filter: tcp, output: ["json:{both}"], values: [octetDeltaCount]}}
- {{name: rest}}
"""
    (tmp_path / "in.pcap").write_bytes(craft.pcap(
        [(craft.at(s), craft.ether(p), len(p) + 14) for s, p in MIXED]))
    (tmp_path / "weir.yaml").write_text(text)
    stats = weir("meter", "-r", tmp_path / "in.pcap", "-f", tmp_path / "weir.yaml",
                 stats=True).stats
    assert len(one.read_text().splitlines()) == 2
    assert len(all_.read_text().splitlines()) == 1 + 4
    records = [json.loads(line) for line in both.read_text().splitlines()]
    assert sorted(r["protocolIdentifier"] for r in records) == [6, 17, 17]
    assert {name: o["accepted"] for name, o in stats["outputs"].items()} == {
        f"json:{one}": 2, f"json:{both}": 3, f"csv:{all_}": 4}
    check_accounts(stats)


def test_fields_of_an_output_hold_for_all_meters(run, tmp_path):
    out = tmp_path / "out.json"
    text = f"""
output: ["json:-", "json:{out}?fields=meteringProcessId,octetDeltaCount"]
meters: [{{name: a, values: [packetDeltaCount]}}, {{name: b}}]
"""
    (tmp_path / "in.pcap").write_bytes(craft.pcap(
        [(craft.at(s), craft.ether(p), len(p) + 14) for s, p in MIXED]))
    (tmp_path / "weir.yaml").write_text(text)
    done = weir("meter", "-r", tmp_path / "in.pcap", "-f", tmp_path / "weir.yaml")
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert {tuple(record) for record in records} == {("meteringProcessId", "octetDeltaCount")}
    assert sorted(r["meteringProcessId"] for r in records) == [1] * 4 + [2] * 4
    assert len({tuple(record) for record in done.records}) > 1


def test_one_table_of_csv_is_for_one_layout(run, tmp_path):
    done = run(MIXED, "output: csv:-\nmeters: [{name: a, values: [octetDeltaCount]}, {name: b}]\n",
               "-o", "csv:" + str(tmp_path / "x.csv"), status=2)
    assert b"csv has one header a file" in done.messages


def test_sorting_is_by_meter(run):
    one, two = (run(MIXED, THREE, "--sort", "-j", workers) for workers in (1, 2))
    assert one.output == two.output
    for records in by_meter(one.records).values():
        starts = [record["flowStartMicroseconds"] for record in records]
        assert starts == sorted(starts)


def test_a_key_without_both_addresses_takes_one_worker(run):
    text = "meters: [{name: a}, {name: b, key: [sourceIPv4Address]}]\n"
    done = run(MIXED, text, "-j", 2)
    assert b"one worker is used" in done.messages
    check_accounts(done.stats)


# ---- random traffic, by the slow meter ----

def any_packet(packet):
    return True


def of_host(packet):
    return ipaddress.ip_address("10.0.0.1").packed in (packet.source, packet.destination)


CHOICES = [(None, any_packet), ("tcp", lambda p: p.protocol == 6),
           ("ip6", lambda p: len(p.source) == 16), ("host 10.0.0.1", of_host),
           ("not udp", lambda p: p.protocol != 17), ("ip or icmp6", lambda p: len(p.source) == 4
                                                     or p.protocol == 58)]


def slow_meters(frames, meters):
    """Records of each meter and what each took, by the slow meter; and what any took."""
    parser, taken, metered = slow_meter.Parser(), [[] for _ in meters], 0
    slow = [slow_meter.Meter(**timers) for _, _, timers in meters]
    for time_ns, octets, wire in frames:
        packet = parser.parse(time_ns, octets, wire, 1)
        takers = [i for i, (_, wants, _) in enumerate(meters) if wants(packet)]
        metered += bool(takers)
        for one in slow:
            one.time = max(one.time, time_ns)
        for i in takers:
            slow[i].packet(packet)
            taken[i].append(packet.octets)
    return ({i + 1: one.finish() for i, one in enumerate(slow)},
            {"m%d" % i: (len(octets), sum(octets)) for i, octets in enumerate(taken)}, metered)


def written(meters):
    """The configuration."""
    lines = ["meters:"]
    for i, (text, _, timers) in enumerate(meters):
        lines.append("- name: m%d" % i)
        lines += ["  filter: " + text] if text else []
        for name, key in (("idle-timeout", "idle"), ("active-timeout", "active"),
                          ("tcp-linger", "linger")):
            value = timers[key]
            lines.append("  %s: %s" % (name, "off" if value is None else value))
        lines.append("  direction: " + timers["direction"])
    return "\n".join(lines) + "\n"


def chosen(seed):
    chance = random.Random(seed)
    choices = chance.sample(CHOICES, chance.randint(2, 4))
    return [(text, wants, traffic.timers(chance)) for text, wants in choices]


def wrong_records(expected, records):
    found = by_meter(records)
    return [line for number in expected
            for line in compare.differences(expected[number], found.get(number, []))]


@pytest.mark.parametrize("seed", range(24))
def test_random_traffic(seed, tmp_path):
    meters, frames = chosen(seed), traffic.Traffic(seed, 200).frames
    expected, took, metered = slow_meters(frames, meters)
    (tmp_path / "in.pcap").write_bytes(craft.pcap(frames))
    (tmp_path / "weir.yaml").write_text(written(meters))
    done = meter(tmp_path / "in.pcap", "-f", tmp_path / "weir.yaml", "-j", 1 + seed % 3)
    assert wrong_records(expected, done.records) == []
    assert counts(done.stats) == took
    assert done.stats["packets"]["metered"] == metered
    check_accounts(done.stats)


def test_a_record_in_the_wrong_meter_would_be_seen(tmp_path):
    """The twin of the test above."""
    meters, frames = chosen(0), traffic.Traffic(0, 50).frames
    expected, _, _ = slow_meters(frames, meters)
    records = [dict(copy.deepcopy(row), meteringProcessId=number)
               for number, rows in expected.items() for row in rows]
    assert wrong_records(expected, records) == []
    records[0]["meteringProcessId"] = 3 - min(records[0]["meteringProcessId"], 2)
    assert wrong_records(expected, records) != []
