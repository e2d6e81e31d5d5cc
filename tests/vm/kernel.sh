#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What each kernel of the matrix must show, in its guest: the self-test of `socktale doctor` on both planes (some fifty
# things of a connection's life, each with the right owner), the kernel's own books and what is lost (tests/live), two short
# lessons with all they must show, and that everything loads, with the verifier's figures in $VM_OUT/budget.json for
# tests/vm/table.py. The longer tests are the rest of tests/live: `VM_TESTS=lessons make check-vm` plays all twelve lessons.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${BUILD:-build}
passed=0 failed=0
said=/tmp/said.txt

# What this verifier refuses would be told by another source, or not at all, and the self-test asks only for what is told.
refused() {
	local plane=$1
	if grep -q "refused at load" "$said"; then
		echo "not ok - no program is refused ${plane:-by the best doors}"
		grep -B2 "refused at load" "$said" | sed 's/^/# /' | head -n 12
		failed=$((failed + 1))
	fi
}

self_test() { COLUMNS=400 "$build/socktale" doctor ${1:+--plane "$1"}; }

# One of TCP, with TIME-WAITs and signals, and one of UDP, with ICMP errors: each must-see counts.
lessons() { SOCKTALE_PLANE=$1 BUILD=$build bash tests/live/lessons.sh address-in-use udp-connect; }

# What a verifier refuses under a filter would not be told: filters are constants of the load, which other programs are left of.
filters() {
	local options
	while read -r options; do
		# shellcheck disable=SC2086 # words
		"$build/socktale" trace $options -d 0.1 -o /dev/null 2>"$said.filter" || return 1
		if grep "not told" "$said.filter"; then
			echo "not ok: $options"
			return 1
		fi
	done <<END
-p $$
--comm bash --port 80
--addr fd00::/8 --proto tcp
--netns /proc/self/ns/net --io folded
--budget 50 --max-rate 1000
END
	if ! "$build/socktale" trace --comm python3 -e sock_create --format json -- python3 -c 'import socket; socket.socket()' 2>&1 |
		tee "$said.filter" | grep -q '"sock_create"'; then
		echo "not ok: --comm finds nothing"
		cat "$said.filter"
		return 1
	fi
	echo "5 kinds of filters"
}

books() { LIVE_PLANES=$1 BUILD=$build tests/run.sh live books loss; }

# Emulation without KVM is slow now and then: what fails is run once more, and what failed is said.
seen() { # SENTENCE COMMAND...
	local sentence=$1 try
	shift
	for try in 1 2; do
		if "$@" >"$said" 2>&1; then
			echo "ok - $sentence: $(tail -n 1 "$said")"
			passed=$((passed + 1))
			return
		fi
		echo "# $sentence, try $try: $(tail -n 1 "$said")"
		grep -aE '^not ok|MISSING|WRONG|^socktale:|^#' "$said" | head -n 20 | sed 's/^/#   /'
	done
	echo "not ok - $sentence"
	failed=$((failed + 1))
}

for plane in "" functions tracepoints; do
	seen "self-test ${plane:-of the best doors}" self_test "$plane"
	refused "$plane"
done
seen "every filter loads" filters
for plane in functions tracepoints; do
	seen "books and losses on $plane" books "$plane"
	seen "lessons on $plane" lessons "$plane"
done
if "$build/tests/vm/budget" >"${VM_OUT:-/tmp}/budget.json"; then
	echo "ok - every program loads and attaches, and fits its verifier"
	passed=$((passed + 1))
else
	echo "not ok - every program loads and attaches, and fits its verifier"
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
