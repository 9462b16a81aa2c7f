#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: record share/captures/ anew from real programs
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"
die "record is not built yet"
