#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: long hostile runs: every fuzz target, damaged captures; "fresh", "flood", "payloads": others
#
# usage: ./dev soak [MINUTES]     fuzz targets and damaged captures, sharing MINUTES (20)
#        ./dev soak fresh         ./dev demo and ./dev test in a debootstrapped Debian 12 (root)
#        ./dev soak flood         10 M flows of one packet fall upon a table of 1 M with 1,000 alive
#        ./dev soak payloads [FLOWS [SEED]]
#                                 10 M flows of hostile payloads: weir and libndpi with sanitizers
#                                 (the source of libndpi is fetched), then both as they are
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

if [ "${1:-}" = fresh ]; then
	install_missing root
	shift
	exec bash "$root/tools/dev/fresh-root" "$@"
fi
if [ "${1:-}" = flood ]; then
	install_missing build test
	build_release
	export WEIR="$root/build/weir"
	exec /usr/bin/python3 "$root/tests/golden/siege.py" 10000000 1000000 100000
fi
if [ "${1:-}" = payloads ]; then
	install_missing build test fuzz
	"$root/tools/dev/libndpi-asan" "$root/build/libndpi"
	build_kind asan src/cli/weir
	build_kind gcc src/cli/weir tests/bench/bench_payloads
	exec /usr/bin/python3 "$root/tools/dev/payloads.py" \
		"$root/build/gcc/tests/bench/bench_payloads" "${2:-10000000}" "${3:-1}" \
		"sanitized:$root/build/asan/src/cli/weir:$root/build/libndpi:256" \
		"plain:$root/build/gcc/src/cli/weir::128"
fi
minutes=${1:-20}
case $minutes in
*[!0-9]* | '') die "soak: \"$minutes\" is no number of minutes" ;;
esac

install_missing build test fuzz
say "Building with sanitizers ..."
build_kind asan
failed=0
targets=()
for source in "$root"/tests/fuzz/fuzz_*.c; do
	source=${source##*/fuzz_}
	targets+=("${source%.c}")
done
part=$((minutes * 60 / (${#targets[@]} + 1)))
for target in "${targets[@]}"; do
	title "fuzz $target, $part s"
	"$root/dev" fuzz "$target" "$part" 2>"$root/build/soak-$target.log" | tail -n 1 ||
		{ tail -n 40 "$root/build/soak-$target.log"; failed=$((failed + 1)); }
done
title "damaged captures, $part s"
/usr/bin/python3 "$root/tools/dev/damage.py" "$root/build/asan/src/cli/weir" "$part" ||
	failed=$((failed + 1))
[ $failed = 0 ] || die "soak: $failed of $((${#targets[@]} + 1)) parts failed; see build/findings"
say "soak: nothing broke"
