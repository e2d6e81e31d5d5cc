#!/vm/busybox sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash
#
# The first process of a test VM, run by busybox: from kernel modules to the command and its exit code.
# Does not know where the root came from (the host by virtiofs, or the initramfs itself), only which it is.
# Run twice: as /init, and again as /run/vm/init.sh inside the root it has put together.
#
# /vm holds what run.sh packed: busybox, leave, modules/, setup (variables), cmd (the command's words).

case $0 in
/run/vm/*) vm=/run/vm ;;
*) vm=/vm ;;
esac
. $vm/setup

say() { echo "socktale-vm: $*" >/dev/ttyS0; }

mount_kernel()
{
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs dev /dev
	mkdir -p /dev/pts /dev/shm /run /tmp
	mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t bpf bpf /sys/fs/bpf
	mount -t tracefs tracefs /sys/kernel/tracing
	mount -t debugfs debugfs /sys/kernel/debug
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	ln -sf /proc/self/fd /dev/fd
	ln -sf /proc/self/fd/0 /dev/stdin
	ln -sf /proc/self/fd/1 /dev/stdout
	ln -sf /proc/self/fd/2 /dev/stderr
}

# The host's tree below, a throw-away layer above: the guest may write anywhere and harms nothing.
mount_host()
{
	mkdir -p /host /layer /root
	mount -t virtiofs host /host || { say "no virtiofs"; return 1; }
	mount -t tmpfs -o mode=755 tmpfs /layer
	mkdir /layer/upper /layer/work
	mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work root /root ||
		{ say "no overlay"; return 1; }
	mkdir -p /root/proc /root/sys /root/dev /root/run /root/tmp /root/lib/modules /root/boot
	mount -t tmpfs -o mode=1777 tmpfs /root/tmp
	mount --bind "/host$VM_KERNEL/lib/modules" /root/lib/modules
	cp "/host$VM_KERNEL/config" "/root/boot/config-$(uname -r)"
	if [ -n "$VM_OUT" ]; then
		mkdir -p "/root$VM_OUT"
		mount --bind "/host$VM_OUT" "/root$VM_OUT"
	fi
	for tree in proc sys dev run; do
		mount --move /$tree /root/$tree
	done
}

# Prints the device of a named port; ports appear some time after their driver.
port()
{
	tries=0
	while [ $tries -lt 500 ]; do
		for p in /sys/class/virtio-ports/*; do
			[ "$($b cat "$p/name" 2>/dev/null)" = "$1" ] && [ -c "/dev/${p##*/}" ] && echo "/dev/${p##*/}" && return
		done
		$b usleep 10000
		tries=$((tries + 1))
	done
	say "no port '$1'"
	return 1
}

# Everything but kernel threads, this shell and the two that carry the output away.
end_others()
{
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		case " 1 $$ $OUT $ERR " in *" $p "*) continue ;; esac
		readlink /proc/$p/exe >/dev/null && kill -9 $p
	done
}

stage_one()
{
	/vm/busybox mkdir -p /proc /sys /dev
	/vm/busybox --install -s /bin 2>/dev/null	# what was packed by that name stays
	PATH=/bin
	mount_kernel 2>/dev/null
	for module in /vm/modules/*.ko; do
		[ -f "$module" ] && insmod "$module"
	done
	mkdir /run/vm
	cp -r /vm/busybox /vm/leave /vm/setup /vm/cmd /vm/init.sh /run/vm/
	[ "$VM_ROOT" = initramfs ] && exec /run/vm/busybox sh /run/vm/init.sh
	mount_host || exec /run/vm/leave 125
	exec switch_root /root /run/vm/busybox sh /run/vm/init.sh
}

stage_two()
{
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	HOME=/root
	PWD=/
	SOCKTALE_VM=$VM_NAME
	export PATH HOME SOCKTALE_VM VM_OUT
	b=/run/vm/busybox
	$b ip link set lo up
	$b mkfifo /run/vm/out /run/vm/err
	out=$(port out) && err=$(port err) || exec /run/vm/leave 125
	$b cat /run/vm/out >"$out" & OUT=$!
	$b cat /run/vm/err >"$err" & ERR=$!
	cd "$VM_DIR" || say "no folder $VM_DIR"
	say "start $(uname -r)"
	# A session of its own: a command that signals its process group must not meet init.
	$b setsid /bin/bash /run/vm/cmd </dev/null >/run/vm/out 2>/run/vm/err
	code=$?
	end_others 2>/dev/null
	tries=0
	while [ $tries -lt 50 ] && { kill -0 $OUT || kill -0 $ERR; } 2>/dev/null; do
		$b usleep 20000
		tries=$((tries + 1))
	done
	/run/vm/leave $code
}

if [ $vm = /vm ]; then
	stage_one
else
	stage_two
fi
