# SPDX-License-Identifier: Apache-2.0
"""Records as json, csv and table, read back by Python's own readers and compared with what the
capture was made of; files that are replaced, compressed, rotated and reopened; disks that are full,
pipes that are closed; the table on terminals of several widths.

Every expectation is computed here from the frames that the test made."""
import csv
import datetime
import fcntl
import gzip
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import pytest

import craft
from craft import ACK, FIN, PSH, SYN

# Each conversation: name → (end, end, protocol, vlans), then its frames as (seconds, direction,
# frame).
WEB = ("192.0.2.1", 50000, "198.51.100.7", 443)
DNS = ("2001:db8::1", 5353, "2001:db8:1111:2222:3333:4444:5555:6666", 53)
TAGGED = ("10.0.0.1", 1000, "10.0.0.2", 2000)


def conversation():
    """(frames, expected records by (source, destination)). Octets are those of the IP packets."""
    frames, expected = [], {}

    def send(seconds, packet, vlans=()):
        frame = craft.ether(packet)
        if vlans:
            body = craft.tag(vlans[-1], packet)
            for vlan in reversed(vlans[:-1]):
                body = craft.tag(vlan, body, 0x8100)
            frame = craft.ether(body, 0x8100)
        frames.append((craft.at(seconds), frame, len(frame)))

    a, ap, b, bp = WEB
    for i, (out, flags, octets) in enumerate([(1, SYN, 0), (0, SYN | ACK, 0), (1, ACK, 0),
                                              (1, PSH | ACK, 100), (0, ACK, 1400),
                                              (1, FIN | ACK, 0)]):
        send(i * 0.5, craft.ip(a, b, craft.tcp(ap, bp, flags, octets)) if out else
             craft.ip(b, a, craft.tcp(bp, ap, flags, octets)))
    expected[a, b] = dict(
        sourceIPv4Address=a, destinationIPv4Address=b, protocolIdentifier=6, sourceTransportPort=ap,
        destinationTransportPort=bp, vlanId=0, packetDeltaCount=4, octetDeltaCount=4 * 40 + 100,
        reversePacketDeltaCount=2, reverseOctetDeltaCount=2 * 40 + 1400,
        tcpControlBits=SYN | ACK | PSH | FIN, reverseTcpControlBits=SYN | ACK,
        flowStartMicroseconds=craft.at(0) // 1000, flowEndMicroseconds=craft.at(2.5) // 1000)

    a, ap, b, bp = DNS
    send(3, craft.ip(a, b, craft.udp(ap, bp, 30)))
    expected[a, b] = dict(
        sourceIPv6Address=a, destinationIPv6Address=b, protocolIdentifier=17,
        sourceTransportPort=ap, destinationTransportPort=bp,
        vlanId=0, packetDeltaCount=1, octetDeltaCount=40 + 8 + 30,
        reversePacketDeltaCount=0, reverseOctetDeltaCount=0,
        flowStartMicroseconds=craft.at(3) // 1000, flowEndMicroseconds=craft.at(3) // 1000)

    a, ap, b, bp = TAGGED
    send(4, craft.ip(a, b, craft.udp(ap, bp, 10)), (100, 7))
    send(4.25, craft.ip(b, a, craft.udp(bp, ap, 20)), (100, 7))
    expected[a, b] = dict(
        sourceIPv4Address=a, destinationIPv4Address=b, protocolIdentifier=17,
        sourceTransportPort=ap, destinationTransportPort=bp,
        vlanId=100, dot1qCustomerVlanId=7,
        packetDeltaCount=1, octetDeltaCount=20 + 8 + 10,
        reversePacketDeltaCount=1, reverseOctetDeltaCount=20 + 8 + 20,
        flowStartMicroseconds=craft.at(4) // 1000, flowEndMicroseconds=craft.at(4.25) // 1000)

    send(5, craft.ip("192.0.2.1", "192.0.2.2", craft.icmp(8, 0, 56)))
    expected["192.0.2.1", "192.0.2.2"] = dict(
        sourceIPv4Address="192.0.2.1", destinationIPv4Address="192.0.2.2", protocolIdentifier=1,
        icmpTypeCodeIPv4=8 << 8, packetDeltaCount=1, octetDeltaCount=84)
    return frames, expected


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "talk.pcap"
    path.write_bytes(craft.pcap(conversation()[0]))
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def ends(record):
    return (record.get("sourceIPv4Address") or record["sourceIPv6Address"],
            record.get("destinationIPv4Address") or record["destinationIPv6Address"])


def check(records):
    """Every conversation is there once, with every expected value."""
    expected = conversation()[1]
    assert sorted(map(ends, records)) == sorted(expected)
    for record in records:
        for name, value in expected[ends(record)].items():
            assert record[name] == value, (name, record)


def run(weir, capture, *arguments, status=0):
    done = weir("meter", "-r", capture, "-d", "off", "-t", "off", *arguments)
    assert done.returncode == status, done
    return done


# --- json -----------------------------------------------------------------------------------------

def test_json_is_what_was_sent(weir, capture):
    done = run(weir, capture, "-o", "json:-")
    check([json.loads(line) for line in done.stdout.splitlines()])


def test_json_leaves_out_what_is_absent(weir, capture):
    records = [json.loads(line) for line in run(weir, capture, "-o", "json:-").stdout.splitlines()]
    by_ends = {ends(record): record for record in records}
    web, dns = by_ends[WEB[0], WEB[2]], by_ends[DNS[0], DNS[2]]
    assert "sourceIPv6Address" not in web and "dot1qCustomerVlanId" not in web
    assert "icmpTypeCodeIPv4" not in web
    assert "sourceIPv4Address" not in dns and "tcpControlBits" not in dns
    assert all(value is not None for record in records for value in record.values())


def test_json_numbers_of_64_bits_as_texts(weir, capture):
    done = run(weir, capture, "-o", "json:-?int64=string")
    for line in done.stdout.splitlines():
        record = json.loads(line)
        for name in ("flowStartMicroseconds", "octetDeltaCount", "reversePacketDeltaCount"):
            assert isinstance(record[name], str) and re.fullmatch("[0-9]+", record[name])
        for name in ("protocolIdentifier", "sourceTransportPort", "vlanId"):
            assert isinstance(record[name], int)
    check([{name: int(value) if isinstance(value, str) and value.isdigit() else value
            for name, value in json.loads(line).items()} for line in done.stdout.splitlines()])


# --- csv ------------------------------------------------------------------------------------------

def typed(row):
    """A row of csv as json would have it."""
    return {name: int(value) if value.isdigit() else value for name, value in row.items() if value}


def test_csv_is_what_was_sent(weir, capture):
    done = run(weir, capture, "-o", "csv:-")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline=""), strict=True))
    assert all(None not in row and None not in row.values() for row in rows)
    check([typed(row) for row in rows])


