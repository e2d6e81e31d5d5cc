/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What leads to a datagram or unix socket when nobody holds its descriptor: its port, or its name.
 * Knows records and system calls' addresses, nothing of events.
 */
#ifndef SOCKTALE_DATAGRAM_BPF_H
#define SOCKTALE_DATAGRAM_BPF_H

#include "bpf/life.bpf.h"

#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define SOCK_DEAD_BIT 0 /* enum sock_flags */
#define MSG_PEEK 0x2
#define MSG_CTRUNC 0x8
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000

/* Of the calls that carry messages. */
static __always_inline bool call_sends(__u8 call) { return call >= CALL_write && call <= CALL_splice; }
static __always_inline bool call_receives(__u8 call) { return call >= CALL_read && call < CALL_write; }

/* Which numbers a port of `ports` counts. */
enum { PORT_udp = 1, PORT_udp6, PORT_echo };

struct port_key {
	__u32 netns;
	__u16 port;
	__u16 kind;
	struct event_ip local; /* all zero: any */
};

/* The sockets of a port, or of a name. */
struct holders {
	__u64 sockets; /* the sum of their addresses: of one alone its own, and so again once the others have gone */
	__u64 count;
};

/* From a local address and UDP port, or the identifier of a ping, to its socket: that much ICMP errors quote. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* what ended unseen makes room */
	__uint(max_entries, 32768);
	__type(key, struct port_key);
	__type(value, struct holders);
} ports __weak SEC(".maps");

/*
 * From the hash of a unix socket's name to the socket bound to it, and so from the kernel's own copy of the name, by its address:
 * accepted sockets have that from their listener. A path alone may be two sockets', in two mounts or beneath two directories.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* what ended unseen makes room */
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct holders);
} names __weak SEC(".maps");

static __always_inline struct unix_sock *as_unix(const void *sk) { return typed(unix_sock, sk); }

static __always_inline bool sock_is_dead(const void *sk)
{
	return get(as_sock(sk), __sk_common.skc_flags) & (1UL << SOCK_DEAD_BIT);
}

/* ---- ports ---- */

static __always_inline bool ip_is_any(const struct event_ip *ip)
{
	const __u64 *words = (const __u64 *)ip->bytes;

	return !(words[0] | words[1]);
}

static __always_inline bool ip_is(const struct event_ip *a, const struct event_ip *b)
{
	const __u64 *x = (const __u64 *)a->bytes, *y = (const __u64 *)b->bytes;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]));
}

/* An IPv4 address as an IPv6 socket has it (RFC 4291, 2.5.5.2). */
static __always_inline void map_to_six(struct event_ip *ip)
{
	__u32 *words = (__u32 *)ip->bytes;

	words[3] = words[0];
	words[2] = bpf_htonl(0xffff);
	words[0] = words[1] = 0;
}

/* The kernel's view of a socket in a packet's family: of an IPv6 socket that speaks IPv4, the IPv4 addresses. */
static __always_inline void sock_address(const void *sk, __u8 family, bool remote, struct event_ip *ret)
{
	struct sock *s = as_sock(sk);
	__u32 *words = (__u32 *)ret->bytes;

	words[1] = words[2] = words[3] = 0;
	if (family == AF_INET) {
		words[0] = remote ? get(s, __sk_common.skc_daddr) : get(s, __sk_common.skc_rcv_saddr);
		return;
	}
	for (int i = 0; i < 4; i++)
		words[i] = remote ? get(s, __sk_common.skc_v6_daddr.in6_u.u6_addr32[i])
				  : get(s, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i]);
}

static __always_inline void port_key_fill(struct port_key *key, __u32 netns, __u16 port, __u8 family, __u8 protocol)
{
	key->netns = netns;
	key->port = port;
	key->kind = protocol != IPPROTO_UDP ? PORT_echo : family == AF_INET6 ? PORT_udp6 : PORT_udp;
}

static __always_inline void holders_join(struct holders *holders, const void *sk)
{
	__sync_fetch_and_add(&holders->sockets, (__u64)sk);
	__sync_fetch_and_add(&holders->count, 1);
}

/* False: nobody is left. */
static __always_inline bool holders_leave(struct holders *holders, const void *sk)
{
	if (holders->count <= 1)
		return holders->sockets != (__u64)sk;
	__sync_fetch_and_add(&holders->sockets, -(__u64)sk);
	__sync_fetch_and_add(&holders->count, -1);
	return true;
}

