#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: build a release; the program is build/weir
#
# usage: ./dev build [KIND]
#
# KIND is release (default), gcc (release with unit tests), plain (without what may be left out:
# libndpi), asan, tsan or fuzz; each has its own directory under build/.
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

kind=${1:-release}
case $kind in
release)
	install_missing build
	build_release
	say "build/weir is ready ($("$root/build/weir" --version 2>/dev/null | head -n 1))"
	;;
*)
	install_missing build test fuzz
	build_kind "$kind" all meson-test-prereq
	say "build/$kind/src/cli/weir is ready"
	;;
esac
