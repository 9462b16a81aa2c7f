# SPDX-License-Identifier: Apache-2.0
"""What weir collects, written elsewhere: fixed columns, chosen fields, IPFIX and NetFlow again.

Messages are written octet by octet, what comes out is read by readers that share nothing with weir.
"""
import csv
import io
import struct

import pytest

from interop.export_writer import (REVERSE, VARIABLE, data, ip, ipfix, options, template, u8, u16,
                                   u32, u64, variable)
from interop.ipfix_reader import Session
from interop.peers import datagrams, udp_collector
from interop.test_collect import collect                # noqa: F401 (a fixture)

V4 = template(256, (8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 8), (2, 8), (1, 8, REVERSE),
              (2, 8, REVERSE), (152, 8), (153, 8))
V6 = template(257, (27, 16), (28, 16), (1, 8), (82, VARIABLE), (3, 4, 424242))
START = 1_700_000_000_000


def v4(n=1, back=(2, 900)):
    return (ip("192.0.2.1") + ip("198.51.100.2") + u16(1000 + n) + u16(80) + u8(6) + u64(500)
            + u64(5) + u64(back[1]) + u64(back[0]) + u64(START) + u64(START + 1500))


def v6(name=b"eth0"):
    return ip("2001:db8::1") + ip("2001:db8::2") + u64(77) + variable(name) + u32(9)


MESSAGE = ipfix(V4, V6, data(256, v4(1), v4(2, (0, 0))), data(257, v6()), domain=5)


@pytest.fixture
def written(weir, tmp_path):
    def run(address, *more, message=MESSAGE):
        path = tmp_path / "in.ipfix"
        path.write_bytes(message)
        done = weir("collect", "-r", path, "-o", address, *more)
        assert done.returncode == 0, done.stderr
        return done.stdout
    return run


def test_csv_has_the_usual_columns_of_every_record(written):
    rows = list(csv.DictReader(io.StringIO(written("csv:-"))))
    assert [row["sourceIPv4Address"] or row["sourceIPv6Address"] for row in rows] == [
        "192.0.2.1", "192.0.2.1", "2001:db8::1"]
    assert [row["octetDeltaCount"] for row in rows] == ["500", "500", "77"]
    assert [row["reverseOctetDeltaCount"] for row in rows] == ["900", "0", ""]
    assert rows[0]["flowStartMicroseconds"] == str(START * 1000)        # from milliseconds
    assert {row["observationDomainId"] for row in rows} == {"5"}


def test_chosen_fields_in_their_order(written):
    out = written("csv:-", "--fields", "octetDeltaCount,flowEndSeconds,interfaceName")
    end = START // 1000 + 1
    assert out.splitlines() == ["octetDeltaCount,flowEndSeconds,interfaceName",
                                f"500,{end},", f"500,{end},", "77,,eth0"]


def test_fields_of_one_output(written, tmp_path):
    out = written("json:-?fields=octetDeltaCount", "-o", f"json:{tmp_path}/all.json")
    assert out.splitlines() == ['{"octetDeltaCount":500}'] * 2 + ['{"octetDeltaCount":77}']
    assert "reverseOctetDeltaCount" in (tmp_path / "all.json").read_text()


def test_unknown_field(weir, tmp_path):
    path = tmp_path / "in.ipfix"
    path.write_bytes(MESSAGE)
    done = weir("collect", "-r", path, "-o", "json:-", "--fields", "octetDeltaCont")
    assert done.returncode == 2 and "octetDeltaCount" in done.stderr and not done.stdout


def test_sort(written):
    rows = [v4(n) for n in (3, 1, 2)]
    late = template(258, (7, 2), (154, 8))
    ntp = START // 1000 + 2_208_988_800
    message = ipfix(V4, late, data(258, u16(9) + u32(ntp + 1) + u32(0)), data(256, *rows),
                    data(258, u16(8) + u32(ntp - 1) + u32(0)))
    out = written("csv:-", "--sort", "--fields", "sourceTransportPort", message=message)
    assert out.split()[1:] == ["8", "1001", "1002", "1003", "9"]


