#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: install what is missing, build, and meter a capture
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"
die "demo is not built yet"
