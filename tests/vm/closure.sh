#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Packs a small userland for a VM that cannot see this machine's files: tools with the libraries they
# load, the checkout, the kernel modules of the network tests. Does not boot it: that is run.sh.
#
#   closure.sh TREE KERNEL_FOLDER VERSION CHECKOUT CMD
#
# A tool this machine lacks is left out in silence: whoever calls it in the guest will say so.
set -u -o pipefail

[ $# -eq 5 ] || { sed -n '7s/^# *//p' "$0" >&2; exit 2; }
tree=$1 kernel=$2 version=$3 checkout=$4 cmd=$5

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin	# the guest's
tools='bash sh env awk sed grep egrep find xargs diff cmp ps kill pkill pgrep free top lsmod modprobe mount umount unshare
	nsenter setsid setpriv capsh prlimit timeout flock script stdbuf ip tc ss nft nstat lnstat bpftool ping ethtool
	sysctl hostname nc socat curl iperf3 strace ldd python3 perl redis-server redis-cli'
modules='veth dummy tun bridge sch_netem sch_tbf sch_fq sch_ingress cls_bpf inet_diag tcp_diag udp_diag unix_diag
	nf_tables nf_conntrack nft_reject nft_reject_inet nft_reject_ipv4 nft_reject_ipv6 nft_numgen nft_limit nft_counter
	nft_ct nft_log nft_chain_nat nft_fib_inet nf_log_syslog'

mkdir -p "$tree"/{usr/{bin,sbin,lib,lib64},etc,root,var/tmp,lib/modules} 2>/dev/null
for folder in sbin lib lib64; do
	[ -h "/$folder" ] && rm -rf "${tree:?}/$folder" && ln -s "usr/$folder" "$tree/$folder"
done
mkdir -p "$tree/lib/modules/$version"

libraries() { ldd "$@" 2>/dev/null | sed -nE 's/.*=> (\/[^ ]+) .*/\1/p; s/^\t(\/[^ ]+) .*/\1/p' | sort -u; }

# Files under their own path, with what they load.
add()
{
	local file
	for file in "$@" $(libraries "$@"); do
		mkdir -p "$tree$(dirname "$file")" && cp -L --remove-destination "$file" "$tree$file"
	done
}

found=()
for tool in $tools "$cmd" $(dpkg -L coreutils 2>/dev/null | grep -E '^(/usr)?/s?bin/'); do
	[[ $tool == */* ]] || tool=$(type -P "$tool") || continue
	[ -f "$tool" ] && [[ $tool == /* && $tool != "$checkout"/* ]] && found+=("$tool")
done
add "${found[@]}" || exit 1

if library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))' 2>/dev/null); then
	mkdir -p "$tree$library"
	tar -C "$library" --exclude=__pycache__ --exclude=test --exclude=dist-packages --exclude=site-packages \
		--exclude='config-*' -cf - . | tar -C "$tree$library" -xf - || exit 1
	add "$library"/lib-dynload/*.so
fi

for file in passwd group hosts services protocols nsswitch.conf ld.so.conf ld.so.conf.d ld.so.cache iproute2; do
	[ -e "/etc/$file" ] && cp -rL "/etc/$file" "$tree/etc/"
done
[ -d /usr/share/iproute2 ] && mkdir -p "$tree/usr/share" && cp -r /usr/share/iproute2 "$tree/usr/share/"

mkdir -p "$tree$checkout"
# A checkout in use changes while it is read, which tar reports as 1: its files are all there, or gone for good.
tar -C "$checkout" --exclude=./.git --exclude=./build/vm -cf - . 2>"$tree/tar.log" | tar -C "$tree$checkout" -xf -
case "${PIPESTATUS[*]}" in
"0 0"|"1 0") rm -f "$tree/tar.log" ;;
*) cat "$tree/tar.log" >&2; exit 1 ;;
esac
# shellcheck disable=SC2046
if [ -d "$checkout/build" ]; then
	for file in $(libraries $(find "$checkout/build" -type f -perm -u+x ! -path '*/vm/*')); do
		[ -e "$tree$file" ] || add "$file"
	done
fi

for module in $modules; do
	modprobe -d "$kernel" -S "$version" --show-depends "$module" 2>/dev/null
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
	target=$tree/lib/modules/$version/${file##*/lib/modules/"$version"/}
	mkdir -p "$(dirname "$target")" && cp "$file" "$target"
done
cp "$kernel/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "$tree/lib/modules/$version/" 2>/dev/null
depmod -b "$tree" "$version" || exit 1
mkdir -p "$tree/boot" && cp "$kernel/config" "$tree/boot/config-$version"
