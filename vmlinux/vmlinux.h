/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Only the kernel types and fields socktale reads, each naming its kernel header. Offsets are the running kernel's:
 * every access is relocated by CO-RE, so the order and the gaps here mean nothing. Architecture differs in pt_regs only.
 * A type named thing___variant is what `thing` looks like on other kernels; see vmlinux/README.md.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __s8 s8;
typedef __u8 u8;
typedef __s16 s16;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef unsigned long size_t;
typedef _Bool bool;
enum { false, true };

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_F_NO_PREALLOC = 1U << 0, BPF_F_CLONE = 1U << 9 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1ULL << 0, BPF_SK_STORAGE_GET_F_CREATE = 1ULL << 0 };
enum { BPF_RB_NO_WAKEUP = 1ULL << 0, BPF_RB_FORCE_WAKEUP = 1ULL << 1 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/linux/types.h, include/linux/refcount.h */
typedef struct { int counter; } atomic_t;
typedef struct { __s64 counter; } atomic64_t;
typedef struct refcount_struct { atomic_t refs; } refcount_t;
typedef struct { __u32 val; } kuid_t;
struct list_head { struct list_head *next, *prev; };

/* include/linux/mm_types_task.h and arch pt_regs */
#if defined(__TARGET_ARCH_x86)
struct pt_regs { /* arch/x86/include/asm/ptrace.h */
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs { /* arch/arm64/include/uapi/asm/ptrace.h */
	__u64 regs[31], sp, pc, pstate;
};
struct pt_regs { /* arch/arm64/include/asm/ptrace.h */
	__u64 regs[31], sp, pc, pstate;
	__u64 orig_x0;
	__s32 syscallno;
};
#endif

/* include/net/net_namespace.h, include/linux/ns_common.h */
struct ns_common { unsigned int inum; };
struct inet_timewait_death_row { /* include/net/netns/ipv4.h */
	refcount_t tw_refcount;
	int sysctl_max_tw_buckets;
};
struct inet_timewait_death_row___old { /* before 5.19 */
	atomic_t tw_count;
};
struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row;
	__u8 sysctl_tcp_syncookies;
	int sysctl_max_syn_backlog;
};
struct net {
	struct ns_common ns;
	struct net_device *loopback_dev;
	struct netns_ipv4 ipv4;
};
typedef struct { struct net *net; } possible_net_t;

/* include/uapi/linux/in6.h */
struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

/* include/linux/timer.h */
struct timer_list {
	unsigned long expires;
	void (*function)(struct timer_list *);
};

/* include/linux/skbuff.h */
struct sk_buff;
struct sk_buff_head {
	struct sk_buff *next;
	__u32 qlen;
};
struct net_device { /* include/linux/netdevice.h */
	possible_net_t nd_net;
	int ifindex;
	unsigned int flags;
	struct in_device *ip_ptr;
	struct inet6_dev *ip6_ptr;
};
struct in_ifaddr { /* include/linux/inetdevice.h */
	struct in_ifaddr *ifa_next;
	__be32 ifa_local;
};
struct in_device {
	struct in_ifaddr *ifa_list;
};
struct inet6_ifaddr { /* include/net/if_inet6.h */
	struct in6_addr addr;
	struct list_head if_list;
};
struct inet6_dev {
	struct list_head addr_list;
};
enum skb_drop_reason { /* include/net/dropreason-core.h; values are the running kernel's */
	SKB_DROP_REASON_NOT_SPECIFIED,
	SKB_DROP_REASON_NO_SOCKET,
	SKB_DROP_REASON_UDP_CSUM,
	SKB_DROP_REASON_SOCKET_FILTER,
};
struct skb_shared_info {
	unsigned short gso_size;
	unsigned short gso_segs;
};
struct sk_buff {
	struct sk_buff *next;
	struct sock *sk;
	struct net_device *dev;
	char cb[48];
	unsigned int len;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	__u16 mac_header;
	unsigned char *head, *data;
	unsigned int end;
};

/* include/net/tcp.h */
struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq;
	__u16 tcp_gso_segs;
	__u8 sacked;
};

