# SPDX-License-Identifier: Apache-2.0
"""The pages say what is so.

Blocks fenced as ```sh in README.md, HACKING.md and docs/*.md are run, each by itself, in a scratch
folder that looks like the top of the tree with the program under test at build/weir; all must end
with status 0. Blocks fenced as ```console only show what things look like. Relative links lead
somewhere, the table of rooms is the list's, cases and tests that a page names exist. Each check has
a twin with a fault planted.
"""
import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN_PAGES = sorted([ROOT / "README.md", ROOT / "HACKING.md", *(ROOT / "docs").glob("*.md")])
SCRATCH_NAMES = ("share", "etc", "docs", "include", "VERSION")     # what blocks may read
SECONDS_MAX = 60
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
MACHINE_PATH = re.compile(r"(?<![\w.$}*:/])/(?:home|Users|work|root|mnt|tmp)/\w")
ROOMS_BEGIN, ROOMS_END = "<!-- rooms: tools/rooms --markdown -->\n", "<!-- end of rooms -->\n"


def pages():
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others",
                                 "--exclude-standard", "*.md"], capture_output=True, text=True)
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:                               # a tree from an archive
        found = [path for path in ROOT.rglob("*.md") if "build" not in path.parts]
    return sorted(path for path in found if path.exists())


def name_of(path):
    return str(path.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", pages(), ids=name_of)


# ---- blocks that are run ----

def blocks(text, kind="sh"):
    """(line, text) of each fenced block of a kind."""
    return [(text.count("\n", 0, found.start()) + 1, found.group(2))
            for found in FENCE.finditer(text) if found.group(1) == kind]


def all_blocks():
    return [pytest.param(block, id="%s:%d" % (name_of(page), line))
            for page in RUN_PAGES for line, block in blocks(page.read_text())]


def run_block(block, folder, program):
    for name in SCRATCH_NAMES:
        (folder / name).symlink_to(ROOT / name)
    (folder / "build").mkdir()
    (folder / "build" / "weir").symlink_to(program)
    return subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=folder, text=True,
                          capture_output=True, timeout=SECONDS_MAX, stdin=subprocess.DEVNULL,
                          env={**os.environ, "TZ": "UTC"})


def written(folder):
    return [path for path in [*folder.glob("*"), *folder.glob("build/*")]
            if path.is_file() and not path.is_symlink()]


@pytest.mark.parametrize("block", all_blocks())
def test_block_runs(block, tmp_path, weir_program):
    done = run_block(block, tmp_path, weir_program)
    assert done.returncode == 0, "%s\nended with status %d\n%s" % (
        block, done.returncode, done.stderr)
    assert "error" not in done.stderr.lower(), "%s\nsaid\n%s" % (block, done.stderr)
    assert done.stdout or written(tmp_path), "%s\nshowed and wrote nothing" % block


def test_a_planted_wrong_command_is_seen(tmp_path, weir_program):
    assert run_block("build/weir meter -r share/captures/none.pcap\ntrue", tmp_path,
                     weir_program).returncode != 0


def test_a_block_is_found_with_its_line():
    assert blocks("a\n\n```sh\nls\n```\n```console\n$ rm\n```\n") == [(3, "ls\n")]


# ---- links and paths ----

def prose(text):
    return FENCE.sub("", text)