def test_csv_has_the_chosen_columns_in_order(weir, capture):
    chosen = ["octetDeltaCount", "sourceIPv6Address", "reversePacketDeltaCount"]
    done = run(weir, capture, "-o", "csv:-", "--fields", ",".join(chosen))
    rows = list(csv.reader(io.StringIO(done.stdout, newline="")))
    assert rows[0] == chosen
    assert sorted(row[1] for row in rows[1:]) == ["", "", "", DNS[0]]


def test_fields_of_one_output(weir, capture, here):
    """A list in an address is that output's; changes go on top of what --fields says."""
    run(weir, capture, "--fields", "sourceTransportPort,octetDeltaCount,vlanId",
        "-o", "json:plain.json", "-o", "json:less.json?fields=-vlanId,%2BflowEndReason",
        "-o", "csv:own.csv?fields=layer2OctetDeltaCount,protocolIdentifier")
    columns = {name: {tuple(json.loads(line)) for line in (here / name).read_text().splitlines()}
               for name in ("plain.json", "less.json")}
    assert columns["plain.json"] == {("sourceTransportPort", "octetDeltaCount", "vlanId")}
    assert columns["less.json"] == {("sourceTransportPort", "octetDeltaCount", "flowEndReason")}
    rows = list(csv.DictReader(io.StringIO((here / "own.csv").read_text())))
    assert {tuple(row) for row in rows} == {("layer2OctetDeltaCount", "protocolIdentifier")}
    assert all(int(row["layer2OctetDeltaCount"]) > 0 for row in rows)


# --- files ----------------------------------------------------------------------------------------

def test_compressed_by_name_and_by_parameter(weir, capture, here):
    run(weir, capture, "-o", "json:a.json.gz", "-o", "csv:b.csv?compress=gzip")
    assert names(here) == ["a.json.gz", "b.csv.gz"]
    with gzip.open("a.json.gz", "rt") as file:
        check([json.loads(line) for line in file])
    with gzip.open("b.csv.gz", "rt", newline="") as file:
        check([typed(row) for row in csv.DictReader(file)])