def test_relayed_as_ipfix(written, tmp_path):
    written(f"ipfix:{tmp_path}/out.ipfix")
    session = Session()
    session.file((tmp_path / "out.ipfix").read_bytes())
    four = [record for record in session.records if record.get("sourceIPv4Address")]
    six = [record for record in session.records if record.get("sourceIPv6Address")]
    assert len(four) == 2 and len(six) == 1
    assert four[0]["reverse octetDeltaCount"] == 900 and four[0]["observationDomainId"] == 5
    assert six[0]["interfaceName"] == "eth0"
    assert six[0]["e424242id3"] == u32(9)               # what nobody knows goes on as it came


def test_relayed_over_udp_as_templates_come(written):
    """Templates that are first seen in the middle of a run are announced before their data."""
    with udp_collector() as collector:
        port = collector.getsockname()[1]
        later = [ipfix(template(300 + n, (8, 4), (2, n)), data(300 + n, ip("192.0.2.9") + bytes(n)),
                       domain=5, sequence=3 + n) for n in range(1, 9)]
        written(f"ipfix+udp://127.0.0.1:{port}", message=MESSAGE + b"".join(later))
        session = Session()
        for octets in datagrams(collector):
            session.message(octets)
    assert len(session.records) == 11


def test_options_data_go_on_when_asked(written, tmp_path):
    message = ipfix(options(300, [(149, 4)], [(41, 8)]), data(300, u32(5) + u64(6)))
    written(f"ipfix:{tmp_path}/out.ipfix", "--options-data", message=message)
    session = Session()
    session.file((tmp_path / "out.ipfix").read_bytes())
    assert (5, 6) in [(record.get("observationDomainId"), record.get("exportedMessageTotalCount"))
                      for record in session.options]


FIVE = struct.Struct("!4s4s4sHHIIIIHHBBBBHHBBH")


def netflow5_records(octets):
    version, count, uptime, seconds, nanoseconds = struct.unpack_from("!HHIII", octets)
    assert version == 5 and len(octets) == 24 + 48 * count
    boot = seconds * 1000 + nanoseconds // 10**6 - uptime
    for n in range(count):
        (src, dst, _, _, _, packets, total, first, last, sport, dport, _, _, protocol, *_) = (
            FIVE.unpack_from(octets, 24 + 48 * n))
        yield (src, dst, sport, dport, protocol, packets, total, boot + first, boot + last)


def test_relayed_as_netflow5(written):
    """A biflow becomes two flows; one without an answer stays one, and IPv6 cannot be said."""
    with udp_collector() as collector:
        port = collector.getsockname()[1]
        written(f"netflow5+udp://127.0.0.1:{port}")
        flows = [flow for octets in datagrams(collector) for flow in netflow5_records(octets)]
    a, b, times = ip("192.0.2.1"), ip("198.51.100.2"), (START, START + 1500)
    assert sorted(flow[:7] for flow in flows) == sorted([
        (a, b, 1001, 80, 6, 5, 500), (b, a, 80, 1001, 6, 2, 900), (a, b, 1002, 80, 6, 5, 500)])
    assert all(abs(flow[7] - times[0]) <= 1 and abs(flow[8] - times[1]) <= 1 for flow in flows)


def test_relayed_as_netflow9_and_collected_again(written, weir, tmp_path):
    with udp_collector() as collector:
        port = collector.getsockname()[1]
        written(f"netflow9+udp://127.0.0.1:{port}")
        sent = datagrams(collector)
    assert all(octets[:2] == b"\0\x09" for octets in sent)
    again = tmp_path / "again.netflow9"
    again.write_bytes(b"".join(sent))
    out = weir("collect", "-r", again, "-o", "csv:-", "--fields",
               "sourceIPv4Address,sourceIPv6Address,sourceTransportPort,octetDeltaCount").stdout
    assert sorted(out.splitlines()[1:]) == sorted([
        "192.0.2.1,,1001,500", "198.51.100.2,,80,900", "192.0.2.1,,1002,500",
        ",2001:db8::1,0,77"])           # a template has no absent values: the port is 0


def test_without_its_ends_nothing_is_left_half_done(weir, tmp_path):
    path, out = tmp_path / "in.ipfix", tmp_path / "out.json"
    path.write_bytes(MESSAGE)
    done = weir("collect", "-r", path, "-o", f"json:{out}", "-o", "nonsense:x")
    assert done.returncode == 2 and not out.exists()
