/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A map from a 64-bit number to a pointer, that grows.
 * Does not own what the pointers point at.
 */
#ifndef SOCKTALE_BASE_MAP_H
#define SOCKTALE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"

struct map_slot {
	uint64_t key;
	void *value; /* NULL: free slot */
};

struct map {
	struct map_slot *slots; /* NULL while nothing was ever put */
	size_t count;		/* of pairs */
	size_t room;		/* of slots: 0 or a power of two */
};

#define MAP_EMPTY { NULL, 0, 0 }

/* Free the table (not the values) and make it empty again. */
void map_finish(struct map *m);

/* The value of a key, or NULL. */
void *map_get(const struct map *m, uint64_t key);

/* Set the value of a key (not NULL). Returns the value it replaces, or NULL. */
void *map_put(struct map *m, uint64_t key, void *value);

/* Take a key out. Returns its value, or NULL when it was not there. */
void *map_remove(struct map *m, uint64_t key);

/*
 * Walk over all pairs, in no order: start with *position = 0; returns false at the end. The map must not change
 * meanwhile, except that values may be freed. ret_key and ret_value may be NULL.
 */
bool map_next(const struct map *m, size_t *position, uint64_t *ret_key, void **ret_value);

#endif
