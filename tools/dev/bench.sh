#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: measure the speed of this machine with weir
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"
die "bench is not built yet"
