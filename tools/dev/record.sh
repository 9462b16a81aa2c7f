#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: record share/captures/ anew from real programs in network namespaces
#
# usage: ./dev record [FILE...]
#
# Needs root. Installs the programs, lets them talk over virtual cables and writes what passes.
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

install_missing record
privileged /usr/bin/python3 "$root/tests/record/run.py" "$@"
