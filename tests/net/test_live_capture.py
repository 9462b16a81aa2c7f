# SPDX-License-Identifier: Apache-2.0
"""Live sources over veth: every frame that is sent comes out of dump_frames as it was, or is
counted as lost; tags and segment sizes come back from the ring's metadata. Frames are made here,
octet by octet.
"""
import math
import os
import signal
import subprocess
import time
import zlib
from collections import Counter

import pytest

from needs import lacking
from net import dump_frames
from net.lab import wait_for

KINDS = ["af_packet", "libpcap"]
ETHERNET, RAW = 1, 101
SECONDS = "60"              # the longest that a capture lasts, whatever happens


class Live:
    """A dump_frames that captures in a namespace; frames and messages are read from files."""

    def __init__(self, host, program, folder, *arguments):
        number = len(list(folder.glob("live*.out")))
        self.paths = [folder / f"live{number}.{end}" for end in ("out", "err")]
        with open(self.paths[0], "wb") as out, open(self.paths[1], "wb") as err:
            self.process = host.start(program, "-l", "-t", SECONDS, *arguments,
                                      stdout=out, stderr=err)
        wait_for(lambda: "ready" in self.messages() or self.process.poll() is not None)
        assert self.process.poll() is None, self.messages()

    def messages(self):
        return self.paths[1].read_text()

    def frames(self):
        text = self.paths[0].read_text()
        return dump_frames.frames(text[:text.rfind("\n") + 1])

    def await_frames(self, count):
        wait_for(lambda: len(self.frames()) >= count, 20, f"{count} frames")
        return self.frames()

    def end(self):
        self.process.terminate()
        self.process.wait(30)
        return self.frames(), dump_frames.counters(self.messages())


@pytest.fixture
def live(weir_program, tmp_path):
    program = dump_frames.find(weir_program)
    if program is None:
        lacking("dump_frames is not built")
    return lambda host, *arguments: Live(host, program, tmp_path, *arguments)


