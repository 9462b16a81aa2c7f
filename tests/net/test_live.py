# SPDX-License-Identifier: Apache-2.0
"""Live metering over a veth cable, in namespaces of their own: the same flows as from the file,
every packet accounted for, and the signals.

A sender replays frames into the cable (offloads off, so that they arrive as they are), weir meters
the other end. Expectations come from a run over the same frames as a file (which the golden tests
prove) and from the number of frames sent. Waiting has a limit only so that a hang becomes a
failure.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from net.lab import wait_for

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import cases  # noqa: E402, F401
import compare  # noqa: E402
import craft  # noqa: E402
import traffic  # noqa: E402
from case import CASES  # noqa: E402
from craft import at, ether, ip, tag, udp  # noqa: E402
from runner import ROOT, WEIR, meter  # noqa: E402

OFF = ("-d", "off", "-t", "off", "--tcp-linger", "off", "--direction", "first")
MTU = 9000
A, B = "10.0.0.1", "10.0.0.2"
SECONDS_MAX = 30


# ---- stage ----

class Cable:
    """A sender and a meter's host, joined by as many cables as are asked for."""

    def __init__(self, lab, folder, cables=1):
        if not shutil.which("tcpreplay"):
            pytest.fail("tcpreplay is not installed (./dev deps test)", pytrace=False)
        self.folder, self.number = folder, 0
        self.sender, self.host = lab.host("s"), lab.host("m")
        for _ in range(cables):
            lab.link(self.sender, self.host)
        for host in (self.sender, self.host):
            host.sysctl("net/ipv6/conf/all/disable_ipv6", 1)
            for name in host.interfaces:
                host.ip("link", "set", name, "mtu", MTU)

    def send(self, frames, interface="eth0", pace=("--pps", "20000")):
        """frames: octets of each; returns their number, all of which tcpreplay says it has sent."""
        self.number += 1
        file = self.folder / ("sent%d.pcap" % self.number)
        file.write_bytes(craft.pcap([(at(i / 1000), frame, len(frame))
                                     for i, frame in enumerate(frames)]))
        done = self.sender.run("tcpreplay", "-q", "-i", interface, *pace, file)
        sent = int(re.search(r"Successful packets:\s*(\d+)", done.stdout).group(1))
        assert sent == len(frames), done.stdout
        return sent

    def meter(self, *arguments, interfaces=("eth0",)):
        return Live(self, arguments, interfaces)


class Live:
    """`weir meter -i` in the host, JSON to standard output (a file here), with its accounts."""

    def __init__(self, cable, arguments, interfaces):
        cable.number += 1
        self.records_file = cable.folder / ("records%d.json" % cable.number)
        self.stats_file = cable.folder / ("stats%d.json" % cable.number)
        self.messages_file = cable.folder / ("messages%d" % cable.number)
        words = [word for name in interfaces for word in ("-i", name)]
        with open(self.messages_file, "wb") as messages, open(self.records_file, "wb") as records:
            self.process = cable.host.start(WEIR, "meter", *words, "-o", "json:-", "--stats",
                                            self.stats_file, *arguments, stdout=records,
                                            stderr=messages)
        wait_for(lambda: self.listens(cable.host, len(interfaces)), SECONDS_MAX,
                 "weir to open %s" % (interfaces,))

    def listens(self, host, count):
        assert self.process.poll() is None, self.messages()
        sockets = host.run("cat", "/proc/net/packet").stdout.splitlines()[1:]
        return sum(line.split()[5] == "1" for line in sockets) >= count     # column: running

    def messages(self):
        return self.messages_file.read_text(errors="replace")

    def tell(self, number):
        self.process.send_signal(number)

    def records(self):
        """What has been written so far, whole lines only."""
        text = self.records_file.read_text()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def stats(self):
        try:
            return json.loads(self.stats_file.read_text())
        except (OSError, ValueError):
            return None

    def finish(self, status=0, number=signal.SIGTERM):
        """Ends it in order; its records and accounts, which must hold."""
        self.tell(number)
        assert self.process.wait(SECONDS_MAX) == status, self.messages()
        assert "Sanitizer" not in self.messages() and "runtime error:" not in self.messages()
        records, stats = self.records(), self.stats()
        assert stats is not None, "no accounts; " + self.messages()
        assert not (wrong := compare.unbalanced(stats)), "%s\n%s" % (wrong, stats)
        assert not (wrong := compare.unaccounted(stats, records)), "%s\n%s" % (wrong, stats)
        return records, stats


