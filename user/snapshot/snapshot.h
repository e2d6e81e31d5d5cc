/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sockets that exist now, with the processes that hold them: BPF iterators over files and over the kernel's own tables.
 * Knows libbpf; does not know how a socket looks in a table, nor anything that happens later.
 */
#ifndef SOCKTALE_SNAPSHOT_SNAPSHOT_H
#define SOCKTALE_SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/snapshot.h"

struct snapshot {
	struct snapshot_socket *sockets; /* each once, in order of `sk` */
	size_t count;
	struct snapshot_owner *owners; /* in order of `sk`, then pid, then fd; a thread group's descriptor once */
	size_t owner_count;
	unsigned hz; /* ticks a second */
	bool whole_unix; /* also unix sockets that no process holds (Linux 5.15) */
};

/*
 * Look. `netns` is a descriptor of the network namespace whose own tables are walked, or -1 for the current one; sockets that a
 * process holds are found in every namespace. Returns 0 and *ret, to be ended by snapshot_finish(), or a negative errno after
 * telling why.
 */
int snapshot_take(int netns, struct snapshot *ret);
void snapshot_finish(struct snapshot *s);

/* Who holds that socket: the first of *ret_count owners, or NULL. */
const struct snapshot_owner *snapshot_owners(const struct snapshot *s, __u64 sk, size_t *ret_count);

/* The socket at that address, or NULL. */
const struct snapshot_socket *snapshot_find(const struct snapshot *s, __u64 sk);

#endif
