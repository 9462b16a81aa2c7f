# SPDX-License-Identifier: Apache-2.0
"""The checks of ./dev lint that read the text of the project's files.

Each check is a function root -> list of findings ("file:line: what"), listed in CHECKS with the
name under which tests/lint plants a fault for it.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

COLUMNS = 100
FUNCTION_LINES = 80
FILE_LINES = 800
PARAMETERS = 5

CODE = {".c", ".h", ".def", ".py", ".sh", ".js", ".css"}
BINARY = {".pcap", ".pcapng", ".gz", ".zst", ".png", ".cap", ".bin"}
NO_SPDX = {"LICENSE", "VERSION", ".gitignore", ".gitattributes"}
NO_SPDX_SUFFIX = BINARY | {".md", ".json", ".csv", ".svg", ".expected"}


def files(root):
    """The files that belong to the project: what git tracks or would add; all, outside a clone."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], capture_output=True)
    if listed.returncode == 0:
        paths = [root / name for name in listed.stdout.decode().split("\0") if name]
    else:
        paths = list(root.rglob("*"))
    return sorted(path for path in paths if path.is_file() and ".git" not in path.parts)


def is_text(path):
    if path.suffix in BINARY or "seeds" in path.parts:
        return False
    with open(path, "rb") as file:
        return b"\0" not in file.read(4096)


def is_code(path):
    if path.suffix in CODE or path.name == "meson.build":
        return True
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def texts(root):
    """(name, lines) of each text file."""
    for path in files(root):
        if is_text(path):
            yield path, str(path.relative_to(root)), path.read_text(errors="replace").split("\n")


def spdx(root):
    """The licence stands in one line at the top of every file that can hold a comment."""
    findings = []
    for path, name, lines in texts(root):
        if path.name in NO_SPDX or path.suffix in NO_SPDX_SUFFIX or not any(lines):
            continue
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
            findings.append(f"{name}:1: no SPDX line (SPDX-License-Identifier: Apache-2.0)")
    return findings


def columns(root):
    """Code is at most 100 columns wide, a tab counted as four."""
    def width(line):
        return len(line.expandtabs(4))
    return [f"{name}:{number}: {width(line)} columns, at most {COLUMNS}"
            for path, name, lines in texts(root) if is_code(path) and path.name != "meson.build"
            for number, line in enumerate(lines, 1) if width(line) > COLUMNS]


def blanks(root):
    """No blanks at the end of a line, one newline at the end of a file, no carriage returns."""
    findings = []
    for _, name, lines in texts(root):
        findings += [f"{name}:{number}: blanks at the end of the line"
                     for number, line in enumerate(lines, 1) if line != line.rstrip()]
        if lines[-1] != "":
            findings.append(f"{name}:{len(lines)}: no newline at the end of the file")
        elif len(lines) > 2 and lines[-2] == "":
            findings.append(f"{name}:{len(lines) - 1}: blank lines at the end of the file")
    return findings


def tabs(root):
    """C and shell are indented by tabs, Python and meson by blanks."""
    findings = []
    for path, name, lines in texts(root):
        by_tab = path.suffix in (".c", ".h")
        by_blank = path.suffix == ".py" or path.name == "meson.build"
        before = ""
        for number, line in enumerate(lines, 1):
            # Blanks may align what goes on from the line before; a new statement takes tabs.
            if by_tab and re.match(r" {4,}\S", line) and before.endswith(("{", ";", "}")):
                findings.append(f"{name}:{number}: indented by blanks, not tabs")
            before = line.split("/*")[0].rstrip()
            if by_blank and re.match(r" *\t", line):
                findings.append(f"{name}:{number}: indented by tabs, not blanks")
    return findings


def file_length(root):
    return [f"{name}:{len(lines)}: {len(lines) - 1} lines, at most {FILE_LINES}: make it two files"
            for path, name, lines in texts(root)
            if path.suffix in (".c", ".h") and len(lines) - 1 > FILE_LINES]


def functions(root):
    """Functions of at most 80 lines and 5 parameters, as ctags sees them."""
    sources = [str(path.relative_to(root)) for path in files(root) if path.suffix == ".c"]
    if not sources:
        return []
    done = subprocess.run(["ctags", "--output-format=json", "--fields=+neS", "--kinds-C=f", "-f",
                           "-", *sources], capture_output=True, text=True, cwd=root, check=True)
    findings = []
    for tag in map(json.loads, done.stdout.splitlines()):
        length = tag.get("end", tag["line"]) - tag["line"] + 1
        place = f"{tag['path']}:{tag['line']}: {tag['name']}()"
        if length > FUNCTION_LINES:
            findings.append(f"{place} has {length} lines, at most {FUNCTION_LINES}")
        number = parameters(tag.get("signature", "()"))
        if number > PARAMETERS and tag["path"].startswith("src/"):
            findings.append(f"{place} has {number} parameters, at most {PARAMETERS}")
    return findings


def parameters(signature):
    depth, number = 0, 1
    inner = signature.strip()[1:-1].strip()
    if inner in ("", "void"):
        return 0
    for letter in inner:
        depth += (letter == "(") - (letter == ")")
        number += letter == "," and depth == 0
    return number