@pytest.fixture
def cable(lab, tmp_path):
    return Cable(lab, tmp_path)


def lost(stats):
    return sum(stats["capture"][name] or 0 for name in ("kernel_drop", "interface_drop"))


def missing(stats, sent):
    """sent = metered + every other fate + what kernel and interface lost; else what is wrong."""
    fates = sum(count for name, count in stats["packets"].items() if name != "seen")
    if sent == fates + lost(stats) == stats["packets"]["seen"] + lost(stats):
        return None
    return "sent %d, fates %d, lost %d: %s" % (sent, fates, lost(stats), stats)


def file_run(folder, frames, *arguments):
    file = folder / "as-a-file.pcap"
    file.write_bytes(craft.pcap([(at(i / 1000), frame, len(frame))
                                 for i, frame in enumerate(frames)]))
    return meter(file, *arguments)


def awaited(live, count):
    """Waits until weir has seen so many packets (SIGUSR1 asks it)."""
    def seen():
        live.tell(signal.SIGUSR1)
        stats = live.stats()
        return stats is not None and stats["packets"]["seen"] + lost(stats) >= count
    wait_for(seen, SECONDS_MAX, "%d packets" % count)


def whole_frames(frames):
    """What a cable can carry as it stands in the capture."""
    return [bytes(data) for _, data, wire, *_ in frames if len(data) == wire
            and 14 < wire <= MTU + 14]


def conversation(count=1, vlan=None):
    """UDP request and answer, `count` times."""
    packets = [ip(A, B, udp(1000, 53, 10)), ip(B, A, udp(53, 1000, 20))] * count
    return [ether(packet) if vlan is None else ether(tag(vlan, packet), 0x8100)
            for packet in packets]


# ---- the same as from a file ----

def bundles():
    """Ethernet frames to replay, by name."""
    for path in sorted((ROOT / "share" / "captures").glob("*.pcap")):
        link, frames, _ = craft.read_pcap(path.read_bytes())
        if link == craft.LINK_ETHERNET:
            yield pytest.param(whole_frames(frames), id=path.stem)
    yield pytest.param(whole_frames(frame for case in CASES if case.link == craft.LINK_ETHERNET
                                    for frame in case.frames), id="golden-cases")
    for seed in (1, 2):
        yield pytest.param(whole_frames(traffic.Traffic(seed, 2000).frames), id="random-%d" % seed)


@pytest.mark.parametrize("workers", (1, 2))
@pytest.mark.parametrize("frames", bundles())
def test_same_as_file(cable, frames, workers):
    live = cable.meter(*OFF, "-j", workers)
    sent = cable.send(frames)
    awaited(live, sent)
    records, stats = live.finish()
    expected = file_run(cable.folder, frames, *OFF)
    assert not missing(stats, sent)
    assert lost(stats) == 0, "the ring was too small for this test: %s" % stats["capture"]
    wrong = compare.sum_differences(compare.sums_by_key(expected.records),
                                    compare.sums_by_key(records))
    assert not wrong, "\n".join(wrong)
    for name, count in expected.stats["packets"].items():
        assert stats["packets"][name] == count, name
    assert stats["octets"]["seen"] == expected.stats["octets"]["seen"]


def test_vlan_tags_are_restored(cable):
    """The kernel takes the outer tag off a frame; the flow and the frame's octets have it again."""
    inner = ip(A, B, udp(1000, 53, 10))
    frames = [ether(tag(100, inner), 0x8100), ether(tag(200, inner, priority=5), 0x8100),
              ether(tag(300, tag(7, inner), 0x8100), 0x88a8), ether(tag(0, inner), 0x8100),
              ether(inner)]
    live = cable.meter(*OFF)
    awaited(live, cable.send(frames))
    records, stats = live.finish()
    found = sorted((compare.value_of(r, "vlanId"), r.get("dot1qCustomerVlanId"),
                    r["packetDeltaCount"])
                   for r in records)
    assert found == [(0, None, 2), (100, None, 1), (200, None, 1), (300, 7, 1)]
    assert stats["octets"]["seen"] == sum(map(len, frames))


