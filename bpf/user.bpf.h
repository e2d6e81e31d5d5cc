/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads what system calls are given in user memory: addresses, vectors, control messages.
 * Knows the ABI of the calls, nothing of sockets or events. What cannot be read is as if it were not there.
 */
#ifndef SOCKTALE_USER_BPF_H
#define SOCKTALE_USER_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/event.h"
#include "bpf/sock.bpf.h"

#define IOV_LOOKED_AT 16
#define CONTROLS_LOOKED_AT 4

enum { ENOENT = 2, EINTR = 4, EAGAIN = 11, EPIPE = 32, ECONNRESET = 104, ECONNREFUSED = 111 };

/* What sys_exit returns while a signal is about to restart a call: from the first to the last of these (include/linux/errno.h). */
enum { ERESTARTSYS = 512, ERESTARTNOINTR = 513, ERESTART_RESTARTBLOCK = 516 };

/* The program sees EINTR or nothing. */
static __always_inline __s64 visible(__s64 ret)
{
	return ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK ? -EINTR : ret;
}

/* A sockaddr of IPv4 or IPv6, as it lies in memory. */
struct address_raw {
	__u16 family;
	__be16 port;
	__u32 four;
	__u8 six[16];
	__u32 scope;
};

/* Unknown families leave *ret zero but for the family. */
static __always_inline void address_take(const struct address_raw *raw, struct event_address *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->family = raw->family;
	if (raw->family == AF_INET) {
		ret->port = bpf_ntohs(raw->port);
		*(__u32 *)ret->ip.bytes = raw->four;
	} else if (raw->family == AF_INET6) {
		ret->port = bpf_ntohs(raw->port);
		__builtin_memcpy(ret->ip.bytes, raw->six, 16);
		ret->scope_id = raw->scope;
	}
}

/* Cut where it is used: 5.10 forgets the bounds of a number of 32 bits that the compiler keeps on the stack meanwhile. */
static __always_inline __u64 seven_bits(__u64 number)
{
	asm volatile("%0 &= 127" : "+r"(number));
	return number;
}

/* A sockaddr the program handed over, or got. Unknown families leave *ret zero but for the family. */
static __always_inline void address_read(__u64 user, __u32 length, struct event_address *ret, struct event_path *path)
{
	struct address_raw raw = {};

	__builtin_memset(ret, 0, sizeof(*ret));
	path->length = 0;
	if (!user || length < sizeof(raw.family))
		return;
	if (bpf_probe_read_user(&raw.family, sizeof(raw.family), (void *)user))
		return;
	if (raw.family == AF_INET)
		bpf_probe_read_user(&raw, 8, (void *)user);
	else if (raw.family == AF_INET6)
		bpf_probe_read_user(&raw, sizeof(raw), (void *)user);
	address_take(&raw, ret);
	if (raw.family == AF_UNIX) {
		__u32 bytes = length - 2;
		__s64 got;

		__builtin_memset(path, 0, sizeof(*path));
		if (bytes > 108)
			bytes = 108;
		if (!bytes || bpf_probe_read_user(path->bytes, 1, (void *)(user + 2)))
			return;
		if (!path->bytes[0]) {
			if (!bpf_probe_read_user(path->bytes, seven_bits(bytes), (void *)(user + 2)))
				path->length = bytes;
			return;
		}
		/* A path ends at its first NUL, whatever length was given. */
		got = bpf_probe_read_user_str(path->bytes, seven_bits(bytes) + 1, (void *)(user + 2));
		if (got > 1 && got <= 109)
			path->length = got - 1;
	}
}

static __always_inline __u64 iov_bytes(__u64 iov, __u64 count)
{
	struct iovec vec;
	__u64 sum = 0;

	for (int i = 0; i < IOV_LOOKED_AT; i++) {
		if ((__u64)i >= count || bpf_probe_read_user(&vec, sizeof(vec), (void *)(iov + i * sizeof(vec))))
			break;
		sum += vec.iov_len;
	}
	return sum;
}

/* What SCM_CREDENTIALS carries (struct ucred, include/linux/socket.h). */
struct user_credentials {
	__u32 pid, uid, gid;
};

/* What control messages carry: descriptors (SCM_RIGHTS), credentials, the size of segments (UDP_SEGMENT). */
struct control {
	__u32 descriptors;
	__s32 first; /* of these */
	__u64 numbers; /* where they lie, in user memory */
	__u64 credentials; /* the same of a struct user_credentials, 0: none */
	__u16 segment_bytes;
};

static __always_inline void control_read(const struct user_msghdr *m, struct control *ret)
{
	__u64 at = (__u64)m->msg_control, left = m->msg_controllen;
	struct cmsghdr c;

	ret->descriptors = 0;
	ret->first = -1;
	ret->numbers = 0;
	ret->credentials = 0;
	ret->segment_bytes = 0;
	for (int i = 0; i < CONTROLS_LOOKED_AT; i++) {
		if (!at || left < sizeof(c) || bpf_probe_read_user(&c, sizeof(c), (void *)at))
			break;
		if (c.cmsg_len < sizeof(c) || c.cmsg_len > left)
			break;
		if (c.cmsg_level == 1 /* SOL_SOCKET */ && c.cmsg_type == 1 /* SCM_RIGHTS */) {
			ret->descriptors = (c.cmsg_len - sizeof(c)) / sizeof(__s32);
			ret->numbers = at + sizeof(c);
			if (ret->descriptors)
				bpf_probe_read_user(&ret->first, sizeof(ret->first), (void *)ret->numbers);
		} else if (c.cmsg_level == 1 && c.cmsg_type == 2 /* SCM_CREDENTIALS */) {
			if (c.cmsg_len >= sizeof(c) + sizeof(struct user_credentials))
				ret->credentials = at + sizeof(c);
		} else if (c.cmsg_level == 17 /* SOL_UDP */ && c.cmsg_type == 103 /* UDP_SEGMENT */) {
			bpf_probe_read_user(&ret->segment_bytes, sizeof(__u16), (void *)(at + sizeof(c)));
		}
		c.cmsg_len = (c.cmsg_len + 7) & ~7ULL;
		if (c.cmsg_len >= left)
			break;
		at += c.cmsg_len;
		left -= c.cmsg_len;
	}
}

#endif
