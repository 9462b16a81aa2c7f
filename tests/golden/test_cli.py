# SPDX-License-Identifier: Apache-2.0
"""The command line: what is wrong is said once, clearly, with status 2 and nothing written; what
helps (help, fields, manual, completion, the sample configuration) agrees with the table of options.

Expected texts are written here; the list of options is that of the documents, not the program's."""
import errno
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import stat
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "etc" / "weir.yaml"

# Long name, letter, default as the documents name it (None: none, "flag": a switch that is off).
OPTIONS = [
    ("read", "r", None), ("interface", "i", None), ("filter", None, None), ("snaplen", "s", "2048"),
    ("no-promiscuous", "p", "flag"), ("buffer", "B", "64M"), ("count", "c", None),
    ("duration", None, "off"), ("sample", None, "1:1"), ("sample-mode", None, "count"),
    ("meter-own-export", None, "flag"), ("idle-timeout", "d", "30s"),
    ("active-timeout", "t", "120s"), ("tcp-linger", None, "5s"), ("max-flows", "m", "0"),
    ("flood-records", None, "10k"), ("memory", None, None), ("key", "k", None),
    ("no-vlan-key", None, "flag"), ("per-interface", None, "flag"), ("icmp-key", None, "type"),
    ("tunnels", None, "flag"), ("direction", None, "evidence"), ("uniflow", None, "flag"),
    ("output", "o", None), ("measure", None, None),
    ("identify", None, None), ("identify-tcp", None, "80"), ("identify-udp", None, "24"),
    ("identify-flows", None, "64k"), ("identify-texts", None, "64M"),
    ("identify-memory", None, "256M"), ("session-gap", None, "30s"),
    ("payload-octets", None, "1024"), ("payload-flows", None, "64k"),
    ("sequence-packets", None, "30"), ("idle-gap", None, "5s"), ("measure-flows", None, "64k"),
    ("networks", None, None), ("community-seed", None, "0"),
    ("fields", None, None), ("sort", None, "flag"), ("stats", None, None),
    ("stats-interval", None, "off"), ("write", "w", None), ("config", "f", None),
    ("check", None, "flag"), ("workers", "j", "1"), ("user", "u", None), ("verbose", "v", "flag"),
    ("quiet", "q", "flag"),
]
COMMAND_LINE_ONLY = {"config", "check"}
METER_KEYS = ["name", "id", "filter", "key", "values", "idle-timeout", "active-timeout",
              "tcp-linger", "max-flows", "no-vlan-key", "per-interface", "direction", "uniflow",
              "output"]
COMMANDS = {"meter", "spy", "collect", "explain", "fields", "help"}