/* include/net/sock.h */
struct proto;
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	unsigned char skc_reuse : 4;
	unsigned char skc_reuseport : 1;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
	struct sock *skc_listener;
	__u32 skc_tw_snd_nxt;
};
typedef struct {
	int owned;
} socket_lock_t;
struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	atomic_t sk_drops;
	struct sk_buff_head sk_receive_queue;
	struct sk_buff_head sk_write_queue;
	int sk_rcvbuf;
	struct {
		atomic_t rmem_alloc;
	} sk_backlog;
	int sk_err;
	int sk_err_soft;
	struct socket *sk_socket;
	int sk_wmem_queued;
	refcount_t sk_wmem_alloc;
	int sk_sndbuf;
	struct timer_list sk_timer;
	kuid_t sk_uid;
	__u16 sk_protocol;
	__u16 sk_type;
	__u8 sk_shutdown;
	unsigned long sk_lingertime;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	struct pid *sk_peer_pid;
};
struct numa_drop_counters { /* include/net/sock.h, since 6.18 for UDP */
	atomic_t drops0;
	atomic_t drops1;
};

/* include/net/inet_sock.h */
struct inet_sock {
	struct sock sk;
	__be32 inet_saddr;
	__be16 inet_sport;
	unsigned long inet_flags; /* since 6.6; bit fields of inet_sock and ipv6_pinfo before */
	__u8 pmtudisc;
	struct ipv6_pinfo *pinet6;
};
struct inet_sock___old {
	__u8 recverr : 1;
};
struct ipv6_pinfo { /* include/linux/ipv6.h */
	int hop_limit;
};
struct ipv6_pinfo___old {
	__u16 recverr : 1;
	__u16 pmtudisc : 3; /* a whole byte since 6.8 */
};
enum { /* bits of inet_flags; anonymous in the kernel, so not relocated */
	INET_FLAGS_RECVERR = 9,
	INET_FLAGS_RECVERR6 = 26,
};
struct inet_request_sock;

/* include/net/request_sock.h */
struct request_sock {
	struct sock_common __req_common;
	__u8 num_retrans;
	struct timer_list rsk_timer;
	struct sock *sk;
};
struct tcp_request_sock { /* include/linux/tcp.h */
	__u32 snt_isn;
};
struct request_sock_queue {
	atomic_t qlen;
	atomic_t young;
	struct request_sock *rskq_accept_head;
	struct request_sock *rskq_accept_tail;
};

/* include/net/inet_connection_sock.h */
struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
	struct timer_list icsk_retransmit_timer;
	struct timer_list icsk_delack_timer;
	__u32 icsk_rto;
	__u8 icsk_ca_state : 5;
	__u8 icsk_retransmits;
	__u8 icsk_pending;
	__u8 icsk_backoff;
	__u8 icsk_probes_out;
	struct {
		__u8 pending;
		__u32 ato : 8;
		__u32 lrcvtime;
	} icsk_ack;
};
struct inet_connection_sock___keepalive { /* 6.1, 6.12, 7.2: a timer of its own; elsewhere it is sk_timer */
	struct timer_list icsk_keepalive_timer;
};
struct inet_connection_sock___timeout { /* until 6.17: when a held acknowledgement is due */
	struct {
		unsigned long timeout;
	} icsk_ack;
};
struct sock___retransmit { /* since 7.2 */
	struct timer_list tcp_retransmit_timer;
};

/* include/linux/tcp.h */
struct tcp_options_received {
	__u16 snd_wscale : 4;
	__u16 rcv_wscale : 4;
};
struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 snd_wnd;
	__u32 snd_cwnd;
	__u32 copied_seq;
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 write_seq;
	__u32 packets_out;
	__u32 rcv_wnd;
	__u32 rcv_tstamp;
	__u64 tcp_mstamp;
	__u8 nonagle : 4;
	struct tcp_options_received rx_opt;
};

/* include/net/inet_timewait_sock.h */
struct inet_timewait_sock {
	struct sock_common __tw_common;
	unsigned char tw_substate;
	__be16 tw_sport;
	struct timer_list tw_timer;
};

/* include/linux/udp.h */
struct udp_sock {
	struct inet_sock inet;
	int pending; /* a family: frames are kept back */
	__u16 len;   /* of these, the UDP header included */
	__u16 gso_size;
	struct sk_buff_head reader_queue;
};

