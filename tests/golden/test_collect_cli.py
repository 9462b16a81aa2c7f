# SPDX-License-Identifier: Apache-2.0
"""The command line of `weir collect`: options as documented, mistakes of the user, the sample."""
import re
import socket
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "etc" / "weir-collect.yaml"

# Long name, letter, default as the documents name it (None: none, "flag": a switch that is off).
OPTIONS = [
    ("listen", "l", None), ("read", "r", None), ("filter", None, None), ("buffer", "B", "32M"),
    ("duration", None, "off"), ("template-lifetime", None, "30m"), ("exporters", None, "1024"),
    ("exporter-memory", None, "4M"), ("memory", None, "256M"), ("options-data", None, "flag"),
    ("output", "o", None), ("fields", None, None), ("sort", None, "flag"), ("stats", None, None),
    ("stats-interval", None, "off"), ("config", "f", None), ("check", None, "flag"),
    ("user", "u", None), ("verbose", "v", "flag"), ("quiet", "q", "flag"),
]
COMMAND_LINE_ONLY = {"config", "check"}
MESSAGE = b"\0\x0a\0\x10" + bytes(12)           # IPFIX, without sets


def test_help_has_every_option_with_its_default(weir):
    text = weir("collect", "--help").stdout
    for name, letter, default in OPTIONS:
        line = re.search(rf"^ *(-{letter}, )?--{name}\b.*(\n {{20,}}.*)*", text, re.M)
        assert line, name
        assert not letter or f"-{letter}, --{name}" in line.group(0)
        if default not in (None, "flag"):
            assert default in line.group(0), name
    assert len(re.findall(r"^ +(?:-\w, )?--[a-z]", text, re.M)) == len(OPTIONS)


def sample_values():
    live = re.sub(r"^#(?=[a-z][a-z-]*: )", "", SAMPLE.read_text(), flags=re.M)
    return live, yaml.load(live, Loader=yaml.BaseLoader)


def test_sample_has_every_key_with_its_default():
    assert yaml.safe_load(SAMPLE.read_text()) is None       # everything is commented
    _, values = sample_values()
    assert set(values) == {name for name, _, _ in OPTIONS} - COMMAND_LINE_ONLY
    for name, _, default in OPTIONS:
        if name not in COMMAND_LINE_ONLY and default:
            assert values[name] == ("false" if default == "flag" else default), name


def test_sample_is_read(weir, tmp_path):
    done = weir("collect", "-f", SAMPLE)
    assert done.returncode == 2 and "nothing to collect" in done.stderr
    (tmp_path / "live.yaml").write_text(sample_values()[0])
    done = weir("collect", "-f", tmp_path / "live.yaml")
    assert done.returncode == 2 and "not both" in done.stderr


def test_configuration_is_used(weir, tmp_path):
    (tmp_path / "in.ipfix").write_bytes(MESSAGE)
    (tmp_path / "c.yaml").write_text(f"read: [{tmp_path}/in.ipfix]\nstats: {tmp_path}/s.json\n"
                                     "output: ['null:']\n")
    assert weir("collect", "-f", tmp_path / "c.yaml").returncode == 0
    assert '"decoded": 1' in (tmp_path / "s.json").read_text()


@pytest.mark.parametrize("words, says", [
    ([], "nothing to collect"),
    (["-r", "in.ipfix", "-l", "ipfix+udp://127.0.0.1"], "not both"),
    (["-l", "ipfix+udp://127.0.0.1:1", "port", "53"], "receives messages, not packets"),
    (["-l", "127.0.0.1:4739"], "expected ipfix+udp://HOST:PORT"),
    (["-l", "ipfix+quic://127.0.0.1"], "expected ipfix+udp://HOST:PORT"),
    (["-l", "ipfix+udp://127.0.0.1,127.0.0.2"], "expected ipfix+udp://HOST:PORT"),
    (["-l", "ipfix+udp://127.0.0.1?mtu=1400"], "mtu"),
    (["-l", "ipfix+udp://127.0.0.1?sessions=0"], "expected a number from 1"),
    (["-l", "ipfix+udp://127.0.0.1?idle=soon"], "expected a duration"),
    (["-l", "ipfix+udp://192.0.2.77:9"], "192.0.2.77"),
    (["-l", "ipfix+tls://127.0.0.1:19999"], "cert"),
    (["-l", "ipfix+udp://127.0.0.1:1", "--sort"], "--sort keeps every record"),
    (["-r", "in.ipfix", "-v", "-q"], "contradict"),
    (["-r", "in.ipfix", "--stats-interval", "1s"], "--stats"),
    (["-r", "in.ipfix", "-o", "json:-", "-o", "csv:-"], "mixed on standard output"),
    (["-r", "in.ipfix", "-o", "null:", "-o", "null:"], "given twice"),
    (["-r", "in.ipfix", "--fields", "nonsense"], "nonsense"),
    (["-r", "in.ipfix", "--exporters", "0"], "--exporters"),
    (["-r", "missing.ipfix"], "missing.ipfix"),
    (["-r", "text"], "expected IPFIX or NetFlow messages"),
])
def test_mistakes(weir, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    Path("in.ipfix").write_bytes(MESSAGE)
    Path("text").write_text("this is no message at all\n")
    done = weir("collect", *words)
    assert done.returncode == 2 and says in done.stderr and not done.stdout, done.stderr


def test_a_port_that_is_taken(weir):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = weir("collect", "-l", f"ipfix+tcp://127.0.0.1:{port}", "-o", "null:")
    assert done.returncode == 2 and str(port) in done.stderr


def test_check_opens_and_stops(weir, tmp_path):
    (tmp_path / "in.ipfix").write_bytes(MESSAGE)
    done = weir("collect", "-r", tmp_path / "in.ipfix", "-o", "null:", "--check")
    assert done.returncode == 0 and not done.stdout
