#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: drive a fuzz target with libFuzzer (no argument: list the targets)
#
# usage: ./dev fuzz [TARGET [SECONDS]]
#
# Builds with clang, libFuzzer, ASan and UBSan; runs TARGET for SECONDS (60). What it learns is kept
# under build/corpus/TARGET; an input that breaks something lies in build/findings/TARGET, and
# ./dev fuzz TARGET FILE runs that input alone. Fix it, then add it to tests/fuzz/seeds/TARGET.
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

targets() {
	local source
	for source in "$root"/tests/fuzz/fuzz_*.c; do
		[ -e "$source" ] || continue
		source=${source##*/fuzz_}
		printf '%s\n' "${source%.c}"
	done
}

if [ $# = 0 ]; then
	say "targets: $(targets | tr '\n' ' ')"
	exit 0
fi
target=$1
seconds=${2:-60}
[ -e "$root/tests/fuzz/fuzz_$target.c" ] ||
	die "fuzz: no target \"$target\"; expected one of: $(targets | tr '\n' ' ')"

install_missing build test fuzz
build_kind fuzz "tests/fuzz/fuzz_$target"
program=$root/build/fuzz/tests/fuzz/fuzz_$target
if [ -f "$seconds" ]; then
	exec "$program" "$seconds"
fi
corpus=$root/build/corpus/$target
findings=$root/build/findings/$target
seeds=$root/tests/fuzz/seeds/$target
mkdir -p "$corpus" "$findings"
folders=("$corpus")
if [ -d "$seeds" ]; then folders+=("$seeds"); fi
folders+=("$root/share/captures")
status=0
"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
	-print_final_stats=1 -artifact_prefix="$findings/" "${folders[@]}" || status=$?
if [ $status != 0 ]; then
	die "fuzz: $target broke; the input lies in ${findings#"$root"/}"
fi
say "fuzz: $target ran $seconds s and found nothing"
