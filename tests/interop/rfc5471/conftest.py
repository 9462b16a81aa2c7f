# SPDX-License-Identifier: Apache-2.0
"""What the tests of RFC 5471's plan share: ways into weir collect, one namespace for all of them.

    collect     collect("tcp", ...) -> a collector that runs (collectors.py)
    way         the same, over every transport in turn
    over        sends messages over the transport in turn and returns the result
"""
import os

import pytest

from interop.rfc5471.collectors import WAYS
from net.lab import Lab, why_no_namespaces


@pytest.fixture(scope="session")
def namespace():
    reason = why_no_namespaces()
    if reason:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with Lab() as lab:
        yield lab.host("plan")


@pytest.fixture
def collect(weir_program, tmp_path, request):
    started = []

    def start(way, *arguments, host=None, **more):
        folder = tmp_path / f"{way}{len(started)}"
        folder.mkdir()
        kind = WAYS[way]
        if kind.live and host is None:
            host = request.getfixturevalue("namespace")
        made = kind(str(weir_program), folder, host, *arguments, **more)
        started.append(made)
        return made
    yield start
    for made in started:
        made.close()


@pytest.fixture(params=list(WAYS))
def transport(request):
    return request.param


@pytest.fixture
def way(collect, transport):
    return lambda *arguments, **more: collect(transport, *arguments, **more)


@pytest.fixture
def over(way):
    def send(*messages, arguments=()):
        collector = way(*arguments)
        collector.send(*messages)
        return collector.finish(settle=bool(arguments))
    return send


def pytest_collection_modifyitems(config, items):
    """Messages are decoded by one code, whatever brings them: of a long list of cases the live
    transports see the first, files and captures all."""
    groups = {}
    for item in items:
        call = getattr(item, "callspec", None)
        if call and call.params.get("transport") in WAYS and "rfc5471" in str(item.fspath):
            groups.setdefault(item.originalname, {}).setdefault(
                call.params["transport"], []).append(item)
    spared = {id(item) for ways in groups.values() if set(ways) == set(WAYS)
              for name, cases in ways.items() if WAYS[name].live for item in cases[1:]}
    config.hook.pytest_deselected(items=[item for item in items if id(item) in spared])
    items[:] = [item for item in items if id(item) not in spared]
