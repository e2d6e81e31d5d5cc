#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Finds Debian's stock kernels through this machine's own package sources and unpacks them for QEMU.
# Does not know how to boot one: that is run.sh.
#
#   kernels.sh [NAME...]   fetch what is missing (all names, if none is given), print NAME VERSION FOLDER
#   kernels.sh --refresh [NAME...]  the same, but ask the package sources again
#   kernels.sh --list      the names, the suites each is looked for in, the version in the cache; no network
#
# A folder holds `vmlinux` (ELF, booted by PVH), `config`, `lib/modules/VERSION` (decompressed, with
# depmod's tables) and `release` (the version). Exit status: 0 every kernel is there, 77 at least one was
# skipped (a line `skip: NAME: reason` says which and why), 1 failed, 2 usage.
set -u -o pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

cache=${SOCKTALE_CACHE:-${XDG_CACHE_HOME:-${HOME:-~}/.cache}/socktale}/kernels

# name, pattern of the version, suites in order of preference. SUITE-security is looked for in the
# machine's security archive, every other suite in its main archive.
table='
5.10	5\.10\.[0-9]	bullseye-security bullseye
6.1	6\.1\.[0-9]	bookworm-security bookworm
6.12	6\.12\.[0-9]	bookworm-security bookworm-backports trixie-security trixie
6.18	6\.18\.[0-9]	trixie-backports
newest	[0-9]	sid
'

die() { echo "kernels.sh: $*" >&2; exit 1; }
row() { awk -F'\t' -v n="$1" '$1 == n' <<<"$table"; }
names() { awk -F'\t' 'NF { print $1 }' <<<"$table"; }

# The base addresses of the machine's archives: "main" or "security". Debian's own sources are known by
# the origin in their signed index, or, before the first `apt-get update`, by the name of this release.
bases()
{
	local codename
	codename=$(. /etc/os-release 2>/dev/null && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}")
	apt-get indextargets --format '$(ORIGIN)|$(RELEASE)|$(SITE)' 'Created-By: Packages' 2>/dev/null |
	awk -F'|' -v kind="$1" -v codename="${codename:-?}" '
		$1 != "Debian" && $2 != codename && index($2, codename "-") != 1 { next }
		{ security = $2 ~ /(-security|\/updates)$/ }
		(kind == "security") == security && !seen[$3]++ { print $3 }'
}

# A private apt: own lists, own cache, no pins, the machine's proxies and certificates.
apt_create()	# folder base suite options
{
	local d=$1
	rm -rf "$d" && mkdir -p "$d"/{lists/partial,archives/partial} || return 1
	: >"$d/status"
	echo "deb [$4] $2 $3 main" >"$d/sources.list"
	cat >"$d/apt.conf" <<-END
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear APT::Update::Pre-Invoke;
		#clear Acquire::IndexTargets::deb::Contents-deb;
		APT::Default-Release "";
		APT::Sandbox::User "root";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		Acquire::PDiffs "false";
		Acquire::Retries "2";
		Acquire::http::Timeout "30";
		Acquire::https::Timeout "30";
		// Suites past their support keep their last index; its signature is still checked.
		Acquire::Check-Valid-Until "false";
		Dir::State "$d";
		Dir::State::lists "$d/lists";
		Dir::State::status "$d/status";
		Dir::Cache "$d";
		Dir::Cache::archives "$d/archives";
		Dir::Etc::sourcelist "$d/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::Etc::preferences "-";
		Dir::Etc::preferencesparts "-";
	END
}

# Reads the index of a suite. Unsigned is the last resort, for a suite whose key this machine has not yet.
apt_update()	# folder base suite
{
	local d=$1 keys
	keys=$(ls /usr/share/keyrings/debian-archive-keyring.{pgp,gpg} 2>/dev/null | head -1)
	apt_create "$d" "$2" "$3" "${keys:+signed-by=$keys}" || return 1
	apt-get -c "$d/apt.conf" -q update >"$d/log" 2>&1 && return
	grep -qE 'NO_PUBKEY|EXPKEYSIG|not signed|signatures were invalid' "$d/log" || return 1
	echo "kernels.sh: $3: no key here for its signature, read without" >&2
	apt_create "$d" "$2" "$3" trusted=yes || return 1
	apt-get -c "$d/apt.conf" -q update >"$d/log" 2>&1
}

# The newest kernel of a suite whose version matches: prints "6.1.0-56-cloud-amd64".
newest()	# folder pattern
{
	apt-cache -c "$1/apt.conf" pkgnames linux-image- |
		sed -nE "s/^linux-image-($2.*-cloud-amd64)$/\1/p" | sort -V | tail -1
}

# The kernel inside a bzImage. Its place and length are in the boot header (x86/boot.rst), its
# compression shows in its first bytes; all but gzip append four bytes of length.
unpack_vmlinux()	# bzImage vmlinux
{
	local sects offset length magic tail=4 tool
	sects=$(od -An -tu1 -j 0x1f1 -N1 "$1") offset=$(od -An -tu4 -j 0x248 -N4 "$1") length=$(od -An -tu4 -j 0x24c -N4 "$1")
	offset=$(( (sects + 1) * 512 + offset ))
	magic=$(od -An -tx1 -j $offset -N4 "$1" | tr -d ' ')
	case $magic in
	02214c18) tool=lz4 ;;
	28b52ffd) tool=zstd ;;
	fd377a58) tool=xz ;;
	1f8b*) tool=gzip tail=0 ;;
	*) echo "unknown compression $magic"; return 1 ;;
	esac
	command -v $tool >/dev/null || { echo "needs $tool"; return 1; }
	tail -c +$((offset + 1)) "$1" | head -c $((length - tail)) | $tool -dc >"$2" 2>/dev/null
	[ "$(od -An -tx1 -N4 "$2" | tr -d ' ')" = 7f454c46 ] || { echo "no ELF inside"; return 1; }
}

