# SPDX-License-Identifier: Apache-2.0
"""What weir makes of export messages that were written octet by octet (export_writer.py).

Expected values are those that were written.
"""
import json

import pytest

from golden import craft
from interop.export_writer import (EXPORT_TIME, REVERSE, VARIABLE, a_set, data, fixed, ip, ipfix,
                                   netflow5, netflow9, options, options9, record5, template,
                                   template9, u8, u16, u32, u64, variable, withdrawal)

FLOW = ((8, 4), (12, 4), (2, 8), (1, 8))        # addresses, packets, octets


def flow(last=1, packets=2, octets=120):
    return ip("192.0.2.1") + ip(f"198.51.100.{last}") + u64(packets) + u64(octets)


class Collected:
    def __init__(self, done, stats):
        self.records = [json.loads(line) for line in done.stdout.splitlines()]
        self.stats = json.loads(stats.read_text())
        self.notes = done.stderr.decode()

    def __getitem__(self, index):
        return self.records[index]

    def by_source(self):
        """Records of different templates come in no particular order."""
        return sorted(self.records, key=lambda record: record.get("sourceIPv4Address", ""))

    def counted(self, part):
        """What is not zero of a part of the account."""
        return {name: value for name, value in self.stats[part].items() if value}


@pytest.fixture
def collect(weir, tmp_path):
    """Collects messages as one file, which is one session over a reliable transport."""
    def run(*messages, options=(), status=0):
        stats = tmp_path / "stats.json"
        done = weir("collect", "-r", "-", "-o", "json:-", "--stats", stats, *options,
                    input=b"".join(messages), text=False)
        assert done.returncode == status, done.stderr.decode()
        got = Collected(done, stats)
        assert got.stats["balanced"] is True
        return got
    return run


def test_fields_of_an_output(weir, tmp_path):
    message = ipfix(template(256, *FLOW), data(256, flow(7)))
    done = weir("collect", "-r", "-", "-o", "json:-?fields=octetDeltaCount,sourceIPv4Address",
                "-o", f"json:{tmp_path / 'all.json'}", input=message, text=False)
    assert done.returncode == 0, done.stderr.decode()
    assert list(json.loads(done.stdout).items()) == [("octetDeltaCount", 120),
                                                     ("sourceIPv4Address", "192.0.2.1")]
    assert "packetDeltaCount" in json.loads((tmp_path / "all.json").read_text())


# --- values ---

def test_a_record_has_what_was_sent(collect):
    got = collect(ipfix(template(256, *FLOW), data(256, flow(7), flow(8, octets=2**63))))
    assert got.records == [
        {"sourceIPv4Address": "192.0.2.1", "destinationIPv4Address": "198.51.100.7",
         "packetDeltaCount": 2, "octetDeltaCount": 120, "observationDomainId": 1},
        {"sourceIPv4Address": "192.0.2.1", "destinationIPv4Address": "198.51.100.8",
         "packetDeltaCount": 2, "octetDeltaCount": 2**63, "observationDomainId": 1}]


VALUES = [
    ("protocolIdentifier", (4, 1), u8(6), 6),
    ("sourceTransportPort", (7, 2), u16(443), 443),
    ("ingressInterface", (10, 4), u32(2**31), 2**31),
    ("octetDeltaCount", (1, 8), u64(2**64 - 1), 2**64 - 1),
    # reduced sizes (RFC 7011, section 6.2), each length there is
    *[("octetDeltaCount", (1, n), (200).to_bytes(n, "big"), 200) for n in range(1, 8)],
    ("ingressInterface", (10, 3), b"\1\2\3", 0x010203),
    ("tcpControlBits", (6, 1), u8(0x12), 0x12),
    ("mibObjectValueInteger", (434, 4), (-5 % 2**32).to_bytes(4, "big"), -5),
    ("mibObjectValueInteger", (434, 1), b"\xfb", -5),
    ("mibObjectValueInteger", (434, 2), b"\x7f\xff", 32767),
    # a number wider than its element, as some NetFlow exporters have it: the nearest that fits
    ("protocolIdentifier", (4, 2), u16(17), 17),
    ("sourceTransportPort", (7, 4), u32(70000), 65535),
    ("samplingProbability", (311, 8), b"\x3f\xe0" + bytes(6), 0.5),
    ("samplingProbability", (311, 4), b"\x3f\x00\0\0", 0.5),
    ("dataRecordsReliability", (276, 1), u8(1), True),
    ("dataRecordsReliability", (276, 1), u8(2), False),
    ("dataRecordsReliability", (276, 1), u8(0), None),
    ("sourceMacAddress", (56, 6), bytes.fromhex("00005e005301"), "00:00:5e:00:53:01"),
    ("sourceIPv6Address", (27, 16), ip("2001:db8::1"), "2001:db8::1"),
    ("flowStartSeconds", (150, 4), u32(1_700_000_000), 1_700_000_000),
    ("flowStartMilliseconds", (152, 8), u64(1_700_000_000_123), 1_700_000_000_123),
    # NTP: seconds since 1900, and a fraction of 2^32; half a second is 0x80000000
    ("flowStartMicroseconds", (154, 8), u32(1_700_000_000 + 2_208_988_800) + u32(0x80000000),
     1_700_000_000_500_000),
    # the low 11 bits are to be ignored (RFC 7011, section 6.1.9)
    ("flowStartMicroseconds", (154, 8), u32(1_700_000_000 + 2_208_988_800) + u32(0x800007ff),
     1_700_000_000_500_000),
    ("flowStartNanoseconds", (156, 8), u32(1_700_000_000 + 2_208_988_800) + u32(0x40000000),
     1_700_000_000_250_000_000),
    # the second era of NTP begins in 2036
    ("flowStartMicroseconds", (154, 8), u32((2_100_000_000 + 2_208_988_800) % 2**32) + u32(0),
     2_100_000_000_000_000),
    ("interfaceName", (82, VARIABLE), variable(b"eth0"), "eth0"),
    ("interfaceName", (82, VARIABLE), variable(b"eth0", long=True), "eth0"),
    ("interfaceName", (82, VARIABLE), variable(b"x" * 254), "x" * 254),
    ("interfaceName", (82, VARIABLE), variable(b"x" * 255), "x" * 255),
    ("interfaceName", (82, VARIABLE), variable(b"x" * 60000), "x" * 60000),
    ("interfaceName", (82, VARIABLE), variable(b""), None),
    ("interfaceName", (82, 8), fixed("eth0", 8), "eth0"),
    ("interfaceName", (82, VARIABLE), variable("Ünï".encode()), "Ünï"),
    ("applicationId", (95, VARIABLE), variable(b"\x0d\0\0\1"), "0d000001"),
    ("applicationId", (95, 4), b"\x0d\0\0\1", "0d000001"),
    # unknown elements, and known ones of impossible length, are kept as octets
    ("e424242id7", (7, 3, 424242), b"\1\2\3", "010203"),
    ("e424242id8", (8, VARIABLE, 424242), variable(b"\1"), "01"),
    ("e0id32000", (32000, 2), b"\xbe\xef", "beef"),
    ("e0id8", (8, 5), b"\1\2\3\4\5", "0102030405"),
    ("e0id1", (1, 9), bytes(8) + b"\1", "000000000000000001"),
    ("e0id152", (152, 4), u32(5), "00000005"),
    # reverse elements: IANA's by RFC 5103, ours and CERT's by a bit of the number
    ("reverseOctetDeltaCount", (1, 4, REVERSE), u32(99), 99),
    ("e29305id148", (148, 8, REVERSE), u64(1), "0000000000000001"),
    ("reverseInitialTCPFlags", (14 | 0x4000, 2, 6871), u16(2), 2),
]