def refused(done, *says):
    """One line on standard error that says all of it, status 2, nothing on standard output."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("weir: error: "), done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.endswith("\n"), done.stderr
    for words in says:
        assert words in done.stderr, done.stderr


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to run in; what a test leaves in it is its list of files."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- Commands -------------------------------------------------------------------------------------

def test_no_command(weir):
    done = weir()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: weir COMMAND" in done.stderr and "weir meter --help" in done.stderr


@pytest.mark.parametrize("words, says", [
    (["mter", "-r", "x"], ["unknown command 'mter'", "did you mean meter?"]),
    (["feilds"], ["did you mean fields?"]),
    (["qqqqqq"], ["unknown command 'qqqqqq'", "weir help"]),
    ([""], ["unknown command ''"]),
    (["-r", "x.pcap"], ["'-r' stands where a command is expected", "weir meter -r"]),
    (["a\x1b[2J\nb"], ["a\\x1b[2J\\x0ab"]),
    (["help", "mter"], ["did you mean meter?"]),
    (["help", "meter", "fields"], ["'fields' is one word too many"]),
    (["help", "--what"], ["unknown option --what"]),
    (["manual", "mter"], ["unknown command"]),
    (["completion"], ["expected bash, zsh or fish"]),
    (["completion", "bsh"], ["'bsh'", "did you mean bash?"]),
    (["completion", "tcsh!"], ["expected bash, zsh or fish"]),
    (["fields", "--all"], ["unknown option --all", "weir fields --help"]),
])
def test_wrong_command(weir, words, says):
    refused(weir(*words), *says)


def test_version(weir):
    done = weir("--version")
    version = (ROOT / "VERSION").read_text().strip()
    assert done.returncode == 0 and done.stdout.splitlines()[0] == f"weir {version}"
    for feature in ("AF_PACKET", "libpcap", "zlib", "zstd", "libyaml", "AES"):
        assert feature in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_overview(weir, words):
    done = weir(*words)
    assert (done.returncode, done.stderr) == (0, "")
    for name in COMMANDS | {"--version"}:
        assert re.search(rf"^  {name} ", done.stdout, re.M)
    assert "completion" not in done.stdout and "manual" not in done.stdout


# --- Options of the meter -------------------------------------------------------------------------

@pytest.mark.parametrize("words, says", [
    ([], ["nothing to meter", "-r FILE", "-i INTERFACE"]),
    (["--idle-timeut", "3"], ["unknown option --idle-timeut", "did you mean --idle-timeout?"]),
    (["-Z"], ["unknown option -Z"]),
    (["-vZ"], ["unknown option -Z in -vZ"]),
    (["-r"], ["-r wants a value", "FILE"]),
    (["-r", ""], ["-r: the value is empty", "FILE"]),
    (["-d", "abc"], ["-d: found 'abc'", "1m30s"]),
    (["-d", "0"], ["-d", "too small", "1ms"]),
    (["--active-timeout=-5"], ["--active-timeout: found '-5'"]),
    (["--tcp-linger", "1 s"], ["--tcp-linger: found '1 s'"]),
    (["-m", "many"], ["-m: found 'many'", "10k"]),
    (["--memory", "4X"], ["--memory: found '4X'", "512M"]),
    (["--memory", "1k"], ["--memory", "too small"]),
    (["-s", "10"], ["-s", "out of range", "64 to 256KiB"]),
    (["-j", "0"], ["-j", "1 to 256"]),
    (["-j", "257"], ["-j", "1 to 256"]),
    (["-c", "99999999999999999999"], ["-c", "too large"]),
    (["--sample", "10"], ["--sample: found '10'", "1:N"]),
    (["--sample-mode", "randon"], ["'randon'", "count|random", "did you mean random?"]),
    (["--direction", "frist"], ["'frist'", "did you mean first?"]),
    (["--icmp-key=all"], ["'all'", "type|none"]),
    (["--sort=yes"], ["--sort takes no value"]),
    (["-r", "x", "-i", "lo"], ["-r x and -i lo", "not both"]),
    (["-r", "x", "-v", "-q"], ["-v and -q"]),
    (["-r", "x", "-w", "y"], ["-w/--write", "not built yet"]),
    (["-r", "x", "--stats-interval", "1s"], ["--stats-interval", "--stats FILE"]),
    (["-r", "x", "--filter", "tcp", "udp"], ["--filter", "'udp'", "expected one"]),
    (["-f", "none.yaml"], ["none.yaml: cannot open: No such file", "expected a configuration"]),
    (["-f", "."], [".: cannot read", "directory"]),
])
def test_wrong_option(weir, here, words, says):
    refused(weir("meter", *words), *says)
    assert list(here.iterdir()) == []


def test_file_where_a_filter_stands(weir, here):
    (here / "x.pcap").write_bytes(b"")
    refused(weir("meter", "-i", "lo", "x.pcap"), "'x.pcap' stands where a filter is expected",
            "-r x.pcap")


@pytest.mark.parametrize("text, says", [
    ("idle-timeout: soon\n", ["w.yaml:1:15: ", "idle-timeout: found 'soon'", "1m30s"]),
    ("# x\nidel-timeout: 3s\n", ["w.yaml:2:1: ", "did you mean idle-timeout?"]),
    ("workers: [1]\n", ["w.yaml:1:10: ", "found a list"]),
    ("read: [a, {b: c}]\n", ["w.yaml:1:11: ", "found a mapping"]),
    ("sort: perhaps\n", ["w.yaml:1:7: ", "true or false"]),
    ("config: x.yaml\n", ["w.yaml:1:1: ", "command line only"]),
    ("sort: true\nsort: true\n", ["w.yaml:2:1: ", "twice"]),
    ("read: [a\n", ["w.yaml:", "no YAML"]),
    ("- read\n", ["w.yaml:1:1: ", "a mapping"]),
    ("key: [sourceIPv4Address/24, destnationIPv4Address]\n",
     ["w.yaml:1:29: ", "key: ", "destnationIPv4Address", "did you mean destinationIPv4Address?"]),
    ("meters: all\n", ["w.yaml:1:9: ", "meters: expected a list, such as '- name: NAME'"]),
    ("meters:\n- filter: tcp\n", ["w.yaml:2:3: ", "without its name"]),
    ("meters:\n- {name: a}\n- {name: a}\n", ["w.yaml:3:3: ", "two entries have the name 'a'"]),
    ("meters:\n- name: a\n  flter: tcp\n", ["w.yaml:3:3: ", "did you mean filter?"]),
    ("meters:\n- name: a\n  filter: tcp prt 80\n", ["w.yaml:3:11: ", "filter: ", "tcp prt 80"]),
    ("meters:\n- name: a\n  key:\n  - protocolIdentifier\n  - octetDeltaCount\n",
     ["w.yaml:5:5: ", '"octetDeltaCount" cannot be part of a flow key']),
    ("meters:\n- name: a\n  key: [sourceIPv4Address/33]\n", ["w.yaml:3:9: ", "1 to 32"]),
    ("meters:\n- name: a\n  key: [vlanId/3]\n", ["w.yaml:3:9: ", 'no "/" after']),
    ("meters:\n- name: a\n  key: [sourceIPv4Address, sourceIPv4Prefix/8]\n",
     ["w.yaml:3:8: ", "this address is in the key already"]),
    ("meters:\n- name: a\n  values:\n  - octetDeltaCount\n  - packetDeltaCuont\n",
     ["w.yaml:5:5: ", "values: ", "packetDeltaCuont", 'did you mean "packetDeltaCount"?']),
    ("meters:\n- name: a\n  values: [octetDeltaCount=64]\n",
     ["w.yaml:3:12: ", "has a fixed length"]),
    ("meters:\n- name: a\n  values: []\n", ["w.yaml:3:11: ", "values: the value is empty"]),
    ("meters:\n- name: a\n  idle-timeout: soon\n", ["w.yaml:3:17: ", "1m30s"]),
    ("meters:\n" + "- name: x\n" * 2, ["w.yaml:3:3: ", "two entries"]),
    ("meters:\n" + "".join(f"- name: x{i}\n" for i in range(17)),
     ["w.yaml:18:3: ", "meters: more than 16 entries"]),
    ("write: x\nread: y\n", ["not built yet"]),
    ("sort: true\n", ["nothing to meter"]),
])
def test_wrong_configuration(weir, here, text, says):
    (here / "w.yaml").write_text(text)
    refused(weir("meter", "-f", "w.yaml"), *says)
    assert [path.name for path in here.iterdir()] == ["w.yaml"]


def test_line_wins_over_configuration(weir, here):
    """Told apart by the value that is complained about."""
    (here / "w.yaml").write_text("read: from-file.pcap\nfilter: tcp\nquiet: true\n")
    refused(weir("meter", "-f", "w.yaml", "-i", "lo"), "-r from-file.pcap and -i lo")
    refused(weir("meter", "-r", "from-line.pcap", "-f", "w.yaml", "-i", "lo"), "-r from-line.pcap")


# --- Help, manual, completion, sample -------------------------------------------------------------

@pytest.mark.parametrize("words", [["help", "meter"], ["meter", "--help"],
                                   ["meter", "-r", "x", "-h"]])
def test_help_of_the_meter(weir, words):
    done = weir(*words, env={**os.environ, "COLUMNS": "100"})
    assert (done.returncode, done.stderr) == (0, "")
    for name, letter, default in OPTIONS:
        short = rf"-{letter}," if letter else "   "
        entry = re.search(rf"^  {short} --{name}( .*\n|\n)((?: {{10,}}.*\n)*)", done.stdout, re.M)
        assert entry, name
        if default not in (None, "flag"):
            assert f"(default: {default})" in " ".join(entry.group(0).split()), name
    assert set(re.findall(r"^  .{3} --([a-z-]+)", done.stdout, re.M)) == {o[0] for o in OPTIONS}
    for part in ("Input:", "Flows:", "Output:", "Running:", "Outputs (-o", "Exit status:",
                 "Signals:"):
        assert f"\n{part}" in done.stdout
    assert len(re.findall(r"^  weir meter ", done.stdout, re.M)) == 5
    assert all(len(line) <= 100 for line in done.stdout.splitlines())


def test_help_keeps_to_the_width(weir):
    for columns in (80, 100):
        done = weir("meter", "--help", env={**os.environ, "COLUMNS": str(columns)})
        prose = [line for line in done.stdout.splitlines() if line.startswith(" " * 31)]
        assert prose and max(map(len, prose)) <= columns


@pytest.mark.parametrize("page", [[], *([name] for name in sorted(COMMANDS))])
def test_manual_page(weir, tool, page):
    done = weir("manual", *page)
    assert done.returncode == 0 and ".TH WEIR" in done.stdout and ".SH NAME" in done.stdout
    if shutil.which("groff"):
        shown = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=done.stdout,
                               capture_output=True, text=True)
        assert shown.stderr == ""
    if page == ["meter"]:
        for name, _, _ in OPTIONS:
            assert "\\fB\\-\\-" + name.replace("-", "\\-") + "\\fR" in done.stdout


def bash_complete(script, *words):
    """What bash offers for the last of the words."""
    line = f"""source {script}; COMP_WORDS=({' '.join(f"'{word}'" for word in words)})