static __always_inline void port_forget(const void *sk, struct record *r)
{
	struct holders *old;
	struct port_key key;

	if (!r->ends.local_port)
		return;
	port_key_fill(&key, r->netns, r->ends.local_port, r->family, r->protocol);
	key.local = r->ends.local;
	r->ends.local_port = 0;
	old = bpf_map_lookup_elem(&ports, &key);
	if (old && !holders_leave(old, sk))
		bpf_map_delete_elem(&ports, &key);
}

/* Whether that is a socket with that port still: it may have gone unseen, and its address be another's. */
static __always_inline bool port_stands(__u64 sk, __u16 port)
{
	return record_find_mapped((void *)sk) && get(as_sock((void *)sk), __sk_common.skc_num) == port;
}

/* Remember under which port the socket is to be found. Cheap while nothing has changed. */
static __always_inline void port_note(const void *sk, struct record *r)
{
	__u16 port = get(as_sock(sk), __sk_common.skc_num);
	struct holders value = { .sockets = (__u64)sk, .count = 1 }, *old;
	struct port_key key;

	if (r->ends.local_port == port)
		return;
	port_forget(sk, r);
	if (!port)
		return;
	port_key_fill(&key, r->netns, port, r->family, r->protocol);
	sock_address(sk, r->family, false, &key.local);
	r->ends.local = key.local;
	r->ends.local_port = port;
	old = bpf_map_lookup_elem(&ports, &key);
	if (old && (old->count > 1 || (old->sockets != (__u64)sk && port_stands(old->sockets, port))))
		holders_join(old, sk);
	else if (bpf_map_update_elem(&ports, &key, &value, BPF_ANY))
		r->ends.local_port = 0;
}

/* ---- names ---- */

/* The name a unix socket is bound to, as its kernel keeps it; length 0: none. */
static __always_inline void name_read(const void *sk, struct event_path *ret)
{
	struct unix_address *address = get(as_unix(sk), addr);
	__u32 length;

	__builtin_memset(ret, 0, sizeof(*ret));
	if (!address)
		return;
	address = typed(unix_address, address);
	length = get(address, len) - 2;
	if (length - 1 >= 108)
		return;
	if (bpf_probe_read_kernel(ret->bytes, length & 127,
				  (char *)address + bpf_core_field_offset(struct unix_address, name) + 2)) {
		ret->bytes[0] = 0;
		return;
	}
	/* A path counts its NUL; an abstract name has none. */
	ret->length = ret->bytes[0] ? length - 1 : length;
}

/* The key of a name in `names`; abstract names belong to a network namespace. 0: no name. */
static __always_inline __u64 name_key(const struct event_path *name, __u32 netns)
{
	const __u64 *words = (const __u64 *)name;
	__u64 hash = 0xcbf29ce484222325ULL;

	if (!name->length)
		return 0;
	if (!name->bytes[0])
		hash += netns;
	for (int i = 0; i < (int)(sizeof(*name) / sizeof(__u64)); i++) {
		hash = (hash ^ words[i]) * 0x100000001b3ULL;
		hash ^= hash >> 29;
	}
	return hash ? hash : 1;
}

/* The one socket bound to that name, or NULL; `key` may be the address of the kernel's copy. */
static __always_inline const void *name_holder(__u64 key)
{
	struct holders *found = key ? bpf_map_lookup_elem(&names, &key) : 0;

	return found && found->count == 1 ? (const void *)found->sockets : 0;
}

static __always_inline const void *name_find(const struct event_path *name, __u32 netns)
{
	return name_holder(name_key(name, netns));
}

/* Whether a socket's path leads to it no more: another may have taken it (unlink() and bind(), as servers restart). */
static __always_inline bool name_unlinked(const void *sk)
{
	struct dentry *entry = get(as_unix(sk), path.dentry);
	struct inode *inode = entry ? get(typed(dentry, entry), d_inode) : 0;

	return inode && !get(typed(inode, inode), i_nlink);
}

