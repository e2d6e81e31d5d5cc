/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/play_tale.h"

#include "tests/test.h"

static void add(struct tale *t, uint64_t time_ns)
{
	tale_add(t, &(struct telling){ TELLING_say, time_ns, .sentence = "" });
}

TEST("a tale that waits is told in the order of time, what is equal in the order given")
{
	struct tale t = { .in_time_order = true };

	add(&t, 10);
	tale_add(&t, &(struct telling){ TELLING_act, 20, .sentence = "" });
	add(&t, 20);
	add(&t, 15);
	CHECK(tale_next(&t, 20)->time_ns == 10);
	CHECK(tale_next(&t, 20)->time_ns == 15);
	CHECK(tale_next(&t, 20)->kind == TELLING_act);
	CHECK(tale_next(&t, 20)->kind == TELLING_say);
	CHECK(tale_is_told(&t) && !tale_next(&t, UINT64_MAX));
	tale_finish(&t);
}

TEST("nothing is told before its time, and what comes late is told at once")
{
	struct tale t = { .in_time_order = true };

	add(&t, 10);
	add(&t, 30);
	CHECK(tale_next(&t, 20)->time_ns == 10);
	CHECK(!tale_next(&t, 20) && !tale_is_told(&t));
	add(&t, 5);
	CHECK(tale_next(&t, 20)->time_ns == 5);
	CHECK(tale_next(&t, 30)->time_ns == 30);
	tale_finish(&t);
}

TEST("a tale that does not wait is told as it comes")
{
	struct tale t = { 0 };

	add(&t, 30);
	add(&t, 10);
	CHECK(tale_next(&t, UINT64_MAX)->time_ns == 30);
	CHECK(tale_next(&t, UINT64_MAX)->time_ns == 10);
	tale_finish(&t);
}
