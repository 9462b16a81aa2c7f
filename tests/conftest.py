# SPDX-License-Identifier: Apache-2.0
"""What every Python test shares: the program under test, tools, third-party captures, namespaces.

    weir            runs the program: weir("meter", "-r", path) -> CompletedProcess
    weir_program    its path (variable WEIR_PROGRAM, else the newest build under build/)
    tool            tool("tshark") -> path; a missing tool skips, with CI=true it fails
    data_dir        the folder WEIR_DATA of third-party captures; absent: the test skips
    bench_build     the build that the program comes from, with the programs of tests/bench
    lab             network namespaces joined by links, gone again at the end (net/lab.py)
"""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from needs import lacking
from net.lab import Lab, why_no_namespaces

ROOT = Path(__file__).resolve().parents[1]


def find_program():
    named = os.environ.get("WEIR_PROGRAM")
    if named:
        return Path(named)
    built = [path for path in (ROOT / "build/gcc/src/cli/weir", ROOT / "build/release/src/cli/weir")
             if path.exists()]
    if not built:
        pytest.exit("no build of weir: run ./dev build, or name one in WEIR_PROGRAM", 3)
    return max(built, key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="session")
def weir_program():
    return find_program()


@pytest.fixture(scope="session")
def weir(weir_program):
    def run(*arguments, timeout=60, **options):
        options.setdefault("text", True)
        return subprocess.run([str(weir_program), *map(str, arguments)], capture_output=True,
                              timeout=timeout, **options)
    return run


@pytest.fixture(scope="session")
def tool():
    def find(name):
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if path is None:
            lacking(f"{name} is not installed (./dev deps test)")
        return path
    return find


@pytest.fixture(scope="session")
def data_dir():
    path = Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data"))
    if not path.is_dir():
        pytest.skip(f"WEIR_DATA: no third-party captures at {path}")
    return path


@pytest.fixture(scope="session")
def captures():
    """The captures that come with the project."""
    return ROOT / "share" / "captures"


@pytest.fixture(scope="session")
def bench_build(weir_program):
    build = weir_program.resolve().parents[2]
    if not (build / "tests/bench/bench_sink").exists():
        lacking(f"the programs of the bench are not built in {build} (./dev build gcc)")
    return build


@pytest.fixture(scope="session")
def has_ndpi(weir):
    return "libndpi" in weir("--version").stdout


@pytest.fixture(autouse=True)
def ndpi_where_it_is_marked(request):
    if request.node.get_closest_marker("ndpi") and not request.getfixturevalue("has_ndpi"):
        lacking("weir is built without libndpi (./dev deps build)")


@pytest.fixture
def lab():
    reason = why_no_namespaces()
    if reason:
        lacking(reason)
    with Lab() as made:
        yield made
