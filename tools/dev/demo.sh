#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verb: install what is missing, build, and meter a capture: the two-minute tour
#
# usage: ./dev demo [CAPTURE]
#
# Shows the flows of share/captures/demo.pcap (or of CAPTURE) as a table, then as JSON, then says
# what to try next.
set -euo pipefail
. "$WEIR_ROOT/tools/dev/lib.sh"
help_if_asked "$0" "$@"

capture=${1:-$root/share/captures/demo.pcap}
[ -r "$capture" ] || die "demo: cannot read the capture $capture"

# The command as the reader would type it, then what it prints.
show() {
	printf '\n$ %s\n\n' "$*"
}

list_packages() {
	local package
	title "What weir is built with"
	for package in $(packages_for build); do
		awk -v p="$package" '$1 == p && !/^#/ { $2 = ""; name = $1; $1 = ""; sub(/^ +/, "")
			printf "  %-16s %s\n", name, $0 }' "$package_list"
	done
	install_missing build
	say "All of them are installed."
}

try_next() {
	local interface
	interface=$(ip -o route show default 2>/dev/null | sed -n '1s/.* dev \([^ ]*\).*/\1/p' || true)
	interface=${interface:-eth0}
	title "What to try next"
	cat <<TEXT
  a live interface        sudo build/weir meter -i $interface
  its web traffic only    sudo build/weir meter -i $interface 'port 80 or port 443'
  your own capture        build/weir meter -r FILE.pcap
  a spreadsheet           build/weir meter -r FILE.pcap -o csv:flows.csv
  an IPFIX collector      sudo build/weir meter -i $interface -o ipfix+udp://127.0.0.1:4739
  what each packet became build/weir explain -r $shown
  every field there is    build/weir fields
  all options             build/weir meter --help
  the tests               ./dev test
TEXT
}

cd "$root"
shown=${capture#"$root"/}
list_packages
title "Building a release"
build_release
say "build/weir is ready."

title "The flows of $shown"
show build/weir meter -r "$shown" -o table:-
build/weir meter -r "$shown" -o table:-
title "The same as JSON, one flow a line (the first three)"
show build/weir meter -r "$shown" -o json:- "| head -n 3"
build/weir meter -r "$shown" -o json:- | awk 'NR <= 3'
try_next