/* include/net/af_unix.h */
struct sockaddr_un { /* include/uapi/linux/un.h */
	__u16 sun_family;
	char sun_path[108];
};
struct qstr { const unsigned char *name; };
struct dentry { /* include/linux/dcache.h */
	struct qstr d_name;
	struct inode *d_inode;
};
struct path { /* include/linux/path.h */
	struct dentry *dentry;
};
struct unix_address {
	int len;
	struct sockaddr_un name[0];
};
struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct path path;
	struct sock *peer;
};

/* include/linux/net.h */
struct socket {
	short type;
	unsigned long flags;
	struct file *file;
	struct sock *sk;
};

/* include/linux/fs.h, include/linux/fdtable.h */
struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
	unsigned int i_nlink;
	struct super_block *i_sb;
};
struct super_block { unsigned long s_magic; };
typedef struct { atomic64_t refcnt; } file_ref_t;
struct file {
	void *private_data;
	struct inode *f_inode;
	unsigned int f_flags;
	struct path f_path;
	file_ref_t f_ref; /* since 6.13: holds references minus one */
};
struct file___old {
	atomic64_t f_count;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *close_on_exec;
	unsigned long *open_fds;
};
struct files_struct {
	atomic_t count;
	struct fdtable *fdt;
};

/* include/linux/pid.h */
struct upid { int nr; };
struct pid {
	unsigned int level;
	struct upid numbers[1];
};

/* include/linux/sched.h, include/linux/sched/signal.h */
typedef struct { unsigned long sig[1]; } sigset_t;
struct sigaction { void *sa_handler; unsigned long sa_flags; };
struct k_sigaction { struct sigaction sa; };
struct sighand_struct { struct k_sigaction action[64]; };
struct sigpending { sigset_t signal; };
struct signal_struct { atomic_t live; struct sigpending shared_pending; };
struct css_set;
struct thread_info { /* arch thread_info.h */
	unsigned int status; /* x86: TS_COMPAT in it */
};
struct task_struct {
	struct pid *thread_pid;
	struct thread_info thread_info;
	unsigned int __state;
	unsigned int flags;
	int exit_code;
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *group_leader;
	struct files_struct *files;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	sigset_t blocked;
	struct sigpending pending;
};
struct task_struct___old { /* before 5.14 */
	volatile long state;
};
struct kernel_siginfo;

/* include/linux/uio.h, include/linux/socket.h */
struct iov_iter {
	size_t count;
};
struct msghdr {
	void *msg_name;
	int msg_namelen;
	struct iov_iter msg_iter;
	unsigned int msg_flags;
};

#pragma clang attribute pop

/* Layouts fixed by the user-space ABI or by RFCs: never relocated. */

struct iovec { /* include/uapi/linux/uio.h */
	void *iov_base;
	size_t iov_len;
};
struct user_msghdr { /* include/linux/socket.h */
	void *msg_name;
	int msg_namelen;
	struct iovec *msg_iov;
	size_t msg_iovlen;
	void *msg_control;
	size_t msg_controllen;
	unsigned int msg_flags;
};
struct mmsghdr {
	struct user_msghdr msg_hdr;
	unsigned int msg_len;
};
struct iphdr { /* RFC 791 */
	__u8 version_ihl;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__u16 check;
	__u8 saddr[4];
	__u8 daddr[4];
};
struct ipv6hdr { /* RFC 8200 */
	__be32 version_class_flow;
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	__u8 saddr[16];
	__u8 daddr[16];
};
struct udphdr { /* RFC 768 */
	__be16 source;
	__be16 dest;
	__be16 len;
	__u16 check;
};
struct icmphdr { /* RFC 792, RFC 4443 */
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 id; /* of an echo; other types use the word otherwise */
	__be16 sequence;
};
struct cmsghdr { /* include/linux/socket.h */
	size_t cmsg_len;
	int cmsg_level;
	int cmsg_type;
};
struct tcphdr { /* RFC 9293, 3.1 */
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack_seq;
	__u8 doff; /* upper four bits */
	__u8 flags;
	__be16 window;
	__u16 check;
	__be16 urg_ptr;
};

#endif