COMP_CWORD={len(words) - 1}; _weir 2>/dev/null; printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=20)
    return set(done.stdout.split())


def test_bash_completion(weir, here):
    script = here / "weir.bash"
    script.write_text(weir("completion", "bash").stdout)
    assert bash_complete(script, "weir", "") == COMMANDS | {"--help", "--version"}
    assert bash_complete(script, "weir", "me") == {"meter"}
    assert bash_complete(script, "weir", "meter", "--i") == {
        "--interface", "--idle-timeout", "--icmp-key", "--identify", "--identify-tcp",
        "--identify-udp", "--identify-flows", "--identify-texts", "--identify-memory",
        "--idle-gap"}
    offered = bash_complete(script, "weir", "meter", "--")
    assert offered == {f"--{o[0]}" for o in OPTIONS} | {"--help"}
    assert bash_complete(script, "weir", "meter", "--direction", "") == {"evidence", "first"}
    assert "null:" in bash_complete(script, "weir", "meter", "-o", "")
    assert bash_complete(script, "weir", "meter", "-r", "we") == {"weir.bash"}
    assert bash_complete(script, "weir", "meter", "-d", "") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(weir, here, shell):
    done = weir("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    for name, _, _ in OPTIONS:
        assert re.search(rf"(--|-l ){name}\b", done.stdout), name
    if shutil.which(shell):
        (here / "script").write_text(done.stdout)
        checked = subprocess.run([shell, "-n", "script"], capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")


def sample_values():
    """The sample with each commented key made live, read by PyYAML (values as text)."""
    live = re.sub(r"^#(?=[a-z][a-z-]*:( |$)|  - |    [a-z-]+: )", "", SAMPLE.read_text(),
                  flags=re.M)
    return live, yaml.load(live, Loader=yaml.BaseLoader)


def test_sample_has_every_key_with_its_default():
    assert yaml.safe_load(SAMPLE.read_text()) is None       # everything is commented
    _, values = sample_values()
    assert set(values) == {o[0] for o in OPTIONS} - COMMAND_LINE_ONLY | {"meters"}
    assert list(values["meters"][0]) == METER_KEYS
    for name, _, default in OPTIONS:
        if default == "flag" and name not in COMMAND_LINE_ONLY:
            assert values[name] == "false", name
        elif default is not None and name not in COMMAND_LINE_ONLY:
            assert values[name] == default, name


def test_sample_is_read(weir, here):
    """As it is, and with every key live: then the complaint is of the reserved key alone."""
    refused(weir("meter", "-f", SAMPLE), "nothing to meter")
    (here / "live.yaml").write_text(sample_values()[0])
    refused(weir("meter", "-f", "live.yaml"), "writing packets is not built yet")


# --- Fields ---------------------------------------------------------------------------------------

def registry():
    """Some elements as IANA's registry has them."""
    return {
        "octetDeltaCount": ("0/1", "unsigned64", "octets"),
        "protocolIdentifier": ("0/4", "unsigned8", ""),
        "sourceTransportPort": ("0/7", "unsigned16", ""),
        "sourceIPv4Address": ("0/8", "ipv4Address", ""),
        "sourceIPv6Address": ("0/27", "ipv6Address", ""),
        "flowEndReason": ("0/136", "unsigned8", ""),
        "flowStartMicroseconds": ("0/154", "dateTimeMicroseconds", "microseconds"),
    }


def test_fields_are_separated_by_tabs(weir):
    split = [line.split("\t") for line in weir("fields").stdout.splitlines()]
    rows = {row[1]: row for row in split}
    assert all(len(row) == 5 and row[4] for row in rows.values())
    for name, (number, kind, unit) in registry().items():
        assert tuple(rows[name][:4]) == (number, name, kind, unit)


def names(done):
    return [line.split("\t")[1] for line in done.stdout.splitlines()]


def test_fields_by_pattern(weir):
    every = names(weir("fields"))
    assert names(weir("fields", "TCPcontrol")) == ["tcpControlBits"]
    assert names(weir("fields", "octetdelta")) == [n for n in every if "octetdelta" in n.lower()]
    assert names(weir("fields", "FLOW*microseconds")) == \
        [n for n in every if re.fullmatch("flow.*microseconds", n, re.I)]
    assert set(names(weir("fields", "vlanId", "flowEndReason"))) >= {"vlanId", "flowEndReason"}


@pytest.mark.parametrize("pattern, says", [
    ("octetDeltaCuont", ["no field matches 'octetDeltaCuont'", "did you mean octetDeltaCount?"]),
    ("reverseOctetDeltaCount", ["octetDeltaCount of the other direction"]),
    ("qqqq*", ["no field matches 'qqqq*'"]),
])
def test_fields_without_a_match(weir, pattern, says):
    done = weir("fields", pattern)
    assert (done.returncode, done.stdout) == (1, "")
    for words in says:
        assert words in done.stderr


def on_terminal(program, *words, columns):
    """Output of the program on a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    running = subprocess.Popen([program, *words], stdout=slave, stderr=slave,
                               stdin=subprocess.DEVNULL)
    os.close(slave)
    output = b""
    try:
        while chunk := os.read(master, 65536):
            output += chunk
    except OSError as problem:              # how Linux says that the other end is closed
        assert problem.errno == errno.EIO
    os.close(master)
    assert running.wait(20) == 0
    return output.decode().replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("columns", [80, 120, 50])
def test_fields_on_a_terminal(weir_program, columns):
    lines = on_terminal(weir_program, "fields", "transportport", columns=columns)
    assert lines[0].split()[:3] == ["NUMBER", "NAME", "TYPE"]
    row = next(line for line in lines if "sourceTransportPort" in line.split())
    assert row.index("sourceTransportPort") == lines[0].index("NAME")
    if columns == 120:
        assert max(map(len, lines)) <= columns


def test_full_disk(weir_program):
    with open("/dev/full", "w") as full:
        done = subprocess.run([weir_program, "fields"], stdout=full, stderr=subprocess.PIPE,
                              text=True)
    assert done.returncode == 1 and "standard output cannot be written" in done.stderr


# --- Files, outputs, filters: what only a run can judge -------------------------------------------

def packet(second, source_port=1000):
    """A record of a pcap file: 29 octets of UDP from 192.0.2.1 to 192.0.2.2:53, on Ethernet."""
    udp = struct.pack(">HHHH", source_port, 53, 9, 0) + b"x"
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
    frame = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + udp
    return struct.pack("<IIII", second, 0, len(frame), len(frame)) + frame


HEAD = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)


@pytest.fixture
def capture(here):
    path = here / "in.pcap"
    path.write_bytes(HEAD + packet(1000) + packet(1001))
    return path


@pytest.mark.parametrize("words, says", [
    (["-o", "flows.txt"], ["flows.txt: the name does not tell the format", ".json"]),
    (["-o", "jsno:-"], ["jsno", "json"]),
    (["-o", "json:-?rotat=5m"], ["unknown parameter 'rotat'", "did you mean rotate?"]),
    (["-o", "json:a.json?rotate=soon"], ["rotate", "soon"]),
    (["-o", "none/a.json"], ["none/a.json: cannot open for writing: No such file"]),
    (["-o", "good.json", "-o", "none/a.json"], ["none/a.json", "No such file"]),
    (["-o", "good.json", "-o", "good.json"], ["-o good.json: the output is given twice"]),
    (["-o", "good.json", "--stats", "none/s.json"],
     ["--stats: none/s.json: cannot open for writing: No such file"]),
    (["-o", "good.json", "--stats", "."], ["--stats: .", "is a folder"]),
    (["-o", "csv:-", "--stats", "-"], ["--stats - and -o csv:-", "mixed", "-o null:"]),
    (["-o", "csv:/dev/stdout", "--stats", "-"], ["--stats - and -o csv:/dev/stdout", "mixed"]),
    (["-o", "table:", "-o", "good.json", "-o", "json:-"], ["-o table: and -o json:-", "mixed"]),
    (["-o", "ipfix+udp://127.0.0.1:0"], ["port '0'", "1 to 65535"]),
    (["-o", "ipfix+udp://::1:4739"], ["in brackets"]),
    (["-o", "good.json", "--fields", "octetDeltaCuont"], ["octetDeltaCuont", "octetDeltaCount"]),
    (["-o", "good.json", "-k", "sourceIPv4Adress"], ["sourceIPv4Adress", "sourceIPv4Address"]),
    (["-o", "good.json", "-u", "no-such-user"], ["no-such-user"]),
    (["-o", "good.json", "tcp", "prt", "80"], ["tcp prt 80"]),
    (["-o", "good.json", "-o", "json:x?fields=octetDeltaCuont"],
     ["json:x?fields=octetDeltaCuont: fields", "octetDeltaCount"]),
    (["-o", "good.json", "-o", "json:x?queue=7"], ["json:x?queue=7", "1M or more"]),
    (["-o", "good.json", "-o", "json:x?queu=7M"], ["did you mean queue?"]),
    (["-o", "good.json", "-o", "netflow5+udp://127.0.0.1?fields=vlanId"],
     ["netflow5+udp://127.0.0.1?fields=vlanId", "fields of its own"]),
    (["-o", "good.json", "--filter", "tcp and"], ["tcp and"]),
    (["-o", "good.json", "-r", "none.pcap"],
     ["none.pcap: cannot open: No such file", "expected a capture"]),
    (["-o", "good.json", "-r", "words.pcap"], ["words.pcap", "pcap or pcapng"]),
    (["-o", "good.json", "-r", "empty.pcap"], ["empty.pcap", "empty"]),
])
def test_refused_before_anything_is_written(weir, capture, words, says):
    (capture.parent / "words.pcap").write_text("these are words\n")
    (capture.parent / "empty.pcap").write_text("")
    refused(weir("meter", "-r", capture, *words), *says)
    left = {path.name for path in capture.parent.iterdir()}
    assert left == {"in.pcap", "words.pcap", "empty.pcap"}


def test_check_writes_nothing(weir, capture):
    done = weir("meter", "-r", capture, "-o", "out.json", "--check")
    assert (done.returncode, done.stderr) == (0, "")
    template, = yaml.safe_load(done.stdout)["meters"][0]["templates"]
    assert template["output"] == "out.json" and "sourceIPv4Address" in template["columns"]
    assert [path.name for path in capture.parent.iterdir()] == ["in.pcap"]


def account(path):
    """The account of a run, which is whole."""
    return json.loads(path.read_text())["packets"]


def test_stats_of_files(weir, capture):
    """A file is replaced, a link followed; a neighbour's name is not taken."""
    here = capture.parent
    (here / "s.json").write_text("earlier")
    (here / "s.json.part").write_text("not ours")
    (here / ".s.json.part").write_text("of a killed run")
    (here / "link").symlink_to("s.json")
    for name in ("s.json", "link"):
        assert weir("meter", "-r", capture, "-o", "null:", "--stats", name).returncode == 0
        assert account(here / "s.json")["seen"] == 2
        (here / "s.json").write_text("earlier")
    assert (here / "link").is_symlink() and (here / "s.json.part").read_text() == "not ours"
    assert {path.name for path in here.iterdir()} == \
        {"in.pcap", "s.json", "s.json.part", ".s.json.part", "link"}
    done = weir("meter", "-r", capture, "-o", "null:", "--stats", "-")
    assert json.loads(done.stdout)["packets"]["seen"] == 2


def test_stats_behind_json_lines(weir, capture):
    """On standard output the account is one line, the last, so that all of it is JSON lines."""
    done = weir("meter", "-r", capture, "-o", "json:-", "--stats", "-")
    *records, account_of_run = map(json.loads, done.stdout.splitlines())
    assert records and all("octetDeltaCount" in record for record in records)
    assert account_of_run["balanced"] is True
    assert account_of_run["records"] == len(records)


def test_stats_of_devices_and_pipes(weir, capture):
    """What is no file is written in place and stays what it is."""
    here = capture.parent
    try:
        os.mknod(here / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        with open(here / "device", "wb") as device:
            device.write(b"x")
    except PermissionError:
        pytest.skip("devices cannot be made here")
    assert weir("meter", "-r", capture, "-o", "null:", "--stats", "device").returncode == 0
    assert stat.S_ISCHR(os.stat("device").st_mode)
    os.mkfifo("pipe")
    unread = weir("meter", "-r", capture, "-o", "null:", "--stats", "pipe")
    assert unread.returncode == 1
    assert "pipe: cannot open for writing: nobody reads this pipe" in unread.stderr
    with open("copy", "w") as copy:
        reader = subprocess.Popen(["cat", "pipe"], stdout=copy)
        wait_until(lambda: opens_pipe(reader.pid))
        done = weir("meter", "-r", capture, "-o", "null:", "--stats", "pipe")
        assert (done.returncode, reader.wait(20)) == (0, 0)
    assert account(here / "copy")["seen"] == 2 and stat.S_ISFIFO(os.stat("pipe").st_mode)


def opens_pipe(pid):
    """Whether the process waits in the kernel for the other end of a named pipe."""
    return Path(f"/proc/{pid}/wchan").read_text() in ("wait_for_partner", "fifo_open") or \
        Path(f"/proc/{pid}/syscall").read_text().split()[0] in ("2", "257", "56")


def test_pipe_without_a_writer(weir_program, here):
    """A stop ends the wait for the first writer; a writer that comes late is read to its end."""
    os.mkfifo("in")
    words = [weir_program, "meter", "-r", "in", "-o", "json:-"]
    for late in (False, True):
        running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda pid=running.pid: catches(pid, signal.SIGUSR1))
        time.sleep(0.3)                     # a run that does not wait for a writer ends here
        assert running.poll() is None
        if late:
            (here / "in").write_bytes(HEAD + packet(1000) + packet(1001))
        else:
            running.terminate()
        records, complaint = running.communicate(timeout=30)
        assert (running.returncode, complaint) == (0, "")
        assert records.count("\n") == late


def packet6(second, source_port):
    """As packet(), of 2001:db8::1 and 2001:db8::2."""
    udp = struct.pack(">HHHH", source_port, 53, 9, 0) + b"x"
    net = bytes.fromhex("20010db8") + bytes(11)
    ip = struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + net + b"\1" + net + b"\2"
    frame = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x86\xdd" + ip + udp
    return struct.pack("<IIII", second, 0, len(frame), len(frame)) + frame


@pytest.mark.parametrize("workers", [1, 3])
def test_sorted_records_of_several_layouts(weir, here, workers):
    """Rows of three layouts (JSON, IPFIX of either family) in turn: all arrive, JSON's by time."""
    ports = range(1024, 1024 + 1500)
    (here / "many.pcap").write_bytes(HEAD + b"".join(
        (packet6 if port % 3 == 0 else packet)(port, port) for port in ports))
    done = weir("meter", "-r", "many.pcap", "--sort", "-j", workers, "-o", "out.json", "-o",
                "out.ipfix", "--stats", "s.json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in (here / "out.json").read_text().splitlines()]
    assert [row["sourceTransportPort"] for row in rows] == list(ports)
    outputs = json.loads((here / "s.json").read_text())["outputs"]
    assert outputs["out.ipfix"]["acknowledged"] == outputs["out.json"]["acknowledged"] == len(ports)


@pytest.mark.parametrize("words", [["--write", "x"], ["--stats", "x"], ["--sort"],
                                   ["--fields", "vlanId"]])
def test_explain_refuses_what_it_does_not_write(weir, capture, words):
    refused(weir("explain", "-r", capture, *words), f"{words[0]}: explain writes lines for people")
    assert [path.name for path in capture.parent.iterdir()] == ["in.pcap"]


def test_damaged_input(weir, capture):
    """What is whole before the damage is metered; the message says the file and the place."""
    whole = capture.read_bytes()
    capture.write_bytes(whole[:-5])
    done = weir("meter", "-r", capture, "-o", "json:-")
    assert done.returncode == 1 and done.stdout.count("\n") == 1
    assert '"packetDeltaCount":1,' in done.stdout
    assert f"in.pcap: cut at byte {len(whole) - 5}" in done.stderr


def test_output_that_fails_later(weir, capture):
    done = weir("meter", "-r", capture, "-o", "json:/dev/full")
    assert done.returncode == 1 and "No space left" in done.stderr


def test_default_output_is_json_where_there_is_no_terminal(weir, capture):
    done = weir("meter", "-r", capture)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1) and done.stdout.startswith("{")


def test_default_output_is_a_table_on_a_terminal(weir_program, capture):
    lines = on_terminal(weir_program, "meter", "-r", str(capture), columns=120)
    assert any("192.0.2.1:1000" in line and "192.0.2.2:53" in line for line in lines), lines
    assert not any(line.startswith("{") for line in lines)


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM],
                                     [signal.SIGHUP, signal.SIGUSR1, signal.SIGINT]])
