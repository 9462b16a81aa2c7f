# SPDX-License-Identifier: Apache-2.0
"""libweir as its users see it: installed, found by pkg-config, used by the example.

The shared library must show weir_* and nothing else, so that its inner names cannot clash with a
program's own; the example must give the same records as the program.
"""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def installed(weir_program, tmp_path_factory):
    """Where the build of the program under test has been installed to."""
    build = weir_program.resolve().parents[2]
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", root],
                   check=True, capture_output=True, timeout=120)
    return root


@pytest.fixture(scope="module")
def library(installed):
    return next(path for path in installed.rglob("libweir.so*") if not path.is_symlink())


def flags(root, *what):
    """What pkg-config says, with the folders where the files stand now."""
    folder = next(root.rglob("weir.pc")).parent
    environment = {**os.environ, "PKG_CONFIG_PATH": str(folder)}
    text = subprocess.run(["pkg-config", *what, "weir"], check=True, capture_output=True,
                          text=True, env=environment).stdout
    return re.sub(r"(-[IL])/", rf"\1{root}/", text).split()


@pytest.fixture(scope="module")
def example(installed, root_folder, tmp_path_factory):
    program = tmp_path_factory.mktemp("example") / "flows"
    compiler = shutil.which("cc") or shutil.which("gcc")
    source = root_folder / "share/examples/flows.c"
    subprocess.run([compiler, "-Wall", "-Werror", source, "-o", program,
                    *flags(installed, "--cflags", "--libs")], check=True, timeout=60)
    return program


@pytest.fixture(scope="module")
def root_folder():
    return Path(__file__).resolve().parents[2]


def test_the_example_gives_the_records_of_the_program(example, library, weir, root_folder):
    capture = root_folder / "share/captures/demo.pcap"
    run = subprocess.run([example, capture], capture_output=True, text=True, timeout=30,
                         env={**os.environ, "LD_LIBRARY_PATH": str(library.parent)})
    assert run.returncode == 0, run.stderr
    own = [json.loads(line) for line in run.stdout.splitlines()]
    program = weir("meter", "-r", capture, "-d", "15s", "-o", "json:-").stdout
    assert own and own == [json.loads(line) for line in program.splitlines()]
    assert f"{len(own)} records" in run.stderr


def test_the_example_says_what_is_wrong(example, library):
    run = subprocess.run([example, "/no/such.pcap"], capture_output=True, text=True, timeout=30,
                         env={**os.environ, "LD_LIBRARY_PATH": str(library.parent)})
    assert run.returncode == 1
    assert "/no/such.pcap: cannot open: No such file" in run.stderr


def test_only_the_public_face_is_visible(library):
    names = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True,
                           text=True).stdout.split("\n")
    exported = {line.split()[-1].split("@")[0] for line in names if line}
    exported.discard("WEIR_0")
    assert exported and all(name.startswith("weir_") for name in exported)
    assert {"weir_open", "weir_set", "weir_run", "weir_record_json"} <= exported
