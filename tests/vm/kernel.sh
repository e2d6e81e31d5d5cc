#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What each kernel of the matrix must show, in its guest: the self-test of `socktale doctor` on both planes (some fifty
# things of a connection's life, each with the right owner), two short lessons with all they must show, and that everything
# loads, with the verifier's figures in $VM_OUT/budget.json for tests/vm/table.py. The longer tests are tests/live:
# `VM_TESTS=lessons make check-vm` plays all twelve lessons.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${BUILD:-build}
passed=0 failed=0

# What this verifier refuses would be told by another source, or not at all, and the self-test asks only for what is told.
refused() {
	local plane=$1
	if grep -q "refused at load" /tmp/doctor.txt; then
		echo "not ok - no program is refused ${plane:-by the best doors}"
		grep -B2 "refused at load" /tmp/doctor.txt | sed 's/^/# /' | head -n 12
		failed=$((failed + 1))
	fi
}

# Emulation without KVM is slow now and then: a self-test that fails is run once more, and says so.
self_test() {
	local plane=$1 try
	for try in 1 2; do
		if COLUMNS=400 "$build/socktale" doctor ${plane:+--plane "$plane"} >/tmp/doctor.txt 2>&1; then
			echo "ok - self-test ${plane:-of the best doors}: $(tail -n 1 /tmp/doctor.txt)"
			passed=$((passed + 1))
			refused "$plane"
			return
		fi
		echo "# self-test ${plane:-of the best doors}, try $try:"
		sed -n '/^self-test/,$s/^/# /p' /tmp/doctor.txt
	done
	echo "not ok - self-test ${plane:-of the best doors}"
	tail -n 5 /tmp/doctor.txt | sed 's/^/# /'
	failed=$((failed + 1))
}

# One of TCP, with TIME-WAITs and signals, and one of UDP, with ICMP errors: each must-see counts.
lessons() {
	local plane=$1
	if SOCKTALE_PLANE=$plane BUILD=$build bash tests/live/lessons.sh address-in-use udp-connect >/tmp/lessons.txt 2>&1; then
		echo "ok - lessons on $plane: $(tail -n 1 /tmp/lessons.txt)"
		passed=$((passed + 1))
	else
		echo "not ok - lessons on $plane: $(tail -n 1 /tmp/lessons.txt)"
		grep -v '^ok ' /tmp/lessons.txt | head -n 12 | sed 's/^/# /'
		failed=$((failed + 1))
	fi
}

self_test ""
self_test functions
self_test tracepoints
lessons functions
lessons tracepoints
if "$build/tests/vm/budget" >"${VM_OUT:-/tmp}/budget.json"; then
	echo "ok - every program loads and attaches, and fits its verifier"
	passed=$((passed + 1))
else
	echo "not ok - every program loads and attaches, and fits its verifier"
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
