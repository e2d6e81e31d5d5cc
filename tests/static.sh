#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The one binary for machines without any library: builds it, and runs what needs no privilege in an empty root.
# Does not trace anything; tests/live does, and SOCKTALE=build/static/socktale makes it use this binary.
set -u
cd "$(dirname "$0")/.." || exit 1
wrong=0
check() { if "${@:2}"; then echo "ok - static: $1"; else echo "not ok - static: $1"; wrong=1; fi; }

for library in bpf elf z; do
	if [ "$("${CC:-gcc}" -print-file-name=lib$library.a)" = lib$library.a ]; then
		echo "skip: there is no archive lib$library.a"
		exit 77
	fi
done
env -u MAKEFLAGS -u SAN make --no-print-directory STATIC=1 build/static/socktale >build/static.log 2>&1 || {
	echo "not ok - static: it builds"
	tail -n 20 build/static.log | sed 's/^/#   /'
	exit 1
}
binary=build/static/socktale
check "it needs no library and no loader" [ -z "$(readelf -ld "$binary" | grep -E 'NEEDED|INTERP')" ]
empty=$(mktemp -d) || exit 1
trap 'rm -rf "$empty"' EXIT
install -D "$binary" "$empty/socktale"
cp tests/tales/handshake.tale "$empty/tale"
if unshare -r chroot "$empty" /socktale --version >/dev/null 2>&1; then
	alone() { unshare -r chroot "$empty" /socktale "$@"; }
else
	echo "# no chroot here: run in place"
	alone() { (cd "$empty" && ./socktale "$@"); }
fi
check "it tells its events in an empty root" [ "$(alone events --json-schema | wc -c)" -gt 10000 ]
check "it tells a saved trace in an empty root" [ -n "$(sed -n '/^--- events/,/^--- /{/^---/!p}' "$empty/tale" >"$empty/log"; alone tell --format json log 2>/dev/null)" ]
[ $wrong = 0 ]