@pytest.mark.parametrize("words", (("udp", "port", "53"), ("not", "port", "53"), ("tcp",)),
                         ids=" ".join)
def test_filter_means_the_same(cable, words):
    """Tagged or not; what a filter in the kernel took away may be unknown, but is not invented."""
    case = next(case for case in CASES if case.name == "filter_vlan")
    frames = whole_frames(case.frames) + conversation(3)
    live = cable.meter(*OFF, *words)
    sent = cable.send([*frames, *conversation(), ether(ip(A, B, craft.tcp(1, 2, craft.SYN)))])
    expected = file_run(cable.folder, [*frames, *conversation(),
                                       ether(ip(A, B, craft.tcp(1, 2, craft.SYN)))], *OFF, *words)
    awaited(live, expected.stats["packets"]["metered"])
    records, stats = live.finish()
    wrong = compare.sum_differences(compare.sums_by_key(expected.records),
                                    compare.sums_by_key(records))
    assert not wrong, "\n".join(wrong)
    assert stats["packets"]["filtered"] in (None, 0, sent - stats["packets"]["metered"])


# ---- every packet is accounted for ----

def test_sent_is_metered_and_lost(cable):
    """While weir stands still its ring overflows: what is missing is in the drop counter,
    exactly."""
    live = cable.meter(*OFF, "--buffer", "1M")
    frames = conversation(10_000)
    live.tell(signal.SIGSTOP)
    try:
        sent = cable.send(frames, pace=("--topspeed",))
    finally:
        live.tell(signal.SIGCONT)
    sent += cable.send(conversation(50))
    awaited(live, sent)
    records, stats = live.finish()
    assert lost(stats) > 0, "nothing was lost: the test is none"
    assert not missing(stats, sent)
    counts = ("packetDeltaCount", "reversePacketDeltaCount")
    assert sum(compare.value_of(r, name) for r in records for name in counts) + lost(stats) == sent


def test_a_burst_within_the_ring_loses_nothing(cable):
    live = cable.meter(*OFF, "--buffer", "64M")
    frames = conversation(20_000)
    live.tell(signal.SIGSTOP)
    try:
        sent = cable.send(frames, pace=("--topspeed",))
    finally:
        live.tell(signal.SIGCONT)
    awaited(live, sent)
    records, stats = live.finish()
    assert stats["packets"]["metered"] == sent and lost(stats) == 0
    assert [(r["packetDeltaCount"], r["reversePacketDeltaCount"])
            for r in records] == [(20_000, 20_000)]


# ---- time ----

def test_quiet_interface(cable):
    """One packet and then silence: its record leaves although nothing else comes."""
    live = cable.meter("-d", "1")
    cable.send(conversation()[:1])
    wait_for(live.records, SECONDS_MAX, "the record of a single packet")
    (record,), _ = live.finish()
    assert record["packetDeltaCount"] == 1 and record["flowEndReason"] == 1


def test_quiet_interface_is_read(cable):
    """A single packet is seen within moments, not when a block of the ring is full."""
    live = cable.meter(*OFF)
    awaited(live, cable.send(conversation()[:1]))
    assert not live.records()
    (record,), _ = live.finish()
    assert record["flowEndReason"] == 4


def test_active_records_leave_without_packets(cable):
    live = cable.meter("-d", "off", "-t", "1")
    cable.send(conversation())
    wait_for(live.records, SECONDS_MAX, "the record that the active timeout cuts")
    (record,), _ = live.finish()
    assert record["flowEndReason"] == 2


def test_times_are_now(cable):
    before = time.time_ns() // 1000
    live = cable.meter(*OFF)
    awaited(live, cable.send(conversation()))
    after = time.time_ns() // 1000
    (record,), _ = live.finish()
    assert before <= record["flowStartMicroseconds"] <= record["flowEndMicroseconds"] <= after


# ---- several interfaces ----

@pytest.fixture
def tap(lab, tmp_path):
    return Cable(lab, tmp_path, cables=2)


def index_of(host, name):
    return int(host.run("cat", "/sys/class/net/%s/ifindex" % name).stdout)


def test_two_interfaces_share_a_table(tap):
    live = tap.meter(*OFF, interfaces=("eth0", "eth1"))
    there, back = conversation()
    tap.send([there], "eth0")
    awaited(live, 1)
    tap.send([back], "eth1")
    awaited(live, 2)
    (record,), stats = live.finish()
    assert (record["packetDeltaCount"], record["reversePacketDeltaCount"]) == (1, 1)
    assert record["sourceIPv4Address"] == A
    assert record["ingressInterface"] == index_of(tap.host, "eth0")
    assert stats["packets"]["seen"] == 2


