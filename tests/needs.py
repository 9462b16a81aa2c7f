# SPDX-License-Identifier: Apache-2.0
"""What a test says when something that it needs is not there."""
import os

import pytest

IN_CI = os.environ.get("CI") == "true"


def lacking(reason):
    """A skip for people, a failure in CI."""
    if IN_CI:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