def test_zstd(weir, tool, capture, here):
    zstd = tool("zstd")
    run(weir, capture, "-o", "json:a.json.zst")
    done = subprocess.run([zstd, "-dc", "a.json.zst"], capture_output=True, check=True, text=True)
    check([json.loads(line) for line in done.stdout.splitlines()])


def test_rotated_by_size(weir, capture, here):
    run(weir, capture, "-o", "json:flows.json?rotate-size=300")
    assert names(here) == ["flows-1.json", "flows-2.json", "flows-3.json", "flows.json"]
    check([json.loads(path.read_text()) for path in here.iterdir()])


def test_name_by_the_clock(weir, capture, here):
    before = datetime.datetime.now()
    run(weir, capture, "-o", "csv:flows-%Y%m%d-%H%M%S.csv?rotate=1h")
    after = datetime.datetime.now()
    name, = names(here)
    stamp = datetime.datetime.strptime(name, "flows-%Y%m%d-%H%M%S.csv")
    assert before.replace(microsecond=0) <= stamp <= after


def test_an_old_file_is_replaced_whole_or_not_at_all(weir, capture, here):
    (here / "flows.json").write_text("old\n")
    run(weir, capture, "-o", "json:flows.json", "-o", "json:nowhere/flows.json", status=2)
    assert names(here) == ["flows.json"] and (here / "flows.json").read_text() == "old\n"
    run(weir, capture, "-o", "json:flows.json")
    assert names(here) == ["flows.json"]
    check([json.loads(line) for line in (here / "flows.json").read_text().splitlines()])


def test_wrong_parameters_leave_nothing(weir, capture, here):
    for parameters, says in [("rotate=soon", "duration"), ("rotate-size=-1", "size"),
                             ("compress=rar", "gzip"), ("int64=float", "string"),
                             ("rotatesize=5M", "rotate-size")]:
        done = run(weir, capture, "-o", "json:flows.json?" + parameters, status=2)
        assert says in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert done.stdout == ""
        assert names(here) == []


# --- what goes wrong ------------------------------------------------------------------------------

def outputs_of(path):
    stats = json.loads(path.read_text())
    assert stats["balanced"] is True
    return stats["outputs"]


def test_full_disk_is_counted_and_said_once(weir, capture, here):
    done = run(weir, capture, "-o", "json:/dev/full", "-o", "null:", "--stats", "stats.json",
               status=1)
    assert done.stderr.count("No space left on device") == 1
    outputs = outputs_of(here / "stats.json")
    full, null = outputs["json:/dev/full"], outputs["null:"]
    assert full["accepted"] == full["dropped"]["write_failed"] == null["acknowledged"] == 4
    assert full["acknowledged"] == full["queued"] == 0


