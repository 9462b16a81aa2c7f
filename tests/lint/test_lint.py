# SPDX-License-Identifier: Apache-2.0
"""Each check of ./dev lint sees the fault it is for, and is quiet about a tree without one.

A twin per check: the same small tree, sound, then with the fault planted.
"""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lint"))
import checks  # noqa: E402

SPDX_C = "/* SPDX-License-Identifier: Apache-2.0 */\n"
SPDX = "# SPDX-License-Identifier: Apache-2.0\n"
TREE = {
    "tools/rooms.txt": SPDX + "base | - | low\nflow | base | high\n",
    "src/base/low.h": SPDX_C + "#include <stdint.h>\nuint8_t low(void);\n",
    "src/base/low.c": SPDX_C + '#include "base/low.h"\n\nuint8_t low(void)\n{\n\treturn 1;\n}\n',
    "src/base/meson.build": SPDX + "weir_sources += files('low.c')\n",
    "src/flow/high.c": SPDX_C + '#include "base/low.h"\n\nint high(void)\n{\n\treturn low();\n}\n',
    "src/flow/meson.build": SPDX + "weir_sources += files('high.c')\n",
    "tests/fuzz/meson.build": SPDX + "fuzz_targets = ['low']\n",
    "tests/fuzz/fuzz_low.c": SPDX_C + "int unit;\n",
    "tools/run.sh": "#!/bin/sh\n" + SPDX + 'printf "%s\\n" "$1"\n',
}


def long_function(lines):
    return "int high(void)\n{\n" + "\tlow();\n" * (lines - 3) + "}\n"


# check: (file, what to put in the place of what it holds)
FAULTS = [
    ("spdx", "src/base/low.c", lambda text: text.removeprefix(SPDX_C)),
    ("spdx", "tools/run.sh", lambda text: text.replace(SPDX, "")),
    ("columns", "src/base/low.c", lambda text: text + "/* " + "x" * 98 + " */\n"),
    ("blanks", "src/base/low.c", lambda text: text.replace("return 1;", "return 1; ")),
    ("blanks", "src/base/low.c", lambda text: text.rstrip("\n")),
    ("blanks", "src/base/low.c", lambda text: text + "\n\n"),
    ("tabs", "src/base/low.c", lambda text: text.replace("\treturn", "        return")),
    ("file_length", "src/base/low.c", lambda text: text + "int x;\n" * 800),
    ("functions", "src/flow/high.c", lambda text: text + long_function(81)),
    ("functions", "src/flow/high.c",
     lambda text: text + "int six(int a, int b, int c, int d, int e, int f);\n"
     "int six(int a, int b, int c, int d, int e, int f)\n{\n\treturn a;\n}\n"),
    ("words", "src/base/low.c", lambda text: text + "/* /ho" "me/ann/weir */\n"),
    ("words", "src/base/low.c", lambda text: text + "/* TO" "DO: finish */\n"),
    ("words", "src/base/low.c", lambda text: text + '/* "../sha' 'red/data" */\n'),
    ("words", "src/base/low.c", lambda text: text + "/* as the assis" "tant said */\n"),
    ("words", "tools/run.sh", lambda text: text + "cat /tm" "p/list\n"),
    ("rooms", "src/base/low.c", lambda text: text.replace("base/low.h", "flow/high.h")),
    ("rooms", "src/base/low.h", lambda text: text.replace("<stdint.h>", '"flow/high.c"')),
    ("rooms", "src/flow/high.c", lambda text: text.replace("base/low.h", "../base/low.h")),
    ("rooms", "tools/rooms.txt", lambda text: text.replace("base | -", "base | flow")),
    ("rooms", "src/odd/odd.c", lambda text: SPDX_C),
    ("headers", "src/base/low.h", lambda text: text.replace("#include <stdint.h>\n", "")),
    ("fuzz_list", "tests/fuzz/meson.build", lambda text: text.replace("'low'", "'other'")),
    ("unit_list", "src/base/meson.build", lambda text: text.replace("'low.c'", "")),
    ("shell", "tools/run.sh", lambda text: text.replace('"$1"', "$1")),
    ("cppcheck", "src/base/low.c", lambda text: text +
     "int bad(void)\n{\n\tint a[2] = { 0, 0 };\n\n\treturn a[2];\n}\n"),
]


@pytest.fixture
def tree(tmp_path):
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(name, root, tool):
    check = getattr(checks, name)
    if check in checks.NEEDS:
        tool(checks.NEEDS[check])
    return check(root)


@pytest.mark.parametrize("name", [check.__name__ for check in checks.CHECKS])
def test_sound_tree_has_no_findings(name, tree, tool):
    assert run(name, tree, tool) == []


@pytest.mark.parametrize("name,file,fault", FAULTS,
                         ids=[f"{name}-{number}" for number, (name, *_) in enumerate(FAULTS)])
def test_planted_fault_is_found(name, file, fault, tree, tool):
    path = tree / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(fault(path.read_text() if path.exists() else ""))
    findings = run(name, tree, tool)
    assert findings, f"{name} did not see the fault in {file}"
    assert all(finding.startswith(("src/", "tests/", "tools/")) for finding in findings)


def test_every_check_has_a_twin():
    assert {check.__name__ for check in checks.CHECKS} == {name for name, *_ in FAULTS}


def test_eighty_lines_are_allowed(tree, tool):
    path = tree / "src/flow/high.c"
    path.write_text(path.read_text().split("int high")[0] + long_function(80))
    assert run("functions", tree, tool) == []


def test_include_circle_in_a_copy_of_the_project_is_found(tmp_path):
    """The real tree, with one include planted that runs against the list."""
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copytree(ROOT / "include", tmp_path / "include")
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "rooms.txt", tmp_path / "tools")
    assert checks.rooms(tmp_path) == []
    victim = tmp_path / "src/base/error.c"
    victim.write_text('#include "engine/engine.h"\n' + victim.read_text())
    assert any('base may not include "engine/engine.h"' in finding
               for finding in checks.rooms(tmp_path))


def test_results_are_written_for_the_test_run(tree, tmp_path):
    results = tmp_path / "out" / "results.json"
    done = subprocess.run([sys.executable, str(ROOT / "tools/lint/run"), "--root", str(tree),
                           "--results", str(results), "spdx", "blanks"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert [case["state"] for case in json.loads(results.read_text())] == ["passed", "passed"]
    assert done.stdout.splitlines()[-1] == "2 passed, 0 failed, 0 skipped"
