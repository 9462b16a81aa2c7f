#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: install the packages that are missing (--list: only list them)
#
# usage: ./dev deps [--list] [PURPOSE...]
#
# PURPOSE is build, test, lint, server, fuzz, bench, record or root (build test lint).
# --list prints every package of these purposes, whether it is installed, and why it is needed.
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

known=(build test lint server fuzz bench record root)
list=false
purposes=()
for argument in "$@"; do
	case $argument in
	--list) list=true ;;
	build | test | lint | server | fuzz | bench | record | root) purposes+=("$argument") ;;
	*) die "deps: \"$argument\" is no purpose; expected one of: ${known[*]}" ;;
	esac
done
if [ ${#purposes[@]} = 0 ]; then
	purposes=(build test lint)
	if $list; then purposes=("${known[@]}"); fi
fi

if ! $list; then
	install_missing "${purposes[@]}"
	say "All packages for ${purposes[*]} are installed."
	exit 0
fi
absent=" $(missing_packages "${purposes[@]}" | tr '\n' ' ') "
for package in $(packages_for "${purposes[@]}"); do
	state=installed
	case $absent in *" $package "*) state=missing ;; esac
	awk -v p="$package" -v s=$state '$1 == p && !/^#/ {
		use = $2; $1 = $2 = ""; sub(/^ +/, "")
		printf "%-20s %-9s %-13s %s\n", p, s, use, $0 }' "$package_list"
done
