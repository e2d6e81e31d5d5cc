/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/map.h"

#include "base/list.h"
#include "tests/test.h"

TEST("an empty map answers")
{
	struct map m = MAP_EMPTY;
	size_t position = 0;

	CHECK(!map_get(&m, 0));
	CHECK(!map_remove(&m, 0));
	CHECK(!map_next(&m, &position, NULL, NULL));
	map_finish(&m);
}

TEST("a key has one value, also the keys 0 and ~0")
{
	struct map m = MAP_EMPTY;
	char a, b;

	CHECK(!map_put(&m, 0, &a));
	CHECK(!map_put(&m, UINT64_MAX, &b));
	CHECK(map_put(&m, 0, &b) == &a);
	CHECK(m.count == 2);
	CHECK(map_get(&m, 0) == &b && map_get(&m, UINT64_MAX) == &b && !map_get(&m, 1));
	CHECK(map_remove(&m, 0) == &b && !map_get(&m, 0) && m.count == 1);
	map_finish(&m);
}

/* A small generator of our own, so that the sequence is the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 20;
}

TEST("a map agrees with an array through a hundred thousand changes")
{
	static char *expected[1024];
	struct map m = MAP_EMPTY;
	static char objects[1024];
	uint64_t state = 1;
	size_t count = 0;

	for (int i = 0; i < 100000; i++) {
		/* Keys a power of two apart are the worst a multiplying hash can be given. */
		size_t slot = next_random(&state) % 1024;
		uint64_t key = (uint64_t)slot << 32;

		if (next_random(&state) % 5 < (i < 50000 ? 3 : 2)) {
			if (!CHECK(map_put(&m, key, &objects[slot]) == expected[slot]))
				break;
			count += !expected[slot];
			expected[slot] = &objects[slot];
		} else {
			if (!CHECK(map_remove(&m, key) == expected[slot]))
				break;
			count -= expected[slot] != NULL;
			expected[slot] = NULL;
		}
		if (!CHECK(m.count == count))
			break;
	}
	for (size_t slot = 0; slot < 1024; slot++)
		CHECK(map_get(&m, (uint64_t)slot << 32) == expected[slot]);
	map_finish(&m);
}

TEST("a walk meets every pair once")
{
	static char met[5000];
	struct map m = MAP_EMPTY;
	size_t position = 0, count = 0;
	uint64_t key;
	void *value;

	for (uint64_t i = 0; i < 5000; i++)
		map_put(&m, i * 7, &met[i]);
	while (map_next(&m, &position, &key, &value)) {
		CHECK(value == &met[key / 7]);
		CHECK(!met[key / 7]++);
		count++;
	}
	CHECK(count == 5000);
	map_finish(&m);
}

TEST("a list keeps its order while links come and go")
{
	struct {
		int number;
		struct list link;
	} objects[5];
	typedef typeof(objects[0]) object;
	struct list head;
	int sum = 0;

	list_init(&head);
	CHECK(list_empty(&head));
	for (int i = 0; i < 5; i++) {
		objects[i].number = i;
		list_insert(&head, &objects[i].link);
	}
	list_remove(&objects[2].link);
	list_remove(&objects[2].link);
	LIST_EACH (object, o, &head, link)
		sum = sum * 10 + o->number;
	CHECK(sum == 134);
	list_insert(head.next, &objects[2].link);
	CHECK(LIST_OBJECT(head.next, object, link)->number == 2);
}