# The project speaks of itself alone, and runs on any machine: no folder of somebody's machine, no
# fixed name under /tmp in code, nothing left to do in comments, no word about how it was written.
WORDS = [
    (re.compile(r"(?<![\w.$}*])/(?:home|Users|work|root|mnt)/\w"), "a path of somebody's machine"),
    (re.compile(r"(?<![\w.$}])/tmp/\w(?!\S*XXXXXX)"), "a fixed name under /tmp: use mkstemp"),
    (re.compile(r"\b(?:TODO|FIXME|XXX)\b"), "something left to do: do it or record it as rough"),
    (re.compile(r"\b(?:AI|LLM|[Aa]ssistant|[Cc]hatbot|language model)\b"), "no matter of weir's"),
]
DATA_PATH = re.compile(r"\.\./shared")
THIS = {"tools/lint/checks.py", "tests/lint/test_lint.py"}


def words(root):
    findings = []
    for _, name, lines in texts(root):
        if name in THIS or name == "LICENSE":
            continue
        test = name.startswith("tests/")
        for number, line in enumerate(lines, 1):
            # Tests may speak of any path, as long as they do not write there.
            findings += [f"{name}:{number}: {why}" for pattern, why in WORDS
                         if pattern.search(line) and not (test and "/tmp" in why)]
            if DATA_PATH.search(line) and not test and name != "dev":
                findings.append(f"{name}:{number}: only ./dev and tests know WEIR_DATA's default")
    return findings


def rooms(root):
    """No include against tools/rooms.txt, so that no circle of folders can appear."""
    tool = Path(__file__).resolve().parents[1] / "rooms"
    done = subprocess.run([sys.executable, str(tool), "--root", str(root)], capture_output=True,
                          text=True)
    return [line for line in (done.stdout + done.stderr).splitlines() if line]


def headers(root):
    """Every header compiles by itself."""
    findings = []
    for path in sorted([*root.glob("src/*/*.h"), *root.glob("include/*/*.h")]):
        done = subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-x",
                               "c", "-I", str(root / "src"), "-I", str(root / "include"), "-"],
                              input=f'#include "{path}"\nint unit;\n', capture_output=True,
                              text=True)
        if done.returncode:
            first = ([line for line in done.stderr.splitlines() if "error" in line] + ["?"])[0]
            findings.append(f"{path.relative_to(root)}:1: does not compile by itself: {first}")
    return findings


def fuzz_list(root):
    """Every fuzz target stands in tests/fuzz/meson.build, or it would silently never run."""
    build = root / "tests/fuzz/meson.build"
    listed = re.findall(r"'([a-z0-9_]+)'", build.read_text()) if build.exists() else []
    return [f"{path.relative_to(root)}:1: not in the list of tests/fuzz/meson.build"
            for path in sorted(root.glob("tests/fuzz/fuzz_*.c"))
            if path.stem.removeprefix("fuzz_") not in listed]


def unit_list(root):
    """Every unit test and every source stands in the meson.build beside it."""
    findings = []
    for path in sorted([*root.glob("tests/unit/*/test_*.c"), *root.glob("src/*/*.c")]):
        build = path.parent / "meson.build"
        listed = re.findall(r"'([A-Za-z0-9_./]+)'", build.read_text()) if build.exists() else []
        if path.name not in listed:
            findings.append(f"{path.relative_to(root)}:1: not in the meson.build beside it")
    return findings


def shell(root):
    scripts = [path for path in files(root) if is_text(path) and re.match(
        rb"#!.*\b(?:ba)?sh\b|# shellcheck shell", path.read_bytes()[:60])]
    if not scripts:
        return []
    done = subprocess.run(["shellcheck", "-x", "-f", "gcc", "-e", "SC1090,SC1091",
                           *(str(path.relative_to(root)) for path in scripts)],
                          capture_output=True, text=True, cwd=root)
    return (done.stdout + done.stderr).splitlines()


# What the compilers judge better: cppcheck loses values that are set through pointers and macros.
CPPCHECK_KNOWN = [f"--suppress={name}" for name in (
    "normalCheckLevelMaxBranches", "uninitvar", "legacyUninitvar", "invalidPrintfArgType_uint",
    "invalidPrintfArgType_sint", "unknownMacro")]


def cppcheck(root):
    """Static analysis with few but firm rules: errors, portability, performance, warnings."""
    if not any(root.glob("src/*/*.c")):
        return []
    done = subprocess.run(["cppcheck", "--quiet", "--enable=warning,portability,performance",
                           "--std=c11", "-D_GNU_SOURCE", "-Isrc", "-Iinclude", "--inline-suppr",
                           "--suppress=missingIncludeSystem", *CPPCHECK_KNOWN,
                           "--template={file}:{line}: {message} [{id}]", "-j2", "src"],
                          capture_output=True, text=True, cwd=root)
    said = (done.stdout + done.stderr).splitlines()
    return [line for line in said if re.match(r"\S+:\d+: ", line)]


CHECKS = [spdx, columns, blanks, tabs, file_length, functions, words, rooms, headers, fuzz_list,
          unit_list, shell, cppcheck]
NEEDS = {functions: "ctags", headers: "gcc", shell: "shellcheck", cppcheck: "cppcheck"}
