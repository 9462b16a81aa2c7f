#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: check the sources: includes, licence lines, layout, sizes, words, static analysis
#
# usage: ./dev lint [CHECK...]
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

install_missing build lint
exec /usr/bin/python3 "$root/tools/lint/run" "$@"
