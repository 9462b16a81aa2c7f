#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: drive a fuzz target with libFuzzer
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"
die "fuzz is not built yet"
