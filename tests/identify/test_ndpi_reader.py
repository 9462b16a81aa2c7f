# SPDX-License-Identifier: Apache-2.0
"""The application of each flow against ndpiReader's answer: run here on the project's captures, and
as recorded for third-party ones. What differs, and why, stands in docs/applications.md."""
import json

import pytest
from reader import (Comparison, Flow, compare, flow_of_expected, flow_of_line, ndpi_reader,
                    weir_flows, weir_records)

SHARE_EQUAL = 0.99
# Flows that only one of the two has: ndpiReader looks into no GTP, weir does with --tunnels.
OTHER_FLOWS = {"ja3_lots_of_cipher_suites_2_anon.pcap"}


def own_captures(captures):
    names = ("*.pcap", "*.pcapng")
    return sorted(path for name in names for path in captures.glob(name))


def describe(comparison):
    return [(sorted(e.ends), e.application, g.application) for e, g in comparison.different]


def assert_equal(total, flows):
    assert total.compared >= flows
    assert total.equal >= SHARE_EQUAL * total.compared, describe(total)


@pytest.mark.ndpi
def test_live_on_own_captures(weir, tool, captures):
    total = Comparison()
    for capture in own_captures(captures):
        total.add(compare(ndpi_reader(tool("ndpiReader"), capture), weir_flows(weir, capture)))
    assert_equal(total, 90)
    assert not total.missing


@pytest.mark.ndpi
def test_live_on_third_party_captures(weir, tool, data_dir):
    total = Comparison()
    for capture in sorted([*data_dir.glob("ndpi/*cap*"), *data_dir.glob("snabbwall/*cap")]):
        one = compare(ndpi_reader(tool("ndpiReader"), capture), weir_flows(weir, capture))
        assert not one.missing or capture.name in OTHER_FLOWS, capture.name
        total.add(one)
    assert_equal(total, 1500)


@pytest.mark.ndpi
def test_recorded_answers(weir, data_dir):
    total = Comparison()
    for name, capture in json.loads((data_dir / "ndpi/expected.json").read_text()).items():
        expected = [flow_of_expected(entry) for entry in capture["flows"] if entry["proto"]]
        one = compare(expected, weir_flows(weir, data_dir / "ndpi" / name))
        assert not one.missing or name in OTHER_FLOWS, name
        total.add(one)
    assert_equal(total, 1500)


# Names that an older libndpi gave, and what 4.2 (ndpiReader, too) answers. Of the last one each
# name was a flow's: RTCP goes by its port now, H.323 is taken for Cassandra.
SPY_NAMES = {"MAIL_IMAP": "IMAP", "POSTGRES": "PostgreSQL", "TEAMSPEAK": "Viber",
             "RTCP": "TargusDataspeed", "H323": "Cassandra"}


@pytest.mark.ndpi
def test_expected_by_spies(weir, data_dir):
    lacking = []
    for expected in sorted(data_dir.glob("snabbwall/*.spy.expect")):
        capture = expected.with_name(expected.name.removesuffix(".spy.expect"))
        found = {name.upper() for flow in weir_flows(weir, capture)
                 for name in flow.application.split(".")}
        lacking += [(capture.name, word) for word in expected.read_text().split()
                    if SPY_NAMES.get(word, word).upper() not in found]
    assert lacking == []


# ---- twins: the comparison sees what it should ------------------------------------------------

LINE = ("\t1\tTCP 192.0.2.2:42016 <-> 192.0.2.1:443 [proto: 91.126/TLS.Google][Encrypted]"
        "[Confidence: DPI][cat: Web/5][15 pkts/1861 bytes <-> 28 pkts/29469 bytes]"
        "[Hostname/SNI: www.example.net]")


def test_reads_lines():
    assert flow_of_line(LINE) == Flow("TCP", frozenset(("192.0.2.2:42016", "192.0.2.1:443")),
                                      "TLS.Google", "DPI", "www.example.net")


def test_sees_a_wrong_answer():
    expected = [flow_of_line(LINE)]
    wrong = [flow_of_line(LINE.replace("TLS.Google", "TLS"))]
    assert compare(expected, wrong).different == [(expected[0], wrong[0])]
    assert compare(expected, expected).equal == 1
    assert compare(expected, []).missing == expected
    assert compare([], expected).extra == expected


@pytest.mark.parametrize("backend, names", [
    ("port", {"domain"}), pytest.param("ndpi", {"DNS"}, marks=pytest.mark.ndpi)])
def test_backends(weir, captures, backend, names):
    records = weir_records(weir, captures / "dns.pcap", "--identify", backend, "udp and port 53")
    assert {record["applicationName"] for record in records} == names
