#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs one command on every kernel of the matrix and says, a line each, how it went.
# Does not know how a kernel is found or booted: that is kernels.sh and run.sh.
#
#   matrix.sh [-k "KERNEL..."] [-j N] [-m MB] [-c CPUS] [-t SECONDS] [--] CMD ARG...
#
# The output of each goes to build/vm/KERNEL.log; a folder build/vm/KERNEL.out can be written from inside
# ($VM_OUT), when the root comes by virtiofs. Exit status: 0 none failed, 1 at least one did, 77 all
# were skipped, 2 usage.
set -u -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
logs=$(cd "$here/../.." && pwd)/build/vm

usage() { echo "matrix.sh: $*" >&2; sed -n '7s/^# *//p' "$0" >&2; exit 2; }

kernels="" jobs=1 options=()
while getopts :k:j:m:c:t:h option; do
	case $option in
	k) kernels+=" ${OPTARG//,/ }" ;;
	j) jobs=$OPTARG ;;
	m) options+=(--mem "$OPTARG") ;;
	c) options+=(--cpus "$OPTARG") ;;
	t) options+=(--time "$OPTARG") ;;
	h) sed -n '4,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) usage "bad option -$OPTARG" ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage "no command given"
[[ $jobs =~ ^[1-9][0-9]*$ ]] || usage "-j takes a number"
known=$("$here/kernels.sh" --list | awk '{ print $1 }' | xargs)
for kernel in ${kernels:=$known}; do
	[[ " $known " == *" $kernel "* ]] || usage "unknown kernel '$kernel' (known: $known)"
done
mkdir -p "$logs" || exit 1

one()	# kernel: runs it, prints its line, leaves its status in a file
{
	local kernel=$1 log=$logs/$1.log begin=${EPOCHREALTIME/[.,]/} status told vm
	shift
	rm -rf "${logs:?}/$kernel.out" "$logs/$kernel.status"
	"$here/run.sh" "$kernel" ${options[@]+"${options[@]}"} "$@" >"$log" 2>&1 </dev/null &
	vm=$!
	trap 'kill $vm; wait $vm; exit 143' TERM
	wait $vm
	status=$?
	case $status in
	0) told=ok ;;
	77) told=$(grep -a -m1 '^skip: ' "$log" || echo 'skip: no reason given') ;;
	124) told="failed(124: out of time)" ;;
	125) told="failed(125: the guest died)" ;;
	*) told="failed($status)" ;;
	esac
	echo $status >"$logs/$kernel.status"
	awk -v k="$kernel" -v us=$((${EPOCHREALTIME/[.,]/} - begin)) -v t="$told" \
		'BEGIN { printf "%-8s %6.1f s  %s\n", k, us / 1e6, t }'
}

running=()
trap '[ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null; exit 130' INT TERM
for kernel in $kernels; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	one "$kernel" --out "$logs/$kernel.out" -- "$@" &
	running+=($!)
done
wait

failed=0 ran=0
for kernel in $kernels; do
	case $(cat "$logs/$kernel.status" 2>/dev/null) in
	0) ran=1 ;;
	77) ;;
	*) ran=1 failed=1 ;;
	esac
	rm -f "$logs/$kernel.status"
done
[ $failed = 0 ] || exit 1
[ $ran = 1 ] || exit 77