@pytest.mark.parametrize("name, spec, octets, value", VALUES)
def test_value(collect, name, spec, octets, value):
    got = collect(ipfix(template(256, (8, 4), spec, (5, 1)),
                        data(256, ip("192.0.2.9") + octets + u8(17))))
    record = got[0]
    assert record.get(name) == value
    assert record["sourceIPv4Address"] == "192.0.2.9" and record["ipClassOfService"] == 17


def test_several_variable_fields_in_several_records(collect):
    spec = ((82, VARIABLE), (1, 4), (83, VARIABLE), (96, VARIABLE), (4, 1))
    names = [("a", "bb", "ccc"), ("", "x" * 300, "z"), ("q" * 255, "", "")]
    rows = [variable(a.encode()) + u32(n) + variable(b.encode()) + variable(c.encode()) + u8(n)
            for n, (a, b, c) in enumerate(names)]
    got = collect(ipfix(template(256, *spec), data(256, *rows * 50, padding=3)))
    assert len(got.records) == 150
    for n, record in enumerate(got.records):
        a, b, c = names[n % 3]
        assert [record.get(key, "") for key in ("interfaceName", "interfaceDescription",
                                                "applicationName")] == [a, b, c]
        assert record["octetDeltaCount"] == record["protocolIdentifier"] == n % 3


def test_basic_list(collect):
    # RFC 6313: semantic allOf, tcpControlBits of two octets each
    a_list = u8(3) + u16(6) + u16(2) + u16(2) + u16(18)
    got = collect(ipfix(template(256, (8, 4), (291, VARIABLE)),
                        data(256, ip("192.0.2.1") + variable(a_list))))
    assert got[0]["basicList"] == [2, 18]


def test_padding_is_left_out(collect):
    got = collect(ipfix(template(256, (8, 4), (210, 2), (4, 1), (210, VARIABLE), (7, 2)),
                        data(256, ip("192.0.2.1") + u16(0) + u8(6) + variable(b"\0\0") + u16(80))))
    assert got.records == [{"sourceIPv4Address": "192.0.2.1", "protocolIdentifier": 6,
                            "sourceTransportPort": 80, "observationDomainId": 1}]


def test_an_element_twice(collect):
    got = collect(ipfix(template(256, (8, 4), (1, 4), (1, 4)),
                        data(256, ip("192.0.2.1") + u32(5) + u32(6))))
    assert got[0]["octetDeltaCount"] == [5, 6]


def test_an_element_twice_and_one_column(collect):
    got = collect(ipfix(template(256, (8, 4), (1, 4), (1, 4)),
                        data(256, ip("192.0.2.1") + u32(5) + u32(6))),
                  options=["--fields", "octetDeltaCount"])
    assert got.records == [{"octetDeltaCount": 5}]


def test_the_record_says_the_domain_itself(collect):
    got = collect(ipfix(template(256, (149, 4), (130, 4), (258, 8)),
                        data(256, u32(77) + ip("203.0.113.5") + u64(1234)), domain=3))
    assert got.records == [{"observationDomainId": 77, "exporterIPv4Address": "203.0.113.5",
                            "collectionTimeMilliseconds": 1234}]