def frame(number, tags=(), length=60):
    """A frame with an ethertype that no host answers, tags, and a number."""
    head = bytes.fromhex("020000000002020000000001")
    for tpid, tci in tags:
        head += tpid.to_bytes(2, "big") + tci.to_bytes(2, "big")
    body = b"\x88\xb5" + number.to_bytes(4, "big")
    return head + body + bytes((number + i) & 0xff for i in range(length - 18))


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
        for i, octets in enumerate(frames):
            for number in (1700000000 + i // 1000, i % 1000 * 1000, len(octets), len(octets)):
                file.write(number.to_bytes(4, "little"))
            file.write(octets)
    return path


def replay(host, tool, path, *options):
    host.run(tool("tcpreplay"), "-q", "--intf1", "eth0", *(options or ["--pps", "5000"]), path)


def as_tagged(octets):
    """(tpid, tci, crc of the rest) of a frame, its outer tag taken off."""
    tpid, tci = int.from_bytes(octets[12:14], "big"), int.from_bytes(octets[14:16], "big")
    if tpid not in (0x8100, 0x88a8):
        return 0, 0, zlib.crc32(octets)
    return tpid, tci, zlib.crc32(octets[:12] + octets[16:])


def mixed_frames():
    tags = [(), [(0x8100, 100)], [(0x8100, 3 << 13 | 4094)], [(0x88a8, 7), (0x8100, 100)],
            [(0x8100, 5), (0x8100, 6)], [(0x8100, 0)]]
    return [frame(i, tags[i % len(tags)], 60 + i % 1200) for i in range(600)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_comes_as_it_was_sent(lab, live, tool, tmp_path, kind):
    a, b = lab.pair()
    sent = mixed_frames()
    path = write_pcap(tmp_path / "sent.pcap", sent)
    receiver, sender = live(a, "-k", kind, "eth0"), live(b, "-k", kind, "eth0")
    replay(b, tool, path)
    received = receiver.await_frames(len(sent))
    seen_leaving = sender.await_frames(len(sent))

    if kind == "af_packet":     # tags of what is received are beside the frame
        assert [(f.tpid, f.tci, f.crc) for f in received] == [as_tagged(octets) for octets in sent]
        assert all(f.bits == 0 for f in received)
        assert all(f.bits == dump_frames.OUTGOING for f in seen_leaving)
    else:                       # libpcap puts them back
        assert [f.crc for f in received] == [zlib.crc32(octets) for octets in sent]
    assert [f.crc for f in seen_leaving] == [zlib.crc32(octets) for octets in sent]
    assert [f.wire + 4 * (f.tpid != 0) for f in received] == [len(octets) for octets in sent]
    assert all(f.link == ETHERNET and f.gso == 0 and f.captured == f.wire for f in received)
    times = [f.time_ns for f in received]
    assert times == sorted(times)
    frames, counters = receiver.end()
    assert counters["frames"] == len(frames) == len(sent)
    assert counters["octets"] == sum(f.wire + (4 if f.tpid else 0) for f in frames)
    assert counters["kernel_drops"] == 0 and counters["drops_known"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_fit_is_counted(lab, live, tool, tmp_path, kind):
    a, b = lab.pair()
    sent = 60000
    path = write_pcap(tmp_path / "sent.pcap", [frame(i) for i in range(sent)])
    last = write_pcap(tmp_path / "last.pcap", [frame(sent)])
    receiver = live(a, "-k", kind, "-B", "1000000", "eth0")
    receiver.process.send_signal(signal.SIGSTOP)
    replay(b, tool, path, "--topspeed", "-K")
    receiver.process.send_signal(signal.SIGCONT)

    def arrived():              # frames come in order: when the last is seen, all before it were
        nonlocal sent
        replay(b, tool, last)
        sent += 1
        time.sleep(0.5)
        return receiver.frames()[-1:] and receiver.frames()[-1].crc == zlib.crc32(frame(60000))
    wait_for(arrived, 60, "the last frame")
    frames, counters = receiver.end()
    assert counters["kernel_drops"] > 0
    assert counters["frames"] == len(frames)
    assert len(frames) + counters["kernel_drops"] == sent


@pytest.mark.parametrize("kind", KINDS)
def test_a_quiet_interface_is_delivered(lab, live, tool, tmp_path, kind):
    a, b = lab.pair()
    receiver = live(a, "-k", kind, "eth0")
    for i in range(3):
        replay(b, tool, write_pcap(tmp_path / "one.pcap", [frame(i)]))
        frames = receiver.await_frames(i + 1)
        assert frames[i].crc == zlib.crc32(frame(i))


def test_snaplen_cuts_what_is_captured(lab, live, tool, tmp_path):
    a, b = lab.pair()
    receiver = live(a, "-s", "70", "eth0")
    replay(b, tool, write_pcap(tmp_path / "sent.pcap", [frame(1, length=60), frame(2, length=900)]))
    frames = receiver.await_frames(2)
    assert [(f.captured, f.wire) for f in frames] == [(60, 60), (70, 900)]
    assert frames[1].crc == zlib.crc32(frame(2, length=900)[:70])


@pytest.mark.parametrize("kind", KINDS)
def test_an_interface_that_goes_leaves_the_others(lab, live, tool, tmp_path, kind):
    a, b = lab.pair()
    lab.link(a, b)
    receiver = live(a, "-k", kind, "eth0", "eth1")
    path = write_pcap(tmp_path / "sent.pcap", [frame(i) for i in range(50)])
    replay(b, tool, path)
    receiver.await_frames(50)
    b.run(tool("tcpreplay"), "-q", "--intf1", "eth1", "--pps", "5000", path)
    frames = receiver.await_frames(100)
    assert Counter(f.interface for f in frames) == {0: 50, 1: 50}
    a.ip("link", "delete", "eth1")
    wait_for(lambda: dump_frames.errors(receiver.messages()), 20, "a message")
    replay(b, tool, path)
    frames = receiver.await_frames(150)
    assert frames[-1].interface == 0
    receiver.end()
    messages = dump_frames.errors(receiver.messages())
    assert messages[-1].startswith("eth1: ")
    if kind == "af_packet":
        assert messages[-1] == "eth1: the interface is gone"
    assert dump_frames.interfaces(receiver.messages()) == ["eth0", "eth1"]


def test_an_interface_that_goes_down_comes_back(lab, live, tool, tmp_path):
    a, b = lab.pair()
    receiver = live(a, "eth0")
    a.ip("link", "set", "eth0", "down")
    wait_for(lambda: "the interface is down" in receiver.messages(), 20, "a message")
    a.ip("link", "set", "eth0", "up")
    path = write_pcap(tmp_path / "one.pcap", [frame(1)])
    wait_for(lambda: "UP" in a.ip("link", "show", "eth0").stdout)
    replay(b, tool, path)
    assert receiver.await_frames(1)[0].crc == zlib.crc32(frame(1))


@pytest.mark.parametrize("kind", KINDS)
def test_loopback_shows_a_frame_once(lab, live, tool, kind):
    a = lab.host("a")
    receiver = live(a, "-k", kind, "lo")
    a.run(tool("ping"), "-c", "3", "-i", "0.2", "127.0.0.1")
    frames = receiver.await_frames(6)
    assert len(frames) == 6 and all(f.link == ETHERNET for f in frames)
    assert len(receiver.end()[0]) == 6


SENDER = """
import socket, sys
with socket.create_connection((sys.argv[1], 7000)) as s:
    s.sendall(bytes(2_000_000))
"""
RECEIVER = """
import socket
with socket.create_server(("", 7000)) as server:
    s, _ = server.accept()
    while s.recv(65536): pass
"""


def test_super_frames_tell_their_segment_size(lab, live, tool):
    a, b = lab.pair("10.9.0.1/24", "10.9.0.2/24")
    for host in (a, b):
        host.run(tool("ethtool"), "-K", "eth0", "sg", "on", "tx", "on", "tso", "on", "gso", "on",
                 check=False)
    receiver = live(a, "eth0")
    server = a.start("/usr/bin/python3", "-c", RECEIVER)
    a.await_port(7000)
    b.run("/usr/bin/python3", "-c", SENDER, "10.9.0.1")
    server.wait(20)
    time.sleep(0.3)                                     # the last block has been retired by then
    frames, counters = receiver.end()
    large = [f for f in frames if f.gso]
    if not large:
        pytest.skip("this kernel cuts segments before veth")
    assert counters["kernel_drops"] == 0
    assert {f.gso for f in large} == {1448}             # MTU 1500, IPv4, TCP with time stamps
    assert all(f.gso == 0 for f in frames if f.wire <= 1514)
    assert all(f.gso for f in frames if f.wire > 1514)
    payload = sum(f.wire - 66 for f in frames if f.wire > 100)
    assert payload >= 2_000_000 - 1448
    segments = sum(math.ceil((f.wire - 66) / f.gso) for f in large)
    assert segments <= math.ceil(payload / 1448) + len(frames)


TUN = """
import fcntl, os, struct, sys, time
fd = os.open("/dev/net/tun", os.O_RDWR)
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"tun7", IFF_TUN | IFF_NO_PI))
os.system("ip link set tun7 up")
print("up", flush=True)
sys.stdin.readline()
for i in range(5):
    os.write(fd, bytes.fromhex("45000020000100004011f9ca0a0000010a00000203e80035000c0000") +
             bytes([0, 0, 0, i]))
sys.stdin.readline()
"""


def test_a_tunnel_without_ethernet_gives_ip_packets(lab, live):
    if not os.path.exists("/dev/net/tun"):
        lacking("no /dev/net/tun")
    a = lab.host("a")
    tun = a.start("/usr/bin/python3", "-c", TUN, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert tun.stdout.readline() == b"up\n"
    receiver = live(a, "tun7")
    tun.stdin.write(b"\n")
    tun.stdin.flush()
    frames = receiver.await_frames(5)
    assert [(f.link, f.captured, f.wire) for f in frames] == [(RAW, 32, 32)] * 5


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_interfaces_are_told(lab, weir_program, tool, kind):
    program = dump_frames.find(weir_program)
    a, _ = lab.pair()
    done = a.run(program, "-k", kind, "-l", "etho0", check=False)
    assert done.returncode == 2
    assert dump_frames.errors(done.stderr) == \
        ["etho0: no such interface; there are lo, eth0 (did you mean eth0?)"]
    done = a.run(tool("setpriv"), "--reuid", "65534", "--clear-groups", program, "-k", kind, "-l",
                 "eth0", check=False)
    if "Permission denied" not in done.stderr:          # the build may be out of reach for others
        assert done.returncode == 2
        assert "eth0: no permission to capture; it needs root or the capability CAP_NET_RAW" in \
            done.stderr
    if kind == "af_packet":
        done = a.run(program, "-l", "eth0", "eth0", check=False)
        assert dump_frames.errors(done.stderr) == ["eth0: named twice"]
