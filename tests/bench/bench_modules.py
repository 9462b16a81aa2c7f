# SPDX-License-Identifier: Apache-2.0
"""The bench's own modules for its tests: bench.py runs as a program, so they lie beside it flat."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import answers  # noqa: E402, F401
import live  # noqa: E402, F401
import peers  # noqa: E402, F401
import runs  # noqa: E402, F401
import workloads  # noqa: E402, F401