def test_signals(weir_program, here, signals):
    """A stop while standard input is still open: the flow that is there is written, status 0."""
    words = ["meter", "-r", "-", "-o", "out.json", "--stats", "s.json"]
    running = subprocess.Popen([weir_program, *words], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    running.stdin.write(HEAD + packet(1000))
    running.stdin.flush()
    wait_until(lambda: catches(running.pid, signal.SIGUSR1))
    time.sleep(0.3)                         # for the packet to be read; a stop before it fails here
    for number in signals:
        running.send_signal(number)
        if number == signal.SIGUSR1:
            wait_until((here / "s.json").exists)
    complaint = running.communicate(timeout=30)[1]
    assert (running.returncode, complaint) == (0, b"")
    written = "".join(path.read_text() for path in here.glob("out*.json"))      # SIGHUP: two files
    assert written.count('"packetDeltaCount":1,') == written.count("\n") == 1
    assert '"balanced"' in (here / "s.json").read_text()


def wait_until(condition, seconds=20):
    for _ in range(seconds * 50):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("waited in vain")


def catches(pid, number):
    """Whether the process has a handler of its own for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(re.search(r"^SigCgt:\s*(\w+)", status, re.M).group(1), 16)
    return bool(caught >> (number - 1) & 1)


def test_reader_that_goes_away(weir_program, here):
    """A closed pipe is a failed output (status 1), never a death by signal."""
    (here / "many.pcap").write_bytes(HEAD + b"".join(packet(1000, 1024 + i) for i in range(20000)))
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([weir_program, "meter", "-r", "many.pcap", "-o", "json:-"],
                          stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert done.returncode == 1 and "standard output: cannot write" in done.stderr
