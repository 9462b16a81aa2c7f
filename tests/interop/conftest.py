# SPDX-License-Identifier: Apache-2.0
"""What the tests with peers meter, unless a module has a `sent` of its own.

    sent        crafted biflows, counted while they were made (traffic.py)
    capture     the file they are in
"""
import pytest

from interop import traffic


@pytest.fixture(scope="module")
def sent():
    return traffic.standard()


@pytest.fixture(scope="module")
def capture(sent, tmp_path_factory):
    return sent.write(tmp_path_factory.mktemp("sent") / "standard.pcap")
