// SPDX-License-Identifier: GPL-2.0
/*
 * Sends and receives that are added up and not told yet when the trace ends: the loader walks all records once, after
 * the hooks are gone, so that folded figures lose no byte.
 */
#include "bpf/emit.bpf.h"
#include "bpf/hook.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter__bpf_map_elem { /* kernel/bpf/map_iter.c */
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};
#pragma clang attribute pop

static __always_inline int leftover_tell(const void *sk)
{
	struct record *r = record_find(sk);

	if (r && (r->sends | r->recvs | r->errors))
		fold_tell(address_of(sk), r, 0);
	return 0;
}

SEC("?iter/bpf_map_elem")
int leftover__iter(struct bpf_iter__bpf_map_elem *ctx) /* of `records` */
{
	__u64 *sk = ctx->key;

	return sk ? leftover_tell((void *)*sk) : 0;
}

SEC("?iter/bpf_map_elem")
int leftover_placed__iter(struct bpf_iter__bpf_map_elem *ctx) /* of `places` */
{
	struct place *place = ctx->value;

	return place ? leftover_tell((void *)place->sk) : 0;
}