/* `scratch` has room for the name. Accepted sockets share their listener's name and do not answer to it. */
static __always_inline void name_note(const void *sk, __u32 netns, struct event_path *scratch)
{
	struct holders value = { .sockets = (__u64)sk, .count = 1 }, *old;
	__u64 key;

	name_read(sk, scratch);
	key = name_key(scratch, netns);
	if (!key)
		return;
	old = bpf_map_lookup_elem(&names, &key);
	if (old && (old->count > 1 || (old->sockets != (__u64)sk && record_find_mapped((void *)old->sockets) &&
				       !name_unlinked((void *)old->sockets))))
		holders_join(old, sk);
	else
		bpf_map_update_elem(&names, &key, &value, BPF_ANY);
	key = address_of(get(as_unix(sk), addr));
	bpf_map_update_elem(&names, &key, &value, BPF_ANY);
}

static __always_inline void name_forget(const void *sk, __u32 netns, struct event_path *scratch)
{
	struct holders *old;
	__u64 key;

	key = address_of(get(as_unix(sk), addr));
	old = bpf_map_lookup_elem(&names, &key);
	if (!old || old->sockets != (__u64)sk)
		return; /* it has its name from its listener, or none */
	bpf_map_delete_elem(&names, &key);
	name_read(sk, scratch);
	key = name_key(scratch, netns);
	old = key ? bpf_map_lookup_elem(&names, &key) : 0;
	if (old && !holders_leave(old, sk))
		bpf_map_delete_elem(&names, &key);
}

extern int unix_reached(__u64 sk);

/* ---- UDP (udp.bpf.c) ---- */

extern int udp_begins(struct thread *t, __u8 call);
extern int udp_connected(struct thread *t, __s64 ret);
ONCE int udp_over(struct thread *t);
extern int udp_forget(__u64 sk);
ONCE int udp_sent(struct thread *t, struct record *r, __u64 asked, __s64 ret, __u8 plane);
ONCE int udp_received(struct thread *t, struct record *r, __u64 asked, __s64 ret, __u8 plane);

/* How much a reader was given of a message, and how much there was: with MSG_TRUNC a call returns the latter. */
struct share {
	__u64 done;
	__u32 length; /* 0: not known */
	__u32 truncated;
};

/* Whether msg_flags say if the message was cut; without them the room for it is one piece. */
static __always_inline bool call_tells_cut(__u8 call) { return call == CALL_recvmsg || call == CALL_recvmmsg; }

/* `told`: `truncated` is certain. `asks_length`: the call has MSG_TRUNC. */
ONCE int share_settle(struct share *share, bool told, bool asks_length, __u64 asked)
{
	__s64 done;

	if (!share)
		return 0;
	done = share->done;
	if (done < 0) {
		share->done = share->length = 0;
		return 0;
	}
	if ((__u64)done > asked && asks_length && (share->truncated || !told)) {
		share->length = done;
		share->done = asked;
	}
	if (!told && share->length > share->done)
		share->truncated = 1;
	if (!share->truncated)
		share->length = share->done;
	return 0;
}

/* `length` is that of the message where it is known, else 0. */
static __always_inline void share_of(struct share *ret, bool told, bool truncated, __u32 flags, __u64 asked, __s64 done,
				     __u32 length)
{
	*ret = (struct share){ .done = done, .length = length, .truncated = truncated };
	share_settle(ret, told, flags & MSG_TRUNC, asked);
}

/* ---- messages of a call ---- */

#define MESSAGES_LOOKED_AT 1024 /* UIO_MAXIOV, the most that sendmmsg() and recvmmsg() take */

extern int message_of_many(__u32 index);
extern int message_alone(__s64 ret);

#ifdef MODERN
static long message_visit(__u32 index, void *context)
{
	message_of_many(index);
	return 0;
}

static __always_inline void messages_each(__u32 count) { bpf_loop(count, message_visit, 0, 0); }
#else /* bpf_loop: since 5.17 (e6f2dd0f8067), and 5.10 refuses a program that holds a callback */
static __always_inline void messages_each(__u32 count)
{
	for (__u32 i = 0; i < MESSAGES_LOOKED_AT && i < count; i++)
		message_of_many(i);
}
#endif

static __always_inline void messages_done(__u8 call, __s64 ret)
{
	if (ret <= 0 || (call != CALL_sendmmsg && call != CALL_recvmmsg))
		message_alone(ret);
	else
		messages_each(ret < MESSAGES_LOOKED_AT ? ret : MESSAGES_LOOKED_AT);
}

#endif