def test_per_interface(tap):
    live = tap.meter(*OFF, "--per-interface", interfaces=("eth0", "eth1"))
    there, back = conversation()
    tap.send([there, there], "eth0")
    tap.send([back], "eth1")
    awaited(live, 3)
    records, _ = live.finish()
    assert sorted((r["ingressInterface"], r["sourceIPv4Address"], r["packetDeltaCount"])
                  for r in records) == sorted([(index_of(tap.host, "eth0"), A, 2),
                                               (index_of(tap.host, "eth1"), B, 1)])


def test_interface_that_goes_away(cable):
    """It is said by name, what was metered is flushed, and the exit status is 1."""
    live = cable.meter(*OFF)
    awaited(live, cable.send(conversation()))
    cable.host.ip("link", "delete", "eth0")
    assert live.process.wait(SECONDS_MAX) == 1, live.messages()
    assert "eth0" in live.messages()
    assert [r["packetDeltaCount"] for r in live.records()] == [1]


def test_no_such_interface(cable):
    done = cable.host.run(WEIR, "meter", "-i", "nowhere7", "-o", "json:-", check=False)
    assert done.returncode == 2 and "nowhere7" in done.stderr and not done.stdout


# ---- signals ----

@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_signals_that_end_flush(cable, number):
    live = cable.meter()
    awaited(live, cable.send(conversation(5)))
    (record,), stats = live.finish(number=number)
    assert record["flowEndReason"] == 4
    assert (record["packetDeltaCount"], record["reversePacketDeltaCount"]) == (5, 5)
    assert stats["packets"]["metered"] == 10


@pytest.mark.parametrize("moved", (True, False), ids=("moved-away", "left-there"))
def test_hangup_reopens(cable, moved):
    """As log rotation does it: after SIGHUP the file is whole; whether it is moved away or left
    there, later records cost no earlier one."""
    file = cable.folder / "hangup" / "flows.json"
    file.parent.mkdir()
    live = cable.meter("-d", "1", "-o", "json:%s" % file)
    cable.send(conversation())
    wait_for(live.records, SECONDS_MAX, "the first record")
    live.tell(signal.SIGHUP)
    wait_for(file.exists, SECONDS_MAX, "the file after SIGHUP")
    if moved:
        os.rename(file, file.with_suffix(".old"))
    cable.send(conversation(2))
    wait_for(lambda: len(live.records()) == 2, SECONDS_MAX, "the second record")
    live.finish()
    counts = [[r["packetDeltaCount"] for r in map(json.loads, name.read_text().splitlines())]
              for name in file.parent.iterdir()]
    assert sorted(sum(counts, [])) == [1, 2]
    assert not moved or sorted(counts) == [[1], [2]]


def test_statistics_on_request(cable):
    live = cable.meter(*OFF)
    sent = cable.send(conversation(7))
    awaited(live, sent)
    stats = live.stats()
    assert stats["packets"]["seen"] == sent
    assert stats["balanced"] is not False               # null: packets may be on their way
    assert live.process.poll() is None
    live.finish()


# ---- the machine's own traffic ----

def send_datagrams(host, count, port, octets=100):
    """From a socket in the host to its own loopback address, where a socket waits for them."""
    script = ("import socket\n"
              "r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); r.bind(('127.0.0.1', %d))\n"
              "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
              "for _ in range(%d): s.sendto(bytes(%d), ('127.0.0.1', %d)); r.recv(2000)\n"
              % (port, count, octets, port))
    host.run(sys.executable, "-c", script)


def test_loopback_counts_once(cable):
    """A packet on lo passes a capture socket twice, on its way out and in."""
    live = cable.meter(*OFF, interfaces=("lo",))
    send_datagrams(cable.host, 10, 7777)
    awaited(live, 10)
    records, _ = live.finish()
    assert [(r["destinationTransportPort"], r["packetDeltaCount"], r["octetDeltaCount"])
            for r in records] == [(7777, 10, 1280)]


