# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the verbs of ./dev share: messages, packages, builds. Sourced, never run.

root=${WEIR_ROOT:?run this through ./dev}
package_list=$root/tools/dev/packages.txt

say() { printf '%s\n' "$*"; }
title() { printf '\n== %s\n' "$*"; }
die() {
	printf 'dev: %s\n' "$*" >&2
	exit 1
}
in_ci() { [ "${CI:-}" = true ]; }

# Prints the head comment of a verb's file as its help, and ends, when asked to.
help_if_asked() { # FILE ARGUMENT...
	local file=$1 argument
	shift
	for argument in "$@"; do
		case $argument in
		-h | --help)
			awk '/^# verb: / { on = 1; sub(/verb: /, "") }
				on && !/^#/ { exit }
				on { sub(/^# ?/, ""); print }' "$file"
			exit 0
			;;
		esac
	done
}

# ---- packages ---------------------------------------------------------------------------------

packages_for() { # PURPOSE...
	awk -v wanted="$*" '
		BEGIN { n = split(wanted, list, " "); for (i = 1; i <= n; i++) want[list[i]] = 1 }
		/^#/ || NF < 3 { next }
		{
			n = split($2, purposes, ",")
			for (i = 1; i <= n; i++)
				if (purposes[i] in want) { print $1; next }
		}
	' "$package_list"
}

missing_packages() { # PURPOSE...
	local package status
	for package in $(packages_for "$@"); do
		# A package may be provided by another that the system has already (pkgconf for pkg-config).
		status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
		case $status in ii*) ;; *) printf '%s\n' "$package" ;; esac
	done
}

guard=/usr/sbin/policy-rc.d
guard_text='#!/bin/sh
# Put here by the ./dev of weir while it installs packages: no service starts. Safe to delete.
exit 101'

# As root, or through sudo; asks for nothing where neither is needed.
privileged() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

guard_is_ours() { [ -f "$guard" ] && [ "$(cat "$guard")" = "$guard_text" ]; }

raise_guard() {
	# One that is ours is left from a run that was killed; one that is not stays as it is.
	if [ -e "$guard" ] && ! guard_is_ours; then return 0; fi
	trap 'lower_guard; exit 130' INT TERM HUP
	trap lower_guard EXIT
	printf '%s\n' "$guard_text" | privileged tee "$guard" >/dev/null
	privileged chmod 755 "$guard"
}

lower_guard() {
	if guard_is_ours; then privileged rm -f "$guard"; fi
	trap - EXIT INT TERM HUP
}

install_missing() { # PURPOSE...
	local missing
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		die "this is no Debian system; install what these Debian packages hold, then run meson and \
the tests by hand (HACKING.md): $(packages_for "$@" | tr '\n' ' ')"
	fi
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "Missing packages: ${missing[*]}"
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		die "not root, and there is no sudo. As root: \
apt-get install --no-install-recommends ${missing[*]}"
	fi
	say "Installing them with apt (services are kept from starting) ..."
	raise_guard
	apt_install "${missing[@]}" || die "apt could not install them; its last lines are above"
	lower_guard
}

apt_install() { # PACKAGE...
	local log status=0
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
	log=$(mktemp)
	{
		privileged "${apt[@]}" update && privileged "${apt[@]}" install --no-install-recommends "$@"
	} </dev/null >"$log" 2>&1 || status=$?
	[ $status = 0 ] || tail -n 25 "$log" >&2
	rm -f "$log"
	return $status
}

# ---- builds -----------------------------------------------------------------------------------

# Each kind of build has a directory of its own, build/KIND, set up once.
build_options() { # KIND: prints CC and the options of meson setup
	local werror=false
	if in_ci; then werror=true; fi
	case $1 in
	release) printf '%s\n' gcc -Dbuildtype=release -Dtests=false ;;
	gcc) printf '%s\n' gcc -Dbuildtype=release -Dtests=true -Dwerror=$werror ;;
	plain) printf '%s\n' gcc -Dbuildtype=debugoptimized -Dtests=true -Dwerror=$werror \
		-Dndpi=disabled ;;
	asan) printf '%s\n' clang -Dbuildtype=debugoptimized -Dtests=true -Dwerror=$werror \
		-Db_sanitize=address,undefined -Db_lundef=false ;;
	tsan) printf '%s\n' clang -Dbuildtype=debugoptimized -Dtests=true -Dwerror=$werror \
		-Db_sanitize=thread -Db_lundef=false ;;
	fuzz) printf '%s\n' clang -Dbuildtype=debugoptimized -Dtests=true -Dfuzzers=true \
		-Db_sanitize=address,undefined -Db_lundef=false ;;
	*) die "no kind of build is called $1" ;;
	esac
}

build_kind() { # KIND [NINJA TARGET...]
	local kind=$1 directory=$root/build/$1 options log
	shift
	mapfile -t options < <(build_options "$kind")
	log=$root/build/$kind.log
	mkdir -p "$root/build"
	if [ ! -f "$directory/build.ninja" ]; then
		rm -rf "$directory"
		CC=${options[0]} meson setup "$directory" "$root" "${options[@]:1}" >"$log" 2>&1 ||
			build_failed "$kind" "$log"
	elif [ "$(cat "$directory/options" 2>/dev/null)" != "${options[*]}" ]; then
		meson configure "$directory" "${options[@]:1}" >"$log" 2>&1 || build_failed "$kind" "$log"
	fi
	printf '%s\n' "${options[*]}" >"$directory/options"
	ninja -C "$directory" "${@:-all}" >"$log" 2>&1 || build_failed "$kind" "$log"
}

build_failed() { # KIND LOG
	grep -E -A8 '(error|warning): |FAILED: |ERROR: ' "$2" | head -n 60 >&2 || tail -n 40 "$2" >&2
	die "the $1 build failed; all of it is in ${2#"$root"/}"
}

build_release() {
	build_kind release
	ln -f "$root/build/release/src/cli/weir" "$root/build/weir" 2>/dev/null ||
		cp -f "$root/build/release/src/cli/weir" "$root/build/weir"
}