# --- templates ---

def test_templates_by_domain(collect):
    got = collect(ipfix(template(256, (8, 4)), domain=1), ipfix(template(256, (12, 4)), domain=2),
                  ipfix(data(256, ip("192.0.2.1")), domain=2),
                  ipfix(data(256, ip("192.0.2.2")), domain=1))
    assert got.by_source() == [{"destinationIPv4Address": "192.0.2.1", "observationDomainId": 2},
                               {"sourceIPv4Address": "192.0.2.2", "observationDomainId": 1}]


def test_data_ahead_of_their_template(collect):
    got = collect(ipfix(data(256, flow(1)), sequence=0), ipfix(data(256, flow(2)), sequence=1),
                  ipfix(template(256, *FLOW), data(256, flow(3)), sequence=2))
    assert sorted(record["destinationIPv4Address"] for record in got.records) == [
        "198.51.100.1", "198.51.100.2", "198.51.100.3"]
    assert got.stats["early_sets"] == 2
    assert got.counted("sets") == {"received": 4, "templates": 1, "data": 3}


def test_template_behind_its_data_in_one_message(collect):
    got = collect(ipfix(data(256, flow(1)), template(256, *FLOW)))
    assert len(got.records) == 1


def test_data_whose_template_never_comes(collect):
    got = collect(ipfix(data(256, flow(1)), data(257, flow(1))))
    assert got.records == []
    assert got.counted("sets") == {"received": 2, "unknown_template": 2}


def test_early_data_that_do_not_fit_their_template(collect):
    got = collect(ipfix(data(256, u8(200))), ipfix(template(256, (82, VARIABLE))))
    assert got.records == []
    assert got.counted("sets") == {"received": 2, "templates": 1, "malformed": 1}


def test_withdrawal(collect):
    got = collect(ipfix(template(256, *FLOW), template(257, (8, 4)), data(256, flow(1))),
                  ipfix(withdrawal(256), sequence=1), ipfix(data(256, flow(2)), sequence=1),
                  ipfix(data(257, ip("192.0.2.1")), sequence=2))
    assert len(got.records) == 2
    assert got.counted("templates") == {"defined": 2, "withdrawn": 1}
    assert got.counted("sets")["unknown_template"] == 1


def test_withdrawal_of_all(collect):
    got = collect(ipfix(template(256, *FLOW), template(257, (8, 4)),
                        options(258, [(149, 4)], [(41, 8)])),
                  ipfix(withdrawal(2)), ipfix(data(256, flow(1)), data(257, ip("192.0.2.1"))),
                  ipfix(data(258, u32(1) + u64(2))))
    assert got.records == [] and got.stats["options_records"] == 1
    assert got.counted("templates") == {"defined": 3, "withdrawn": 2}


def test_withdrawal_of_all_options(collect):
    got = collect(ipfix(template(256, *FLOW), options(258, [(149, 4)], [(41, 8)])),
                  ipfix(withdrawal(3, set_id=3)), ipfix(data(256, flow(1))),
                  ipfix(data(258, u32(1) + u64(2))))
    assert len(got.records) == 1 and got.stats["options_records"] == 0


def test_withdrawal_of_what_was_not_defined(collect):
    got = collect(ipfix(withdrawal(300)), ipfix(withdrawal(2)))
    assert got.counted("templates") == {"withdrawals_ignored": 2}


def test_an_id_used_again(collect):
    got = collect(ipfix(template(256, (8, 4)), data(256, ip("192.0.2.1"))),
                  ipfix(withdrawal(256), template(256, (12, 4)), data(256, ip("192.0.2.2"))))
    assert [set(record) - {"observationDomainId"} for record in got.records] == [
        {"sourceIPv4Address"}, {"destinationIPv4Address"}]


def test_withdrawn_and_data_after_in_one_message(collect):
    got = collect(ipfix(template(256, (8, 4)), data(256, ip("192.0.2.1")), withdrawal(256),
                        data(256, ip("192.0.2.2"))))
    assert len(got.records) == 1 and got.counted("sets")["unknown_template"] == 1


def test_a_template_without_octets(collect):
    got = collect(ipfix(template(256, (8, 0), (12, 0)), data(256, bytes(8))))
    assert got.counted("sets") == {"received": 2, "templates": 1, "unusable_template": 1}


def test_reverse_without_a_direction(collect):
    # RFC 5103, section 4: such records SHOULD be dropped
    got = collect(ipfix(template(256, (1, 4), (1, 4, REVERSE)), data(256, u32(1) + u32(2))))
    assert got.records == [] and got.counted("sets")["no_key"] == 1


def test_large_template(collect):
    fields = [(7 + n % 2 * 4, 2) for n in range(400)]
    got = collect(ipfix(template(256, *fields),
                        data(256, b"".join(u16(n) for n in range(400)))))
    assert got[0]["sourceTransportPort"] == list(range(0, 400, 2))
    assert got[0]["destinationTransportPort"] == list(range(1, 400, 2))


def test_many_templates(collect):
    ids = range(256, 2256)
    got = collect(*[ipfix(template(n, *FLOW)) for n in ids],
                  *[ipfix(data(n, flow(n % 256))) for n in ids])
    assert len(got.records) == 2000


# --- what is wrong with a message ---