def test_closed_pipe_is_counted_and_said_once(weir_program, capture, here):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([weir_program, "meter", "-r", capture, "-o", "json:-",
                           "--stats", "stats.json"],
                          stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr.count("the reader has closed it") == 1
    assert outputs_of(here / "stats.json")["json:-"]["dropped"]["write_failed"] == 4


# --- reopening ------------------------------------------------------------------------------------

def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def burst(start, count):
    """So many flows of one packet each, and one packet much later that lets them end."""
    frames = []
    for i in range(count):
        frame = craft.ether(craft.ip("10.1.0.1", "10.2.%d.%d" % divmod(i, 256),
                                     craft.udp(1000, 2000, 10)))
        frames.append((craft.at(start + i / 1000), frame, len(frame)))
    late = craft.ether(craft.ip("10.9.9.9", "10.9.9.8", craft.udp(1, 2, 10)))
    return frames + [(craft.at(start + 1000), late, len(late))]


def test_reopen_on_hangup(weir_program, here):
    """Whatever lay in the file before SIGHUP keeps its name; what comes later goes to a new
    file."""
    count = 1000
    process = subprocess.Popen([weir_program, "meter", "-r", "-", "-d", "1s",
                                "-o", "json:flows.json"],
                               stdin=subprocess.PIPE)
    part, final = here / ".flows.json.part", here / "flows.json"
    first, second = burst(0, count), burst(2000, count)
    process.stdin.write(craft.pcap(first))
    process.stdin.flush()
    wait_for(lambda: part.exists() and part.stat().st_size > 1000)
    process.send_signal(signal.SIGHUP)
    wait_for(final.exists)
    final.rename(here / "moved.json")
    process.stdin.write(craft.pcap(second)[24:])
    process.stdin.close()
    assert process.wait(60) == 0
    assert names(here) == ["flows.json", "moved.json"]
    records = [json.loads(line) for name in names(here)
               for line in (here / name).read_text().splitlines()]
    assert sum(record["packetDeltaCount"] for record in records) == len(first) + len(second)
    assert len((here / "moved.json").read_text().splitlines()) > 0


# --- table ----------------------------------------------------------------------------------------

def on_terminal(program, arguments, columns, lines=50, **environment):
    """What the program writes to a terminal of that size, and its exit status."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen([program, *map(str, arguments)],
                               stdout=slave, stderr=subprocess.PIPE,
                               env={**os.environ, "TZ": "UTC", "TERM": "xterm", **environment})
    os.close(slave)
    text = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:                 # Linux says EIO when the other side is gone
            break
        if not piece:
            break
        text += piece
    os.close(master)
    process.communicate(timeout=60)
    return text.decode().replace("\r\n", "\n"), process.returncode


def table(weir_program, capture, columns, **environment):
    text, status = on_terminal(weir_program, ["meter", "-q", "-r", capture, "-d", "off",
                                              "-t", "off", "-o", "table:-"],
                               columns, **environment)
    assert status == 0
    return text


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200, 300])
def test_table_fits_the_terminal(weir_program, capture, columns):
    text = table(weir_program, capture, columns, NO_COLOR="1")
    assert max(map(len, text.splitlines())) <= columns
    for end in ("192.0.2.1:50000", "198.51.100.7:443", "10.0.0.1:1000", "10.0.0.2:2000"):
        assert end in text
    long_end = "[%s]:53" % DNS[2]
    assert (long_end in text) == (columns >= 100)       # 35 for the rest, 21 for the other end
    line, = [line for line in text.splitlines() if "192.0.2.1:50000" in line]
    assert re.search(r"192\.0\.2\.1:50000 +<-> 198\.51\.100\.7:443", line)
    if columns >= 80:
        assert re.search(r"tcp .* 4 +2 +260 +1\.5k", line), line


def test_table_in_full(weir_program, capture):
    text = table(weir_program, capture, 200, NO_COLOR="1")
    lines = text.splitlines()
    start = datetime.datetime.fromtimestamp(craft.BASE_NS // 10**9, datetime.timezone.utc)
    web, = [line for line in lines if "192.0.2.1:50000" in line]
    assert web.startswith(start.strftime("%H:%M:%S.000 "))
    assert " 2.5s " in web and "SAPF SA" in web
    dns, = [line for line in lines if "]:53" in line]
    assert " -> " in dns and "<->" not in dns
    tagged, = [line for line in lines if "10.0.0.1" in line]
    assert " 100.7 " in tagged and " 250ms " in tagged
    ping, = [line for line in lines if "icmp" in line]
    assert " 8/0" in ping and "192.0.2.2:" not in ping


def test_table_has_colour_on_a_terminal_only(weir, weir_program, capture):
    assert "\033[" in table(weir_program, capture, 120, NO_COLOR="")
    assert "\033[" not in table(weir_program, capture, 120, NO_COLOR="1")
    done = run(weir, capture, "-o", "table:-")
    assert "\033" not in done.stdout
    assert done.stdout.count("SOURCE") == 1 and done.stdout.count("\n") == 5


def test_table_repeats_its_header(weir_program, tmp_path):
    path = tmp_path / "many.pcap"
    path.write_bytes(craft.pcap(burst(0, 100)))
    text, status = on_terminal(weir_program, ["meter", "-q", "-r", path, "-o", "table:-"],
                               120, lines=12, NO_COLOR="1")
    assert status == 0
    headers = [i for i, line in enumerate(text.splitlines()) if "SOURCE" in line]
    assert headers == list(range(0, 101 + len(headers), 11))[:len(headers)]
    assert len(text.splitlines()) == 101 + len(headers)


def test_table_of_chosen_fields(weir, capture):
    done = run(weir, capture, "-o", "table:-", "--fields", "sourceIPv4Address,octetDeltaCount")
    lines = done.stdout.splitlines()
    assert len(lines) == 5 and len(lines[0].split()) == 2
    assert [WEB[0], "260"] in [line.split() for line in lines]
    assert ["-", "78"] in [line.split() for line in lines]
