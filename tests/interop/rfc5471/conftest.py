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

    def start(way, *arguments, **more):
        folder = tmp_path / f"{way}{len(started)}"
        folder.mkdir()
        kind = WAYS[way]
        host = request.getfixturevalue("namespace") if kind.live else None
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
        return collector.finish()
    return send
