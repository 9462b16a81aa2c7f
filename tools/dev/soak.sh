#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: long hostile runs: fuzzing, damaged captures
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"
die "soak is not built yet"
