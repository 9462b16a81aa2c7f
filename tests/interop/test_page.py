# SPDX-License-Identifier: Apache-2.0
"""docs/interop.md: each block fenced as ```bash runs as it stands, in a namespace of its own and in
a folder that looks like the top of the tree, and prints the lines of the ```text behind it.
"""
import os
import re
import subprocess

import pytest

from docs.test_docs import FENCE, ROOT, SCRATCH_NAMES

PAGE = ROOT / "docs" / "interop.md"
PEERS = ("nfcapd", "nfdump", "nfacctd", "ipfixDump", "tshark", "softflowd", "pmacctd", "ss")
SECONDS_MAX = 120


def blocks(text):
    """(line, commands, lines that they print)."""
    found = [(text.count("\n", 0, fence.start()) + 1, *fence.groups())
             for fence in FENCE.finditer(text)]
    for (line, kind, commands), (_, next_kind, shown) in zip(found, found[1:] + [(0, "", "")]):
        if kind == "bash":
            assert next_kind == "text", f"{PAGE.name}:{line}: no output is shown"
            yield line, commands, shown.splitlines()


def run(commands, folder, host, program):
    for name in SCRATCH_NAMES:
        (folder / name).symlink_to(ROOT / name)
    (folder / "build").mkdir()
    (folder / "build" / "weir").symlink_to(program)
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return subprocess.run(host.command("bash", "-euo", "pipefail", "-c", commands), cwd=folder,
                          text=True, capture_output=True, timeout=SECONDS_MAX,
                          stdin=subprocess.DEVNULL, env={**os.environ, "TZ": "UTC", "PATH": path})


def missing(shown, printed):
    """Lines that were not printed, each as often as it is shown."""
    rest = printed.splitlines()
    for line in shown:
        if line in rest:
            rest.remove(line)
        else:
            yield line


@pytest.mark.parametrize("commands, shown", [
    pytest.param(commands, shown, id=f"{PAGE.name}:{line}")
    for line, commands, shown in blocks(PAGE.read_text())])
def test_block(commands, shown, lab, tool, tmp_path, weir_program):
    for name in PEERS:
        if re.search(rf"\b{name} ", commands):
            tool(name)
    done = run(commands, tmp_path, lab.host(), weir_program)
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    assert list(missing(shown, done.stdout)) == [], f"{commands}\nprinted\n{done.stdout}"


def test_every_peer_has_a_block():
    text = "".join(commands for _, commands, _ in blocks(PAGE.read_text()))
    for peer in (*PEERS, "import ipfix"):
        assert peer in text


def test_what_was_not_printed_is_seen():
    assert list(missing(["22", "22"], "22\n23\n")) == ["22"]
    assert list(missing(["22"], "a\n22\n")) == []


def test_a_block_without_output_is_seen():
    with pytest.raises(AssertionError, match="no output is shown"):
        list(blocks("# x\n\n```bash\nls\n```\n\nText\n"))
