/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/map.h"

#include "base/memory.h"

/* Keys are often counters or inode numbers: spread neighbours over the table (multiplication by 2^64 / golden ratio). */
static size_t home(const struct map *m, uint64_t key)
{
	return (key * 0x9e3779b97f4a7c15ull >> 32) & (m->room - 1);
}

/* The slot that holds `key`, or the free one where it belongs. There is always a free one. */
static struct map_slot *find(const struct map *m, uint64_t key)
{
	size_t at = home(m, key);

	while (m->slots[at].value && m->slots[at].key != key)
		at = (at + 1) & (m->room - 1);
	return &m->slots[at];
}

static void grow(struct map *m)
{
	struct map old = *m;

	m->room = old.room ? old.room * 2 : 16;
	m->slots = memory_create(m->room, sizeof(*m->slots));
	for (size_t i = 0; i < old.room; i++) {
		if (old.slots[i].value)
			*find(m, old.slots[i].key) = old.slots[i];
	}
	free(old.slots);
}

void map_finish(struct map *m)
{
	free(m->slots);
	*m = (struct map)MAP_EMPTY;
}

void *map_get(const struct map *m, uint64_t key)
{
	return m->room ? find(m, key)->value : NULL;
}

void *map_put(struct map *m, uint64_t key, void *value)
{
	struct map_slot *slot;
	void *old;

	if (m->count * 3 >= m->room * 2)
		grow(m);
	slot = find(m, key);
	old = slot->value;
	slot->key = key;
	slot->value = value;
	m->count += !old;
	return old;
}

/* Close the gap at `hole`: move back every pair that would no longer be found behind a free slot. */
static void close_gap(struct map *m, size_t hole)
{
	size_t mask = m->room - 1;

	for (size_t at = (hole + 1) & mask; m->slots[at].value; at = (at + 1) & mask) {
		size_t from_home = (at - home(m, m->slots[at].key)) & mask;

		if (from_home >= ((at - hole) & mask)) {
			m->slots[hole] = m->slots[at];
			hole = at;
		}
	}
	m->slots[hole].value = NULL;
}

void *map_remove(struct map *m, uint64_t key)
{
	struct map_slot *slot = m->room ? find(m, key) : NULL;
	void *value = slot ? slot->value : NULL;

	if (!value)
		return NULL;
	m->count--;
	close_gap(m, slot - m->slots);
	return value;
}

bool map_next(const struct map *m, size_t *position, uint64_t *ret_key, void **ret_value)
{
	while (*position < m->room) {
		const struct map_slot *slot = &m->slots[(*position)++];

		if (!slot->value)
			continue;
		if (ret_key)
			*ret_key = slot->key;
		if (ret_value)
			*ret_value = slot->value;
		return true;
	}
	return false;
}
