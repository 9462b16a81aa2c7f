# SPDX-License-Identifier: Apache-2.0
"""Common properties (RFC 5473): resolved by this script, records are what they are without."""
import json
import subprocess

import pytest

from interop import traffic
from interop.ipfix_reader import Session
from interop.peers import datagrams, in_a_capture, udp_collector


@pytest.fixture(scope="module")
def sent():
    return traffic.standard(3000)


def resolved(session):
    """Every record with its properties in the place of their id. Ids are of the domain, and must be
    known when they are used: that is what reading in order shows."""
    properties, records = {}, []
    for message in session.messages:
        for record in message.records:
            values = dict(record.values)
            number = values.pop("commonPropertiesId", None)
            if record.scope and number is not None:
                assert properties.setdefault(number, values) == values
            elif number is not None:
                records.append(values | properties[number])
            elif not record.scope:
                records.append(values)
    return records


def ordered(records):
    return sorted(sorted(record.items()) for record in records)


def run(weir, capture, path, *more):
    stats = path.with_suffix(".json")
    done = weir("meter", "-r", capture, *traffic.OPTIONS, "-o", f"ipfix:{path}{''.join(more)}",
                "--stats", stats)
    assert done.returncode == 0, done.stderr
    session = Session()
    session.file(path.read_bytes())
    account, = json.loads(stats.read_text())["outputs"].values()
    return session, account


def test_same_records(weir, capture, tmp_path):
    plain, _ = run(weir, capture, tmp_path / "plain.ipfix")
    common, account = run(weir, capture, tmp_path / "common.ipfix", "?reduce=common")
    assert ordered(resolved(common)) == ordered(dict(r.values) for r in plain.records)
    assert all(r.get("commonPropertiesId") for r in common.records)
    saved = ((tmp_path / "plain.ipfix").stat().st_size
             - (tmp_path / "common.ipfix").stat().st_size)
    # headers of messages are not in the figure
    assert saved > 0 and abs(account["saved_octets"] - saved) < 0.1 * saved


def test_not_asked_for(weir, capture, tmp_path):
    _, account = run(weir, capture, tmp_path / "plain.ipfix")
    assert "saved_octets" not in account


@pytest.mark.parametrize("mtu", [300, 1500])
def test_udp(weir, capture, sent, tool, tmp_path, mtu):
    """Sequence numbers count properties too, and tshark finds nothing malformed."""
    with udp_collector() as collector:
        done = weir("meter", "-r", capture, *traffic.OPTIONS, "-o",
                    f"ipfix+udp://127.0.0.1:{collector.getsockname()[1]}?reduce=common&mtu={mtu}")
        assert done.returncode == 0, done.stderr
        session, messages = Session(), datagrams(collector)
    for octets in messages:
        session.message(octets)
    assert len(resolved(session)) == len(sent.biflows)
    path = tmp_path / "datagrams.pcap"
    path.write_bytes(in_a_capture(messages))
    bad = subprocess.run([tool("tshark"), "-r", str(path), "-Y",
                          "_ws.malformed || cflow.unexpected_sequence_number || !cflow"],
                         capture_output=True, text=True, timeout=60, check=True)
    assert bad.stdout == ""


def test_other_word(weir, capture, tmp_path):
    done = weir("meter", "-r", capture, "-o", f"ipfix:{tmp_path}/x?reduce=all")
    assert done.returncode == 2 and 'reduce is "all", expected common' in done.stderr
