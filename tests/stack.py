#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The stack of every chain of calls in the BPF objects: 512 bytes at most, as verifiers count it.

Kernels with private stacks load what older ones refuse ("combined stack size of N calls is M"), so this is looked up
in the objects themselves, without a kernel. Does not know what any function is for.

usage: tests/stack.py OBJECT...
"""
import re
import subprocess
import sys

LIMIT = 512  # MAX_BPF_STACK, include/linux/filter.h


def frames(path):
    """Bytes of stack each function uses, and the functions it calls."""
    listing = subprocess.run([objdump(), "-d", "-r", "--no-show-raw-insn", path], check=True, capture_output=True, text=True)
    size, calls, here = {}, {}, None
    for line in listing.stdout.splitlines():
        if found := re.match(r"[0-9a-f]+ <(\w+)>:", line):
            if not found[1].startswith("LBB"):
                here = found[1]
                size[here], calls[here] = 0, set()
        elif found := re.search(r"\(r10 - (0x[0-9a-f]+|\d+)\)", line):
            size[here] = max(size[here], int(found[1], 0))
        elif found := re.search(r"R_BPF_64_32\s+(\w+)", line):
            calls[here].add(found[1])
    return size, calls


def objdump():
    names = subprocess.run("compgen -c llvm-objdump | sort -u", shell=True, executable="/bin/bash", capture_output=True, text=True)
    if not names.stdout:
        print("skip: no llvm-objdump here")
        sys.exit(77)
    return names.stdout.split()[0]


def deepest(function, size, calls, known):
    """The chain of calls below `function` that needs most, as (bytes, functions)."""
    if function not in known:
        below = max((deepest(f, size, calls, known) for f in calls[function] if f in size), default=(0, ()))
        # A frame counts in whole 32 bytes, and at least one (check_max_stack_depth, kernel/bpf/verifier.c).
        known[function] = (below[0] + (max(size[function], 1) + 31) // 32 * 32, (function, *below[1]))
    return known[function]


def main():
    failed = 0
    for path in sys.argv[1:]:
        size, calls = frames(path)
        known = {}
        worst = max((deepest(f, size, calls, known) for f in size), default=(0, ()))
        good = 0 < worst[0] <= LIMIT
        failed += not good
        print(f"{'ok' if good else 'not ok'} - {path.split('/')[-1]}: {worst[0]} of {LIMIT} bytes of stack, in {' > '.join(worst[1])}")
    sys.exit(failed > 0)


main()
