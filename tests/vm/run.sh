#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Boots one of Debian's stock kernels under QEMU (no KVM needed) and runs a command in it.
# Does not know what the command tests, nor where kernels come from: that is kernels.sh.
#
#   run.sh KERNEL [--mem MB] [--cpus N] [--time SECONDS] [--out FOLDER] [--root virtiofs|initramfs] -- CMD ARG...
#
# The guest sees this machine's files under a layer that is thrown away, with the kernel's own modules,
# runs CMD as root in the root of this checkout, and lets only FOLDER (same path inside, also in $VM_OUT)
# be written through. $SOCKTALE_VM names the kernel. Standard output and error come out as they are
# written; the exit status is CMD's. Others: 77 kernel or QEMU missing (with a line `skip: ...`),
# 124 out of time, 125 the guest died, 2 usage.
# Without virtiofsd the guest is packed into an initramfs: the checkout, CMD and a list of usual tools.
set -u -o pipefail

export PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)

usage() { echo "run.sh: $*" >&2; sed -n '6s/^# *//p' "$0" >&2; exit 2; }
skip() { echo "skip: $*"; exit 77; }

mem=1024 cpus="" limit=300 out="" root=""
[ $# -gt 0 ] || usage "no kernel given"
case $1 in -h|--help) sed -n '4,15s/^# \{0,1\}//p' "$0"; exit 0 ;; -*) usage "no kernel given" ;; esac
name=$1; shift
while [ $# -gt 0 ]; do
	case $1 in
	--mem|--cpus|--time|--out|--root) [ $# -gt 1 ] || usage "$1 needs a value" ;;&
	--cpus) cpus=$2; shift ;;
	--mem) mem=$2; shift ;;
	--time) limit=$2; shift ;;
	--out) out=$2; shift ;;
	--root) root=$2; shift ;;
	--) shift; break ;;
	*) usage "unknown option '$1'" ;;
	esac
	shift
done
[ $# -gt 0 ] || usage "no command given"
# With instructions as the clock, kernels before 6.5 or so wait for ever for their second processor to come up.
: "${cpus:=$(case $name in 5.10 | 6.1) echo 1 ;; *) echo 2 ;; esac)}"
[[ $mem =~ ^[0-9]+$ && $cpus =~ ^[0-9]+$ && $limit =~ ^[0-9]+$ ]] || usage "--mem, --cpus and --time take a number"
if [ -n "$out" ]; then
	out=$(mkdir -p "$out" && cd "$out" && pwd) || usage "--out: cannot make '$out'"
fi

missing=""
for tool in qemu-system-x86_64 busybox cpio modprobe cc; do
	command -v $tool >/dev/null || missing+=" $tool"
done
[ -z "$missing" ] || skip "a VM needs$missing"
ldd "$(command -v busybox)" >/dev/null 2>&1 && skip "a VM needs a static busybox (busybox-static)"
virtiofsd=$(ls /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd 2>/dev/null | head -1)
if [ -z "$root" ]; then
	root=initramfs
	[ -n "$virtiofsd" ] && [ "$(id -u)" = 0 ] && root=virtiofs
fi
case $root in
virtiofs) [ -n "$virtiofsd" ] || skip "no virtiofsd" ;;
initramfs) [ -z "$out" ] || usage "--out needs a virtiofs root" ;;
*) usage "--root is virtiofs or initramfs" ;;
esac

