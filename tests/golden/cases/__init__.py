# SPDX-License-Identifier: Apache-2.0
"""The golden cases, one module a topic; importing the package registers them all."""
from . import (counters, direction, flood, fragments, key, link, octets,  # noqa: F401
               protocols, tcpend, time, tunnel)
