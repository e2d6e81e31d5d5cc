#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs one kind of test, a line per test, and sums up. Does not know what any test wants to see: each says TAP
# (`ok`, `not ok`, `# SKIP`), or only its exit status (0, 77 with a reason for skipped, anything else).
#
#   run.sh static|unit|live|vm [NAME...]      NAME: only tests whose name contains it
#
#   static  layers, headers, generated pages, scripts: reads sources and what is built
#   unit    unit tests, tales and the ABI: needs no privilege
#   live    what must be seen on the running kernel: needs root and BPF; on each plane this kernel has. A test that fails
#           is run once more, and what failed is said: a kernel may keep BPF out of some task (of a sandbox's own agent,
#           say), and what a timer or a packet does in an interrupt of that task is then seen by no program at all
#   vm      Debian's stock kernels: what each must show on both planes, and its verifier's budget (tests/vm/kernel.sh);
#           with VM_TESTS=all or names, the live tests there instead, which takes an hour
#
# Environment: BUILD the build folder (build), LIVE_PLANES the planes of live ("functions tracepoints"),
# VM_KERNELS, VM_TESTS, VM_JOBS for vm, V=1 shows every line of every test.
# The last line is always `N passed, N failed, N skipped`; the exit status is 0 when none failed, else 1.
set -u -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export BUILD=${BUILD:-build}
kind=${1:-}
[ $# -gt 0 ] && shift
names=("$@")
passed=0 failed=0 skipped=0

wanted() {
	local name
	[ ${#names[@]} -gt 0 ] || return 0
	for name in "${names[@]}"; do [[ $1 == *"$name"* ]] && return 0; done
	return 1
}

# failures LOG: each with the comments that explain it; without TAP, the end of what was said
failures() {
	awk '/^not ok / { told = 1; print; next } /^#/ { if (told && ++lines <= 12) print; next } { told = lines = 0 }' "$1" |
		sed 's/^/    /' | head -n 80
	grep -aq '^not ok ' "$1" || tail -n 20 "$1" | sed 's/^/    /'
}

# one NAME SECONDS COMMAND...: runs it, tells what failed and what was skipped, adds to the sums
one() {
	local name=$1 limit=$2 log code good bad passes began=$EPOCHREALTIME note=""
	shift 2
	wanted "$name" || return
	mkdir -p "$BUILD/tests/log"
	log=$BUILD/tests/log/${name//[\/ ]/-}.log
	timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null
	code=$?
	if [ -n "${ONCE_MORE:-}" ] && [ $code != 0 ] && [ $code != 77 ]; then
		echo "$name: try 1 ended with $code:"
		failures "$log"
		note="once more: try 1 is above"
		timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null
		code=$?
	fi
	passes=$(grep -aciE '^ok .*# SKIP' "$log")
	good=$(($(grep -ac '^ok ' "$log") - passes))
	bad=$(grep -ac '^not ok ' "$log")
	if [ $code = 77 ] && [ "$bad" = 0 ]; then
		passes=$((passes + 1))
		note=$(grep -aim 1 '^#* *skip' "$log" || echo "skip: no reason given")
	elif [ $code != 0 ] && [ "$bad" = 0 ]; then
		bad=1
		[ $code = 124 ] && note="out of time ($limit s)" || note="ended with $code"
	elif [ $code = 0 ] && [ $((good + bad + passes)) = 0 ]; then
		good=1 # says nothing, and is content
	fi
	passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + passes))
	printf '%-28s %4d passed, %2d failed, %2d skipped  %6.1f s%s\n' "$name" "$good" "$bad" "$passes" \
		"$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')" "${note:+  $note}"
	if [ -n "${V:-}" ]; then
		sed 's/^/    /' "$log"
	elif [ "$bad" -gt 0 ]; then
		failures "$log"
	else
		grep -aiE '^ok .*# SKIP' "$log" | sed 's/^/    /'
	fi
	sed -n 's/^# claims: /    &/p' "$log"
}

static() {
	local script
	one layers 60 tests/layers.sh
	one headers 120 tests/headers.sh
	one generated-pages 60 tests/docs.sh check "$BUILD/socktale"
	one manual 60 tests/manual.sh "$BUILD/socktale"
	one words 60 tests/words.sh
	one install 300 tests/install.sh
	one stack 60 tests/stack.py "$BUILD/socktale.bpf.o" "$BUILD/modern.bpf.o"
	one static-binary 600 tests/static.sh
	for script in tests/*.sh tests/*/*.sh .ci/run; do
		one "script $script" 20 bash -n "$script"
	done
}

unit() {
	local test
	for test in tests/unit/*_test.c; do
		test=$(basename "$test" .c)
		one "unit $test" 300 env ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1 "$BUILD/tests/unit/$test"
	done
	one tales 300 "$BUILD/tests/tale"
	if [ -x tests/unit/json_check.py ] && command -v python3 >/dev/null; then
		one "unit json_check" 120 tests/unit/json_check.py "$BUILD/socktale"
	fi
}

# Whether this kernel lets one plane be forced; a plane that is missing is one skip that says so.
live() {
	local test plane said code
	[ -n "${SOCKTALE_VM:-}" ] || SAN=none one "demos" 600 tests/demos.sh
	for plane in ${LIVE_PLANES:-functions tracepoints}; do
		said=$("$BUILD/socktale" trace --plane "$plane" -d 0.1 -o /dev/null 2>&1)
		code=$?
		if [ $code = 4 ]; then
			skipped=$((skipped + 1))
			echo "live $plane: skip: $(head -n 1 <<<"$said")"
			continue
		fi
		for test in tests/live/*.sh; do
			[ "$(basename "$test")" = lib.sh ] && continue
			ONCE_MORE=1 one "live $plane $(basename "$test" .sh)" "${LIVE_SECONDS:-600}" \
				env SOCKTALE_PLANE="$plane" bash "$test"
		done
	done
}

vm() {
	local kernel log line words kernels tables=() command=tests/vm/kernel.sh

	kernels=${VM_KERNELS:-$(tests/vm/kernels.sh --list | awk '{ print $1 }')}
	if [ -z "$kernels" ]; then
		failed=$((failed + 1))
		echo "vm: tests/vm/kernels.sh names no kernel"
		return
	fi
	[ -z "${VM_TESTS:-}" ] || command="tests/run.sh live ${VM_TESTS#all}"
	mkdir -p "$BUILD/vm"
	# shellcheck disable=SC2086 # words
	tests/vm/matrix.sh ${VM_KERNELS:+-k "$VM_KERNELS"} -j "${VM_JOBS:-2}" -m 1536 -t "${VM_SECONDS:-$([ -n "${VM_TESTS:-}" ] && echo 3000 || echo 1500)}" -- \
		env BUILD="$BUILD" LIVE_SECONDS="${LIVE_SECONDS:-1200}" $command | while read -r line; do
		echo "$line"
		log=$BUILD/vm/${line%% *}.log
		[ -e "$log" ] && grep -aE '^(ok|not ok|live|demos|    not ok|# self-test|# lessons|#   |    # claims:)|passed,' "$log" | sed 's/^/    /'
	done
	for kernel in $kernels; do
		log=$BUILD/vm/$kernel.log
		[ ! -s "$BUILD/vm/$kernel.out/budget.json" ] || tables+=("$kernel=$BUILD/vm/$kernel.out/budget.json")
		words=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" 2>/dev/null | tail -n 1)
		if [ -n "$words" ]; then
			read -r p _ f _ s _ <<<"$words"
			passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		elif grep -aq '^skip: ' "$log" 2>/dev/null; then
			skipped=$((skipped + 1))
		else
			failed=$((failed + 1))
			echo "$kernel: ended without a sum:"
			tail -n 5 "$log" 2>/dev/null | sed 's/^/    /'
		fi
	done
	# A change of the figures shows here, and in a diff once the new table is copied to docs/kernels.md.
	if [ -z "${VM_TESTS:-}${VM_KERNELS:-}" ] && [ ${#tables[@]} -gt 0 ]; then
		python3 tests/vm/table.py "${tables[@]}" >"$BUILD/vm/kernels.md" &&
			{ diff -u docs/kernels.md "$BUILD/vm/kernels.md" >"$BUILD/vm/kernels.diff" &&
				echo "docs/kernels.md is as these kernels say" ||
				echo "docs/kernels.md differs in $(grep -c '^[+-]|' "$BUILD/vm/kernels.diff") rows: see $BUILD/vm/kernels.diff"; }
	fi
}

case $kind in
static | unit | live | vm) "$kind" ;;
*)
	sed -n '7,13s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
