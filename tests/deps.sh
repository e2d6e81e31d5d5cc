#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Installs what building and testing socktale need, and says why. Usage: tests/deps.sh build|live|bench|vm|all
# Debian's packages only. Without root or network it says what is missing and fails.

set -u

# group  package  a file it brings  why
table="
build gcc                /usr/bin/gcc                   compiles the loader
build libc6-dev          /usr/include/stdio.h           C library headers
build clang              /usr/bin/clang                 compiles the BPF programs
build bpftool            /usr/sbin/bpftool              links BPF objects and writes the skeleton
build libbpf-dev         /usr/include/bpf/libbpf.h      loads and attaches BPF programs
build libelf-dev         /usr/include/libelf.h          reads ELF for libbpf
build zlib1g-dev         /usr/include/zlib.h            compression for libelf
build libcap-dev         /usr/include/sys/capability.h  names a missing capability
build gettext            /usr/bin/msgfmt                compiles the translations
build libasan8           ?libasan.so.8                  address sanitizer for make check
build libubsan1          ?libubsan.so.1                 undefined-behaviour sanitizer for make check
live  iproute2           /usr/sbin/ip                   network namespaces, veth pairs, nstat, ss
live  nftables           /usr/sbin/nft                  drops and rejects in the tests
live  python3            /usr/bin/python3               reads the JSON the tool writes
live  curl               /usr/bin/curl                  a real client
live  nginx-light        /usr/sbin/nginx                a real server
live  redis-server       /usr/bin/redis-server          a real server
live  iperf3             /usr/bin/iperf3                a real load
live  dnsmasq-base       /usr/sbin/dnsmasq              a real DNS server
live  openssh-client     /usr/bin/ssh-agent             a real service at a unix socket
live  iputils-ping       /usr/bin/ping                  an instrument of the lessons
live  traceroute         /usr/sbin/traceroute           an instrument of the lessons
live  tcpdump            /usr/bin/tcpdump               an instrument of the lessons
live  strace             /usr/bin/strace                a peer of the benchmarks
live  tmux               /usr/bin/tmux                  a real terminal
live  kmod               /usr/sbin/modprobe             loads veth and netem where they are modules
bench wrk                /usr/bin/wrk                   a real load
bench redis-tools        /usr/bin/redis-benchmark       a real load
bench libbpf-tools       /usr/sbin/tcpstates            peers of the benchmarks
bench bpftrace           /usr/bin/bpftrace              a peer of the benchmarks
vm    qemu-system-x86    /usr/bin/qemu-system-x86_64    boots Debian's kernels
vm    qemu-system-common /usr/lib/qemu/virtiofsd        shares the files with the guest
vm    busybox-static     /bin/busybox                   the guest's first programs
vm    cpio               /usr/bin/cpio                  packs the guest's initramfs
vm    zstd               /usr/bin/zstd                  unpacks kernels since 6.12
vm    lz4                /usr/bin/lz4                   unpacks kernels up to 6.1
vm    xz-utils           /usr/bin/xz                    unpacks kernel modules
vm    kmod               /usr/sbin/depmod              indexes kernel modules
"

want=${1:-all}
case $want in
build | live | bench | vm | all) ;;
*)
	echo "deps: '$want': unknown group; use build, live, bench, vm or all" >&2
	exit 2
	;;
esac

missing=()
while read -r group package file why; do
	[ -n "$group" ] || continue
	[ "$want" = all ] || [ "$want" = "$group" ] || continue
	case $file in
	\?*) ldconfig -p 2>/dev/null | grep -q "${file#\?}" && continue ;;
	*) [ -e "$file" ] && continue ;;
	esac
	echo "deps: $package: $why"
	missing+=("$package")
done <<<"$table"

[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "deps: missing: ${missing[*]}" >&2
	echo "deps: install them as root (on Debian: apt-get install ${missing[*]})" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update >/dev/null || echo "deps: package lists could not be refreshed; trying with the old ones" >&2
if ! apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null; then
	echo "deps: apt-get could not install: ${missing[*]}" >&2
	exit 1
fi