line=$("$here/kernels.sh" "$name")
case $? in
0) read -r _ version kernel <<<"$line" ;;
*) code=$?; echo "$line"; exit $code ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/socktale-vm.XXXXXX") || exit 125
children=()
finish()
{
	[ ${#children[@]} -eq 0 ] || kill "${children[@]}" 2>/dev/null
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Copies modules with all they depend on, numbered in the order of loading.
pack_modules()	# folder module...
{
	local folder=$1 i=100 path
	shift
	for module; do
		modprobe -d "$kernel" -S "$version" --show-depends "$module" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
		cp "$path" "$folder/$i-$(basename "$path")"
		i=$((i + 1))
	done
}

quote()
{
	local word
	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}

pack()
{
	local tree=$work/tree modules=(virtio_pci virtio_console)
	mkdir -p "$tree/vm/modules" || return 1
	cp "$(command -v busybox)" "$tree/vm/busybox"
	cp "$here/init.sh" "$tree/vm/init.sh"
	ln -s vm/init.sh "$tree/init"
	mkdir -p "$tree/usr/bin" && ln -s usr/bin "$tree/bin"
	cc -O2 -Wall -static -o "$tree/vm/leave" "$here/leave.c" || return 1
	{ printf 'exec '; quote "$@"; echo; } >"$tree/vm/cmd"
	{
		printf 'VM_NAME='; quote "$name"; echo
		printf 'VM_KERNEL='; quote "$kernel"; echo
		printf 'VM_DIR='; quote "$checkout"; echo
		printf 'VM_OUT='; quote "$out"; echo
		printf 'VM_ROOT=%s\n' "$root"
	} >"$tree/vm/setup"
	[ $root = virtiofs ] && modules+=(virtiofs overlay)
	pack_modules "$tree/vm/modules" "${modules[@]}"
	[ $root = virtiofs ] || "$here/closure.sh" "$tree" "$kernel" "$version" "$checkout" "$1" || return 1
	(cd "$tree" && find . -print0 | cpio -0 -o -H newc --quiet) >"$work/initrd"
}

start_virtiofsd()
{
	case $virtiofsd in
	*/libexec/*)
		"$virtiofsd" --socket-path "$work/fs" --shared-dir / --sandbox chroot --cache always --log-level error ;;
	*)
		"$virtiofsd" --socket-path="$work/fs" -o source=/ -o sandbox=chroot -o cache=always -o log_level=err \
			--rlimit-nofile=0 ;;
	esac >"$work/fs.log" 2>&1 &
	children=($!)
	for _ in {1..100}; do
		[ -S "$work/fs" ] && return 0
		kill -0 "${children[0]}" 2>/dev/null || break
		sleep 0.05
	done
	echo "run.sh: $name: virtiofsd does not start: $(tail -1 "$work/fs.log")" >&2
	return 1
}

# One boot. Sets `ended`: the status of QEMU, or "late".
boot()
{
	local share=() qemu
	: >"$work/console"; : >"$work/out"; : >"$work/err"
	children=()
	if [ $root = virtiofs ]; then
		start_virtiofsd || return 1
		# shellcheck disable=SC2054
		share=(-object "memory-backend-memfd,id=ram,size=${mem}M,share=on" -numa node,memdev=ram
			-chardev "socket,id=fs,path=$work/fs" -device vhost-user-fs-pci,chardev=fs,tag=host)
	fi
	# One host thread for all processors: with a thread each, QEMU sometimes runs a stale copy of code that
	# the kernel is patching (static keys, fentry), and the guest dies with "Oops: int3" or hangs.
	# Time in the guest is counted by its instructions (2 ns each) while it works and passes as here while it waits:
	# a busy host makes a test slow, not late.
	# The output ports are files and their doorbell is answered at once (ioeventfd=off), so that
	# nothing is still under way when the guest ends through the debug port.
	timeout --foreground -k 5 "$limit" qemu-system-x86_64 -nodefaults -no-user-config -name "socktale-$name" \
		-machine q35 -accel tcg,thread=single -icount shift=1,sleep=on -cpu max -smp "$cpus" -m "$mem" "${share[@]}" \
		-kernel "$kernel/vmlinux" -initrd "$work/initrd" -no-reboot -display none \
		-append "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off tsc=reliable no_timer_check random.trust_cpu=on rdinit=/init" \
		-serial "file:$work/console" \
		-device virtio-serial-pci,ioeventfd=off \
		-chardev "file,id=out,path=$work/out" -device virtserialport,chardev=out,name=out \
		-chardev "file,id=err,path=$work/err" -device virtserialport,chardev=err,name=err \
		-device isa-debug-exit,iobase=0xf4,iosize=0x04 </dev/null >"$work/qemu.log" 2>&1 &
	qemu=$!
	children+=("$qemu")
	tail -c +1 -f -s 0.1 --pid=$qemu "$work/out" & children+=($!)
	tail -c +1 -f -s 0.1 --pid=$qemu "$work/err" >&2 & children+=($!)
	wait $qemu
	ended=$?
	wait
	children=()
}

console() { tr -d '\r' <"$work/console" | grep -a -v '^$'; }
tell()
{
	echo "run.sh: $name: $*" >&2
	{ console; cat "$work/qemu.log" "$work/fs.log" 2>/dev/null; } | tail -40 | sed 's/^/    | /' >&2
}

pack "$@" || { echo "run.sh: $name: cannot pack the guest" >&2; exit 125; }
for try in first second; do
	ended=125
	boot || exit 125
	said=$(console | sed -n 's/^socktale-vm: exit \([0-9]*\)$/\1/p' | tail -1)
	if [ -n "$said" ] && [ $ended = $(((said & 127) * 2 + 1)) ]; then
		# 125 from the guest itself: its root could not be put together.
		[ "$said" = 125 ] && tell "the guest ended with 125"
		exit "$said"
	fi
	if [ $ended = 124 ] || [ $ended = 137 ]; then
		tell "out of time: ended after $limit s: $*"
		exit 124
	fi
	console | grep -q '^socktale-vm: start ' && break
	[ $try = first ] && tell "did not come up (QEMU ended with $ended), once more"
done
tell "the guest died (QEMU ended with $ended, the guest said '${said:-nothing}')"
exit 125