@pytest.mark.parametrize("metered", (False, True), ids=("left-out", "metered"))
def test_own_export(cable, metered):
    """weir's own datagrams have a fate of their own, unless --meter-own-export asks for them."""
    collector = cable.host.start(sys.executable, "-c",
                                 "import socket, time\n"
                                 "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                                 "s.bind(('127.0.0.1', 4739)); time.sleep(600)")
    cable.host.await_port(4739, "udp")
    live = cable.meter("-d", "1", "-o", "ipfix+udp://127.0.0.1:4739",
                       *(("--meter-own-export",) if metered else ()), interfaces=("lo",))
    send_datagrams(cable.host, 10, 7777)

    def has(port):
        return any(r["destinationTransportPort"] == port for r in live.records())
    wait_for(lambda: has(7777), SECONDS_MAX, "the record that is exported")
    if metered:
        wait_for(lambda: has(4739), SECONDS_MAX, "a record of the export")
    else:
        wait_for(lambda: live.tell(signal.SIGUSR1) or
                 (live.stats() or {"packets": {"own_export": 0}})["packets"]["own_export"],
                 SECONDS_MAX, "the fate own_export")
    records, stats = live.finish()
    assert (stats["packets"]["own_export"] == 0) is metered
    assert any(r["destinationTransportPort"] == 4739 for r in records) is metered
    counts = [r["packetDeltaCount"] for r in records if r["destinationTransportPort"] == 7777]
    assert sum(counts) == 10
    collector.terminate()


# ---- offload ----

SERVER = """
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('10.0.0.2', 5001)); s.listen(1)
c, _ = s.accept()
while c.recv(1 << 20): pass
time.sleep(600)
"""
# Sends the stream and its FIN, waits until all is acknowledged, and says how many segments the
# kernel has sent and how many octets of them were stream (TCP_INFO: segs_out, bytes_sent, both with
# retransmissions).
CLIENT = """
import socket, struct, time
s = socket.create_connection(('10.0.0.2', 5001)); s.sendall(bytes(%d)); s.shutdown(socket.SHUT_WR)
while True:
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    if struct.unpack_from('I', info, 24)[0] == 0 and info[0] == 5: break
    time.sleep(0.01)
print(struct.unpack_from('I', info, 136)[0], struct.unpack_from('Q', info, 200)[0], flush=True)
time.sleep(600)
"""
STREAM = 20_000_000


def test_super_frames_count_as_the_wire_would(lab, tmp_path):
    """With segmentation offload on, frames of up to 64 kB arrive. Each segment that a wire would
    carry is a packet with its headers: as many as the sender's kernel says, and stream + 52 octets
    for each (IP 20, TCP 20, time stamps 12), and 8 more for the SYN's options."""
    cable = Cable(lab, tmp_path)
    for host, address in ((cable.sender, "10.0.0.1/24"), (cable.host, "10.0.0.2/24")):
        host.address(address)
        host.ip("link", "set", "eth0", "mtu", 1500)
        for offload in ("rx", "tx", "sg", "tso", "gso", "gro"):
            host.run("ethtool", "-K", "eth0", offload, "on", check=False)
    cable.host.start(sys.executable, "-c", SERVER)
    cable.host.await_port(5001)
    live = cable.meter(*OFF, "--buffer", "64M", "tcp", "port", "5001")
    client = cable.sender.start(sys.executable, "-c", CLIENT % STREAM, stdout=subprocess.PIPE)
    segments, octets = map(int, client.stdout.readline().split())
    awaited(live, segments)
    (record,), stats = live.finish()
    assert lost(stats) == 0
    assert record["packetDeltaCount"] == segments >= STREAM // 1448
    assert record["octetDeltaCount"] == octets + 52 * segments + 8
    assert stats["capture"]["frames"] < stats["packets"]["seen"], "no super-frame came"


# ---- the twin: the account above can fail ----

def test_a_planted_loss_is_seen():
    stats = {"packets": {"seen": 9, "metered": 8, "not_ip": 1},
             "capture": {"kernel_drop": 1, "interface_drop": None}}
    assert not missing(stats, 10)
    for fault in ({"packets": {"seen": 10, "metered": 8, "not_ip": 1}},
                  {"capture": {"kernel_drop": 0, "interface_drop": None}},
                  {"packets": {"seen": 8, "metered": 8, "not_ip": 0}}):
        assert missing({**stats, **fault}, 10), fault