GOOD = ipfix(template(256, *FLOW), data(256, flow(1)))
FAULTS = {
    "too long for its set": (a_set(256, flow(1))[:-1] + b"", "set_length"),
    "set of less than a header": (b"\1\0\0\3" + bytes(40), "set_length"),
    "set of nothing": (b"\1\0\0\0", "set_length"),
    "set runs over": (b"\1\0\0\x50" + bytes(16), "set_length"),
    "half a set header": (b"\1\0", "set_length"),
    "template cut in its fields": (a_set(2, u16(300) + u16(3) + u16(8) + u16(4)), "template"),
    "template cut in an enterprise": (a_set(2, u16(300) + u16(1) + u16(0x8001) + u16(4) + u16(1)),
                                      "template"),
    "template of a reserved id": (a_set(2, u16(255) + u16(1) + u16(8) + u16(4)), "template"),
    "options without a scope": (a_set(3, u16(300) + u16(1) + u16(0) + u16(41) + u16(8)),
                                "template"),
    "more scopes than fields": (a_set(3, u16(300) + u16(1) + u16(2) + u16(41) + u16(8)),
                                "template"),
    "value runs over its set": (template(301, (82, VARIABLE)) + a_set(301, u8(9) + b"abc"),
                                "record"),
    "long length cut": (template(301, (82, VARIABLE), (83, VARIABLE))
                        + a_set(301, b"\xff\0"), "record"),
    "field behind the variable cut": (template(301, (82, VARIABLE), (1, 8))
                                      + a_set(301, u8(4) + b"abcd" + bytes(7)), "record"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_malformed_message(collect, name):
    """Discarded whole: what stood before the place gives no record, what follows is read."""
    octets, fault = FAULTS[name]
    bad = ipfix(template(256, *FLOW), data(256, flow(1), flow(2)), octets)
    got = collect(GOOD, bad, ipfix(data(256, flow(9)), sequence=1))
    assert [record["destinationIPv4Address"] for record in got.records] == [
        "198.51.100.1", "198.51.100.9"]
    assert got.counted("messages") == {"received": 3, "decoded": 2, fault: 1}
    assert "discarded" in got.notes


def test_a_rollback_takes_whole_batches_back(collect):
    rows = [flow(n % 250) for n in range(2500)]
    bad = ipfix(data(256, *rows[:1400]), b"\1\0\0\3")
    got = collect(ipfix(template(256, *FLOW), data(256, *rows[:20])), bad, bad,
                  ipfix(data(256, *rows[:7]), sequence=20))
    assert [record["destinationIPv4Address"] for record in got.records] == [
        f"198.51.100.{n}" for n in [*range(20), *range(7)]]


def test_reserved_sets_are_passed_over(collect):
    got = collect(ipfix(template(256, *FLOW), a_set(5, bytes(20)), a_set(255, b""), a_set(0, b""),
                        data(256, flow(1))))
    assert len(got.records) == 1 and got.counted("sets")["reserved_set"] == 3


def test_more_zeros_than_padding_may_have(collect):
    got = collect(ipfix(a_set(2, b"\1\0\0\1" + u16(8) + u16(4), padding=12),
                        data(256, ip("192.0.2.1"), padding=3)))
    assert len(got.records) == 1


def test_a_message_of_65535_octets(collect):
    rows = [u8(n % 256) for n in range(65535 - 16 - 12 - 4)]
    message = ipfix(template(256, (4, 1)), data(256, *rows))
    assert len(message) == 65535
    got = collect(message)
    assert [record["protocolIdentifier"] for record in got.records] == [
        n % 256 for n in range(len(rows))]


def test_a_file_that_is_cut(collect):
    got = collect(GOOD, GOOD[:-5], status=1)
    assert len(got.records) == 1 and "cut at byte" in got.notes


def test_a_file_that_ends_in_something_else(collect):
    got = collect(GOOD, b"\0\x0b\0\x20" + bytes(60), status=1)
    assert len(got.records) == 1 and "expected an IPFIX or NetFlow message" in got.notes


# --- sequence numbers ---

def test_gap(collect):
    got = collect(ipfix(template(256, *FLOW), data(256, flow(1), flow(2)), sequence=10),
                  ipfix(data(256, flow(3)), sequence=15), ipfix(data(256, flow(4)), sequence=16))
    assert got.counted("sequence") == {"gaps": 1, "lost": 3}


def test_sequence_wraps(collect):
    got = collect(ipfix(template(256, *FLOW), data(256, flow(1), flow(2)), sequence=2**32 - 1),
                  ipfix(data(256, flow(3)), sequence=1))
    assert got.counted("sequence") == {}


def test_restart(collect):
    got = collect(ipfix(template(256, *FLOW), data(256, flow(1)), sequence=5000),
                  ipfix(template(256, *FLOW), data(256, flow(1)), sequence=0,
                        time=EXPORT_TIME + 60))
    assert got.counted("sequence") == {"restarts": 1}


def test_each_domain_counts_for_itself(collect):
    got = collect(*[ipfix(template(256, *FLOW), data(256, flow(1)), sequence=n * 1000, domain=n)
                    for n in range(1, 4)],
                  *[ipfix(data(256, flow(1)), sequence=n * 1000 + 1, domain=n)
                    for n in range(1, 4)])
    assert got.counted("sequence") == {}


def test_options_data_count_and_templates_do_not(collect):
    got = collect(ipfix(template(256, *FLOW), options(257, [(149, 4)], [(41, 8)]),
                        data(257, u32(1) + u64(3)), data(256, flow(1)), sequence=0),
                  ipfix(data(256, flow(1)), sequence=2))
    assert got.counted("sequence") == {}


def test_sets_that_cannot_be_read_make_no_gap(collect):
    got = collect(ipfix(template(256, *FLOW), data(256, flow(1)), data(300, bytes(40)), sequence=0),
                  ipfix(data(256, flow(1)), sequence=6), ipfix(data(256, flow(1)), sequence=7))
    assert got.counted("sequence") == {}


# --- options data ---

def test_application_names(collect):
    names = options(300, [(95, 4)], [(96, VARIABLE)])
    rows = [b"\x0d\0\0\1" + variable(b"http"), b"\x03\0\0\x35" + variable(b"domain")]
    flows = template(256, (8, 4), (95, 4))
    one = data(256, ip("192.0.2.1") + b"\x0d\0\0\1")
    got = collect(ipfix(flows, one), ipfix(names, data(300, *rows)), ipfix(
        one, data(256, ip("192.0.2.2") + b"\x03\0\0\x35", ip("192.0.2.3") + b"\x01\0\0\x06")))
    assert sorted(str(record.get("applicationName")) for record in got.records) == [
        "None", "None", "domain", "http"]


def test_application_names_of_netflow9(collect):
    got = collect(netflow9(options9(300, [(1, 4)], [(95, 4), (96, 24), (94, 55)])),
                  netflow9(a_set(300, u32(0) + b"\x0d\0\0\1" + fixed("http", 24)
                                 + fixed("the web", 55))),
                  netflow9(template9(256, (8, 4), (95, 4)),
                           a_set(256, ip("192.0.2.1") + b"\x0d\0\0\1")))
    assert got[0]["applicationName"] == "http"


def test_interface_names(collect):
    got = collect(netflow9(options9(300, [(2, 2)], [(82, 16)]),
                           a_set(300, u16(3) + fixed("Gi0/3", 16), u16(4) + fixed("Gi0/4", 16))),
                  netflow9(template9(256, (8, 4), (10, 2), (14, 2)),
                           a_set(256, ip("192.0.2.1") + u16(3) + u16(4),
                                 ip("192.0.2.2") + u16(4) + u16(9))))
    assert [(r.get("ingressInterfaceName"), r.get("egressInterfaceName"))
            for r in got.records] == [("Gi0/3", "Gi0/4"), ("Gi0/4", None)]


SAMPLING_FIELDS = ["--fields", "sourceIPv4Address,samplingPacketInterval,samplingPacketSpace,"
                               "samplingInterval"]


def test_sampling_of_a_domain(collect):
    got = collect(ipfix(options(300, [(149, 4)], [(305, 4), (306, 4)]),
                        data(300, u32(1) + u32(1) + u32(99))),
                  ipfix(template(256, (8, 4)), data(256, ip("192.0.2.1"))),
                  options=SAMPLING_FIELDS)
    assert got.records == [{"sourceIPv4Address": "192.0.2.1", "samplingPacketInterval": 1,
                            "samplingPacketSpace": 99, "samplingInterval": 100}]


def test_sampling_by_selector(collect):
    got = collect(ipfix(options(300, [(302, 8)], [(304, 2), (305, 4), (306, 4)]),
                        data(300, u64(7) + u16(1) + u32(2) + u32(8),
                             u64(8) + u16(1) + u32(1) + u32(3))),
                  ipfix(template(256, (8, 4), (302, 8)),
                        data(256, ip("192.0.2.1") + u64(7), ip("192.0.2.2") + u64(8),
                             ip("192.0.2.3") + u64(9))), options=SAMPLING_FIELDS)
    assert [(r.get("samplingPacketInterval"), r.get("samplingPacketSpace"))
            for r in got.records] == [(2, 8), (1, 3), (None, None)]


def test_sampler_of_netflow9(collect):
    got = collect(netflow9(options9(300, [(1, 4)], [(48, 1), (49, 1), (50, 2)]),
                           a_set(300, u32(0) + u8(5) + u8(2) + u16(1000))),
                  netflow9(template9(256, (8, 4), (48, 1)),
                           a_set(256, ip("192.0.2.1") + u8(5))), options=SAMPLING_FIELDS)
    assert got[0]["samplingInterval"] == 1000 and got[0]["samplingPacketSpace"] == 999


def test_sampling_of_netflow5(collect):
    got = collect(netflow5(record5(), sampling=1 << 14 | 64), options=SAMPLING_FIELDS)
    assert got[0]["samplingInterval"] == 64


def test_common_properties(collect):
    properties = options(300, [(137, 8)], [(10, 4), (4, 1), (82, VARIABLE)])
    got = collect(ipfix(template(256, (8, 4), (137, 8)), data(256, ip("192.0.2.1") + u64(1)),
                        sequence=0),
                  ipfix(properties, data(300, u64(1) + u32(11) + u8(6) + variable(b"one"),
                                         u64(2) + u32(22) + u8(17) + variable(b"two")),
                        sequence=1),
                  ipfix(data(256, ip("192.0.2.2") + u64(2), ip("192.0.2.3") + u64(1),
                             ip("192.0.2.4") + u64(3)), sequence=3))
    assert [(r.get("ingressInterface"), r.get("protocolIdentifier"), r.get("interfaceName"))
            for r in got.records] == [(None, None, None), (22, 17, "two"), (11, 6, "one"),
                                      (None, None, None)]
    assert got[1]["commonPropertiesId"] == 2


def test_common_properties_leave_what_the_collector_knows(datagrams):
    properties = options(300, [(137, 8)], [(4, 1)])
    got = datagrams(ipfix(properties, data(300, u64(1) + u8(6)), template(256, (8, 4), (137, 8)),
                          data(256, ip("192.0.2.1") + u64(1), ip("192.0.2.2") + u64(9))))
    assert [(r["exporterIPv4Address"], r["observationDomainId"], "collectionTimeMilliseconds" in r)
            for r in got.records] == [("203.0.113.1", 1, True)] * 2


def test_common_properties_may_name_the_exporter(datagrams):
    """A mediator tells who exported at first; for records without such properties it is itself."""
    properties = options(300, [(137, 8)], [(130, 4), (149, 4)])
    got = datagrams(ipfix(properties, data(300, u64(1) + ip("198.51.100.77") + u32(5)),
                          template(256, (8, 4), (137, 8)),
                          data(256, ip("192.0.2.1") + u64(1), ip("192.0.2.2") + u64(9))))
    assert [(r["exporterIPv4Address"], r["observationDomainId"]) for r in got.by_source()] == [
        ("198.51.100.77", 5), ("203.0.113.1", 1)]


def test_common_properties_belong_to_their_domain(collect):
    got = collect(*[ipfix(options(300, [(137, 8)], [(10, 4)]), data(300, u64(1) + u32(domain)),
                          template(256, (8, 4), (137, 8)), domain=domain) for domain in (1, 2)],
                  *[ipfix(data(256, ip("192.0.2.1") + u64(1)), sequence=1, domain=domain)
                    for domain in (2, 1)])
    assert [record["ingressInterface"] for record in got.records] == [2, 1]


def test_a_record_wins_over_its_common_properties(collect):
    got = collect(ipfix(options(300, [(137, 8)], [(4, 1)]), data(300, u64(1) + u8(17))),
                  ipfix(template(256, (4, 1), (137, 8)), data(256, u8(6) + u64(1))))
    assert got[0]["protocolIdentifier"] == 6


def element_types(*rows):
    """RFC 5610: enterprise, number; type, semantics, name."""
    told = options(310, [(346, 4), (303, 2)], [(339, 1), (344, 1), (341, VARIABLE)])
    return [told, data(310, *[u32(pen) + u16(number) + u8(kind) + u8(3) + variable(name)
                              for pen, number, kind, name in rows])]


def test_types_of_elements(collect):
    flows = template(256, (8, 4), (1, 4, 424242), (2, VARIABLE, 424242), (3, 4, 424242))
    row = data(256, ip("192.0.2.1") + u32(1000) + variable(b"text") + u32(9))
    got = collect(ipfix(flows, row), ipfix(*element_types(
        (424242, 1, 3, b"boxesSeen"), (424242, 2, 13, b"boxName"), (424242, 3, 3, b"not a name"))),
        ipfix(row))
    assert {k: v for k, v in got[0].items() if k.startswith("e4")} == {
        "e424242id1": "000003e8", "e424242id2": "74657874", "e424242id3": "00000009"}
    assert (got[1]["boxesSeen"], got[1]["boxName"], got[1]["e424242id3"]) == (1000, "text", 9)


@pytest.mark.parametrize("name", [b"octetDeltaCount", b"reverseOctetDeltaCount", b"e5id7", b"",
                                  b"x" * 64, b"a\0b", b'a"b', b"9lives"])
def test_names_that_an_element_cannot_have(collect, name):
    got = collect(ipfix(*element_types((424242, 1, 3, name))),
                  ipfix(template(256, (8, 4), (1, 4, 424242)), data(256, ip("192.0.2.1") + u32(5))))
    assert got[0]["e424242id1"] == 5


def test_the_table_knows_better_than_an_exporter(collect):
    got = collect(ipfix(*element_types((6871, 14, 13, b"liar"), (0, 8, 13, b"liar2"))),
                  ipfix(template(256, (8, 4), (14, 1, 6871)), data(256, ip("192.0.2.1") + u8(2))))
    assert got[0]["initialTCPFlags"] == 2 and got[0]["sourceIPv4Address"] == "192.0.2.1"


def test_options_data_as_records(collect):
    messages = [ipfix(options(300, [(149, 4)], [(41, 8), (42, 8)]),
                      data(300, u32(5) + u64(6) + u64(7)), template(256, (8, 4)),
                      data(256, ip("192.0.2.1")))]
    assert len(collect(*messages).records) == 1
    got = collect(*messages, options=["--options-data"])
    assert {"observationDomainId": 5, "exportedMessageTotalCount": 6,
            "exportedFlowRecordTotalCount": 7} in got.records and len(got.records) == 2


# --- NetFlow ---

def test_netflow5(collect):
    got = collect(netflow5(record5(), record5(src="203.0.113.9", sport=53, protocol=17),
                           nanoseconds=250_000_000, engine=(1, 2)))
    # the header's time is that of its uptime: the flow began 10 s before, and ended 1 s before
    assert got[0] == {
        "sourceIPv4Address": "192.0.2.1", "destinationIPv4Address": "198.51.100.2",
        "ipNextHopIPv4Address": "0.0.0.0", "ingressInterface": 1, "egressInterface": 2,
        "packetDeltaCount": 3, "octetDeltaCount": 180,
        "flowStartMilliseconds": EXPORT_TIME * 1000 + 250 - 10_000,
        "flowEndMilliseconds": EXPORT_TIME * 1000 + 250 - 1_000,
        "sourceTransportPort": 1024, "destinationTransportPort": 80, "tcpControlBits": 0x1b,
        "protocolIdentifier": 6, "ipClassOfService": 0, "bgpSourceAsNumber": 0,
        "bgpDestinationAsNumber": 0, "sourceIPv4PrefixLength": 24,
        "destinationIPv4PrefixLength": 16, "engineType": 1, "engineId": 2,
        "observationDomainId": 258}
    assert got[1]["sourceIPv4Address"] == "203.0.113.9" and got.stats["versions"]["netflow5"] == 1


def test_netflow5_counts_flows(collect):
    got = collect(netflow5(record5(), record5(), sequence=100), netflow5(record5(), sequence=102),
                  netflow5(record5(), sequence=110))
    assert got.counted("sequence") == {"gaps": 1, "lost": 7}


@pytest.mark.parametrize("uptime, first, start", [
    (5_000, 4_000, -1_000), (5_000, 5_020, 20),         # ended just after the header was made
    (1_000, 2**32 - 1_000, -2_000),                     # the uptime has wrapped in between
])
def test_times_by_uptime(collect, uptime, first, start):
    got = collect(netflow5(record5(first=first), uptime=uptime),
                  netflow9(template9(256, (22, 4), (21, 4), (8, 4)),
                           a_set(256, u32(first) + u32(first) + ip("192.0.2.1")), uptime=uptime))
    assert [r["flowStartMilliseconds"] - EXPORT_TIME * 1000 for r in got.records] == [start] * 2


def test_netflow9(collect):
    got = collect(netflow9(template9(256, (8, 4), (12, 4), (1, 4), (2, 4), (33002, 2)),
                           a_set(256, ip("192.0.2.1") + ip("192.0.2.2") + u32(99) + u32(3)
                                 + u16(5), padding=2)))
    assert got.records == [{"sourceIPv4Address": "192.0.2.1", "destinationIPv4Address": "192.0.2.2",
                            "octetDeltaCount": 99, "packetDeltaCount": 3, "e0id33002": "0005",
                            "observationDomainId": 1}]


def test_netflow9_counts_messages(collect):
    one = a_set(256, ip("192.0.2.1"))
    got = collect(netflow9(template9(256, (8, 4)), one, one, sequence=7), netflow9(one, sequence=8),
                  netflow9(one, sequence=12))
    assert got.counted("sequence") == {"gaps": 1, "lost": 3}


def test_netflow9_forgets_templates_when_the_exporter_restarts(collect):
    one = a_set(256, ip("192.0.2.1"))
    got = collect(netflow9(template9(256, (8, 4)), one, sequence=700, uptime=90_000_000),
                  netflow9(one, sequence=0, uptime=1_000, time=EXPORT_TIME + 5),
                  netflow9(template9(256, (12, 4)), sequence=1, uptime=2_000,
                           time=EXPORT_TIME + 6))
    assert [sorted(record)[0] for record in got.by_source()] == ["destinationIPv4Address",
                                                                 "observationDomainId"]
    assert got.stats["sequence"]["restarts"] == 1


def test_zeros_behind_the_last_set_of_netflow9(collect):
    got = collect(netflow9(template9(256, (8, 4)), a_set(256, ip("192.0.2.1")), bytes(400)))
    assert len(got.records) == 1


# --- datagrams: exporters in a capture ---

def in_capture(*datagrams, port=2055):
    """A capture of messages, each one second after the other, or (message, {what is different})."""
    frames = []
    for n, datagram in enumerate(datagrams):
        message, how = datagram if isinstance(datagram, tuple) else (datagram, {})
        source, dport = how.get("source", "203.0.113.1"), how.get("dport", port)
        target = "203.0.113.2" if ":" not in source else "2001:db8::2"
        packet = craft.ether(craft.ip(source, target, craft.udp(how.get("sport", 40000), dport,
                                                                payload=message)))
        time_ns = craft.BASE_NS + round(how.get("at", n) * 10**9)
        frames.append((time_ns, packet, len(packet)))
    return craft.pcap(frames)


@pytest.fixture
def datagrams(collect):
    def run(*messages, options=(), **more):
        return collect(in_capture(*messages, **more), options=options)
    return run


def test_who_sent_it_and_when(datagrams):
    got = datagrams((ipfix(template(256, (8, 4)), data(256, ip("192.0.2.1")), domain=9),
                     {"at": 1.5}), (ipfix(template(256, (8, 4)), data(256, ip("192.0.2.2"))),
                                    {"source": "2001:db8::5", "at": 2}))
    assert got.by_source() == [
        {"sourceIPv4Address": "192.0.2.1", "exporterIPv4Address": "203.0.113.1",
         "observationDomainId": 9, "collectionTimeMilliseconds": craft.BASE_NS // 10**6 + 1500},
        {"sourceIPv4Address": "192.0.2.2", "exporterIPv6Address": "2001:db8::5",
         "observationDomainId": 1, "collectionTimeMilliseconds": craft.BASE_NS // 10**6 + 2000}]
    assert [x["exporter"] for x in got.stats["exporters"]] == ["203.0.113.1", "2001:db8::5"]


def test_sessions_do_not_share_templates(datagrams):
    one = data(256, ip("192.0.2.1"))
    got = datagrams(ipfix(template(256, (8, 4))), (ipfix(one), {"sport": 40001}),
                    (ipfix(one), {"source": "203.0.113.77"}), ipfix(one))
    assert len(got.records) == 1 and got.counted("sets")["unknown_template"] == 2
    assert [(x["exporter"], x["sessions_ever"]) for x in got.stats["exporters"]] == [
        ("203.0.113.77", 1), ("203.0.113.1", 2)]


def test_withdrawals_are_ignored_over_datagrams(datagrams):
    got = datagrams(ipfix(template(256, (8, 4))), ipfix(withdrawal(256), withdrawal(2)),
                    ipfix(data(256, ip("192.0.2.1"))))
    assert len(got.records) == 1
    assert got.counted("templates") == {"defined": 1, "withdrawals_ignored": 2}


def test_templates_are_replaced_over_datagrams(datagrams):
    got = datagrams(ipfix(template(256, (8, 4)), data(256, ip("192.0.2.1"))),
                    ipfix(template(256, (12, 4)), data(256, ip("192.0.2.2")), sequence=1))
    assert {"192.0.2.1"} == {r["sourceIPv4Address"] for r in got.records
                             if "sourceIPv4Address" in r}
    assert {"192.0.2.2"} == {r["destinationIPv4Address"] for r in got.records
                             if "destinationIPv4Address" in r}
    assert got.counted("templates") == {"defined": 2}


def test_templates_have_a_lifetime(datagrams):
    one = data(256, ip("192.0.2.1"))
    lifetime = ["--template-lifetime", "1m"]
    got = datagrams(ipfix(template(256, (8, 4))), (ipfix(one), {"at": 59}),
                    (ipfix(one, sequence=1), {"at": 61}), options=lifetime)
    assert len(got.records) == 1 and got.counted("templates") == {"defined": 1, "expired": 1}
    got = datagrams(ipfix(template(256, (8, 4))), (ipfix(template(256, (8, 4))), {"at": 50}),
                    (ipfix(one), {"at": 109}), options=lifetime)
    assert len(got.records) == 1
    got = datagrams(ipfix(template(256, (8, 4))), (ipfix(one), {"at": 10**6}),
                    options=["--template-lifetime", "off"])
    assert len(got.records) == 1


def test_data_behind_an_expired_template_wait_for_the_next(datagrams):
    one = data(256, ip("192.0.2.1"))
    got = datagrams(ipfix(template(256, (8, 4))), (ipfix(one), {"at": 100}),
                    (ipfix(template(256, (8, 4)), sequence=1), {"at": 101}),
                    options=["--template-lifetime", "1m"])
    assert len(got.records) == 1 and got.stats["early_sets"] == 1


def test_reordering(datagrams):
    flows = template(256, *FLOW)
    messages = [ipfix(flows, data(256, flow(1), flow(2)), sequence=0),
                ipfix(data(256, flow(3), flow(4)), sequence=2),
                ipfix(data(256, flow(5)), sequence=4), ipfix(data(256, flow(6)), sequence=5)]
    got = datagrams(messages[0], messages[2], messages[1], messages[3])
    assert len(got.records) == 6
    assert got.counted("sequence") == {"gaps": 1, "reordered": 1}       # and nothing is lost


def test_any_port_when_it_looks_like_export(datagrams):
    message = ipfix(template(256, (8, 4)), data(256, ip("192.0.2.1")))
    got = datagrams(message, (b"\0\x0a" + bytes(30), {"dport": 53}), (b"GET", {"dport": 53}),
                    (message[:-1], {"dport": 53}), port=12345)
    assert len(got.records) == 1
    assert got.counted("capture") == {"packets": 4, "datagrams": 1, "not_export": 3,
                                      "octets": got.stats["capture"]["octets"]}


def test_on_the_usual_ports_everything_is_judged(datagrams):
    got = datagrams(b"GET / HTTP/1.1\r\n\r\n", b"", b"\0", b"\0\x0a\0\x10", port=4739)
    assert got.counted("messages") == {"received": 3, "version": 1, "too_short": 2}
    assert got.stats["capture"]["not_export"] == 1              # a datagram without octets


def test_filter(collect):
    messages = in_capture(*[(ipfix(template(256, (8, 4)), data(256, ip("192.0.2.1"))),
                             {"source": f"203.0.113.{n}"}) for n in (1, 5)])
    got = collect(messages, options=["src host 203.0.113.5"])
    assert [record["exporterIPv4Address"] for record in got.records] == ["203.0.113.5"]
    assert got.stats["capture"]["filtered"] == 1


@pytest.mark.parametrize("message, fault", [
    (netflow5(record5(), count=2), "count"),
    (netflow9(b"\1\0\0\3"), "set_length"), (netflow9(b"\1\0\0\x40" + bytes(9)), "set_length"),
    (netflow9(a_set(0, u16(256) + u16(9) + u16(8) + u16(4))), "template"),
    (netflow9(a_set(1, u16(256) + u16(3) + u16(4) + bytes(8))), "template"),
])
def test_malformed_netflow(datagrams, message, fault):
    """As a datagram in a capture: NetFlow says its length nowhere else."""
    got = datagrams(message)
    assert got.counted("messages") == {"received": 1, fault: 1} and not got.records