def anchors(text):
    """Headings as GitHub makes anchors of them."""
    heads = re.findall(r"^#+ +(.+?) *$", prose(text), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken_links(page, text):
    for target in LINK.findall(prose(text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        where = (page.parent / path).resolve() if path else page
        if not where.exists() or ROOT not in [where, *where.parents]:
            yield target
        elif anchor and anchor not in anchors(text if where == page else where.read_text()):
            yield target


@every_page
def test_links_lead_somewhere(page):
    assert not list(broken_links(page, page.read_text()))


def test_planted_broken_links_are_seen():
    page = ROOT / "docs" / "README.md"
    text = "# One two\n[a](none.md) [b](#one-two) [c](#three) [d](../README.md) [e](../../x)\n"
    assert list(broken_links(page, text)) == ["none.md", "#three", "../../x"]


def machine_paths(text):
    return [line for line in text.splitlines() if MACHINE_PATH.search(line)]


@every_page
def test_no_path_of_a_machine(page):
    assert not machine_paths(page.read_text())


def test_planted_machine_paths_are_seen():
    assert len(machine_paths("see /ho" "me/ann/x\nin /tm" "p/x\n/var/log/weir\nshare/tmp/x\n")) == 2


@every_page
def test_page_begins_with_a_heading(page):
    assert page.read_text().startswith("# ")


def test_every_page_of_docs_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    assert not [path.name for path in (ROOT / "docs").glob("*.md")
                if path.name != "README.md" and "(%s)" % path.name not in index]


# ---- what pages name ----

def golden_cases():
    """row-function of each @case in tests/golden/cases, by its text: nothing is imported."""
    names = set()
    for path in (ROOT / "tests" / "golden" / "cases").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            for call in getattr(node, "decorator_list", ()):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "case":
                    names.add("%s-%s" % (call.args[0].value, node.name))
    return names


def rule_rows():
    """Cells of each rule of docs/semantics.md."""
    lines = (ROOT / "docs" / "semantics.md").read_text().splitlines()
    rows = [re.split(r" *\| *", line.strip("| ")) for line in lines if line.startswith("| ")]
    return [row for row in rows if row[0] != "question"]


def test_rules_name_their_cases():
    known = golden_cases()
    assert len(known) > 100
    for row in rule_rows():
        assert len(row) == 4, row
        named = re.findall(r"`([^`]+)`", row[3])
        assert named, "the rule %r names no test" % row[0]
        for name in named:
            assert name in known or is_test(name), "%s: there is no %s" % (row[0], name)


def is_test(name):
    path, _, function = name.partition("::")
    return (ROOT / path).is_file() and re.search(
        r"^def %s\(" % re.escape(function), (ROOT / path).read_text(), re.M) is not None


def test_planted_missing_test_is_seen():
    assert is_test("tests/docs/test_docs.py::is_test")
    assert not is_test("tests/docs/test_docs.py::test_that_is_not_there")


def missing_files(text):
    """Names in backquotes that look like files of the tree and are none; NAME stands for any."""
    names = re.findall(
        r"`((?:src|tests|tools|docs|share|etc|include|man|packaging)/[\w./-]+\w)`", text)
    return [name for name in names if not re.search(r"NAME|TARGET", name) and
            not (ROOT / name).exists()]


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "HACKING.md", "SECURITY.md",
                                  "docs/semantics.md", "docs/README.md"])
def test_files_that_a_page_names_exist(page):
    assert not missing_files((ROOT / page).read_text())


def test_planted_missing_file_is_seen():
    assert missing_files("`src/flow/meter.c` and `src/flow/none.c`") == ["src/flow/none.c"]


def options_of_help(weir):
    found = set(re.findall(r"--[a-z][a-z-]+", weir("help", "meter").stdout))
    return found | {"--version", "--help"}


@pytest.mark.parametrize("page", ["README.md", "docs/semantics.md"])
def test_options_that_a_page_names_exist(page, weir):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / page).read_text()))
    assert not named - options_of_help(weir) - {"--all"}


# ---- the table of rooms ----

def rooms_table(text):
    return text.split(ROOMS_BEGIN)[1].split(ROOMS_END)[0].strip()


def test_table_of_rooms_is_the_list():
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "rooms"), "--markdown"],
                          capture_output=True, text=True, check=True)
    assert rooms_table((ROOT / "ARCHITECTURE.md").read_text()) == done.stdout.strip(), \
        "ARCHITECTURE.md: put what tools/rooms --markdown prints between the two comments"


def planned_rooms():
    listed = [line.split("|")[0].strip() for line in
              (ROOT / "tools" / "rooms.txt").read_text().splitlines()
              if "|" in line and line[0] != "#"]
    return [room for room in listed if not list((ROOT / "src" / room).glob("*.c"))]


def test_planned_rooms_are_called_planned():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    said = re.search(r"^Planned, no folder yet: (.*?)\.$", text, re.M | re.S).group(1)
    assert [room.strip() for room in said.split(",")] == planned_rooms()


def test_built_rooms_have_a_page():
    built = [path for path in sorted((ROOT / "src").iterdir()) if list(path.glob("*.c"))]
    assert not [path.name for path in built if not (path / "README.md").exists()]


def test_tools_that_blocks_use_are_everywhere():
    """Blocks are for a fresh machine: the shell, coreutils and weir, nothing else. Not head: what
    writes to it may be ended by its leaving early."""
    allowed = {"build/weir", "wc", "sort", "cat", "ls"}
    for page in RUN_PAGES:
        for line, block in blocks(page.read_text()):
            for command in re.split(r"\n|\|", block.replace("\\\n", " ")):
                words = command.split()
                if words and not words[0].startswith("#"):
                    assert words[0] in allowed, "%s:%d: %s" % (page.name, line, words[0])