# One kernel out of one suite into folder $3; says on stdout why it could not.
fetch()	# suite pattern folder work
{
	local suite=$1 pattern=$2 out=$3 work=$4 kind=main base version="" packages p image
	[[ $suite == *-security ]] && kind=security
	for base in $(bases $kind); do
		apt_update "$work/apt" "$base" "$suite" || continue
		version=$(newest "$work/apt" "$pattern")
		[ -n "$version" ] && break
	done
	[ -n "${base:-}" ] || { echo "this machine has no $kind package source"; return 1; }
	if [ -z "$version" ]; then
		grep -m1 '^E:' "$work/apt/log" || echo "no such kernel in it"
		return 1
	fi

	packages=linux-image-$version
	# From 7.0 linux-image is empty and the kernel comes in three packages.
	for p in linux-binary linux-modules linux-base; do
		[ -n "$(apt-cache -c "$work/apt/apt.conf" pkgnames "$p-$version")" ] && packages+=" $p-$version"
	done
	(cd "$work" && apt-get -c "$work/apt/apt.conf" -q download $packages) >"$work/apt/log" 2>&1 ||
		{ grep -m1 '^E:' "$work/apt/log" || echo "download failed"; return 1; }
	for p in "$work"/*.deb; do
		dpkg -x "$p" "$work/tree" || { echo "$(basename "$p") cannot be unpacked"; return 1; }
	done

	local modules=$work/tree/lib/modules/$version
	[ -d "$modules" ] || modules=$work/tree/usr/lib/modules/$version
	[ -d "$modules" ] || { echo "$version has no modules"; return 1; }
	image=$(ls "$work/tree/boot/vmlinuz-$version" "$modules/vmlinuz" 2>/dev/null | head -1)
	[ -n "$image" ] || { echo "$version has no kernel image"; return 1; }
	mkdir -p "$out/lib/modules" || return 1
	unpack_vmlinux "$image" "$out/vmlinux" || return 1
	cp "$(ls "$work/tree/boot/config-$version" "$modules/config" 2>/dev/null | head -1)" "$out/config" || return 1
	find "$modules" -name '*.ko.xz' -exec xz -d {} + || return 1
	find "$modules" -name '*.ko.zst' -exec zstd -q -d --rm {} + || return 1
	rm -f "$modules"/{build,source,vmlinuz,vmlinuz.sig,System.map}
	mv "$modules" "$out/lib/modules/" || return 1
	depmod -b "$out" "$version" || return 1
	echo "$suite" >"$out/suite"
	echo "$version" >"$out/release"	# last: a folder with it is whole
}

kernel()	# name refresh
{
	local name=$1 dir=$cache/$1 pattern suites suite work why="" reason
	IFS=$'\t' read -r _ pattern suites <<<"$(row "$name")"
	mkdir -p "$cache" || return 1
	exec 9>"$cache/.$name.lock" && flock 9 || return 1
	if [ ! -f "$dir/release" ] || [ "$2" = yes ]; then
		for suite in $suites; do
			work=$(mktemp -d "$cache/.$name.XXXXXX") || return 1
			unfinished=$work
			trap 'rm -rf "$unfinished"' EXIT
			if reason=$(fetch "$suite" "$pattern" "$work/out" "$work"); then
				rm -rf "$dir" && mv "$work/out" "$dir" && why=""
			else
				why+="${why:+; }suite $suite: $reason"
			fi
			rm -rf "$work"
			[ -z "$why" ] && break
		done
	fi
	if [ ! -f "$dir/release" ]; then
		echo "skip: kernel $name: ${why:-not found}"
		return 77
	fi
	[ -n "$why" ] && echo "kernels.sh: $name: kept what was there ($why)" >&2
	echo "$name $(<"$dir/release") $dir"
}

refresh=no
wanted=()
while [ $# -gt 0 ]; do
	case $1 in
	--list)
		names | while read -r name; do
			IFS=$'\t' read -r _ _ suites <<<"$(row "$name")"
			printf '%-8s %-32s %s\n' "$name" "$(cat "$cache/$name/release" 2>/dev/null || echo -)" "$suites"
		done
		exit 0 ;;
	--refresh) refresh=yes ;;
	-h|--help) sed -n '3,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
	-*) echo "kernels.sh: unknown option '$1'" >&2; exit 2 ;;
	*)
		[ -n "$(row "$1")" ] || { echo "kernels.sh: unknown kernel '$1' (known: $(names | xargs))" >&2; exit 2; }
		wanted+=("$1") ;;
	esac
	shift
done
[ ${#wanted[@]} -gt 0 ] || mapfile -t wanted < <(names)

status=0
for name in "${wanted[@]}"; do
	[ -f "$cache/$name/release" ] && [ $refresh = no ] && { kernel "$name" no; continue; }
	missing=""
	[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || missing=" a Debian amd64 machine"
	for tool in apt-get dpkg depmod xz zstd lz4 flock; do
		command -v $tool >/dev/null || missing+=" $tool"
	done
	[ -z "$missing" ] || { echo "skip: kernel $name: fetching it needs$missing"; status=77; continue; }
	(kernel "$name" $refresh)
	case $? in 0) ;; 77) [ $status = 0 ] && status=77 ;; *) status=1 ;; esac
done
exit $status
