/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/thrift.h"

#include "tests/test.h"

#define SECOND 1000000000ULL

/* So many seconds at a cost; returns the level at their end. */
static enum shed seconds_at(struct thrift *t, uint64_t *now, double percent, int seconds)
{
	for (int i = 0; i < seconds; i++)
		thrift_weigh(t, percent, *now += SECOND);
	return t->level;
}

static struct thrift thrift_of(unsigned percent)
{
	return (struct thrift){ .budget_percent = percent, .calm_wanted = 2 };
}

TEST("what went wrong is never left out, nor are sums and the honesty events")
{
	static const enum event_id kept[] = { EVENT_tcp_reset_sent, EVENT_tcp_reset_received, EVENT_sock_error, EVENT_tcp_retransmit,
					      EVENT_tcp_listen_drop, EVENT_udp_drop, EVENT_icmp_received, EVENT_signal,
					      EVENT_tcp_io, EVENT_lost, EVENT_gap, EVENT_shed };
	uint8_t levels[EVENT_COUNT];

	thrift_order(levels);
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		CHECK(levels[kept[i]] == SHED_nothing);
	CHECK(levels[EVENT_tcp_send] == SHED_calls);
	CHECK(levels[EVENT_tcp_segment] == SHED_segments);
	CHECK(levels[EVENT_sock_close] == SHED_sockets);
	CHECK(levels[EVENT_tcp_state] == SHED_life);
}

TEST("above the budget one level more is left out each second, down to the last and no further")
{
	struct thrift t = thrift_of(5);
	uint64_t now = SECOND;

	CHECK(seconds_at(&t, &now, 5.0, 10) == SHED_nothing);
	CHECK(seconds_at(&t, &now, 5.1, 1) == SHED_calls);
	CHECK(t.cost_percent == 6);
	CHECK(seconds_at(&t, &now, 20, 1) == SHED_segments);
	CHECK(seconds_at(&t, &now, 20, 2) == SHED_life);
	CHECK(!thrift_weigh(&t, 20, now += SECOND) && t.level == SHED_life);
}

TEST("near the budget nothing changes; well below it a level comes back after two seconds each")
{
	struct thrift t = thrift_of(10);
	uint64_t now = SECOND;

	CHECK(seconds_at(&t, &now, 50, 2) == SHED_segments);
	CHECK(seconds_at(&t, &now, 8, 100) == SHED_segments);
	CHECK(seconds_at(&t, &now, 1, 1) == SHED_segments);
	CHECK(seconds_at(&t, &now, 8, 1) == SHED_segments);
	CHECK(seconds_at(&t, &now, 1, 2) == SHED_calls);
	CHECK(seconds_at(&t, &now, 1, 2) == SHED_nothing);
	CHECK(!thrift_weigh(&t, 1, now += SECOND));
}

TEST("a level that had soon to be given up again is waited for longer")
{
	struct thrift t = thrift_of(10);
	uint64_t now = SECOND;

	CHECK(seconds_at(&t, &now, 50, 2) == SHED_segments);
	CHECK(seconds_at(&t, &now, 1, 2) == SHED_calls);
	CHECK(seconds_at(&t, &now, 50, 1) == SHED_segments);
	CHECK(seconds_at(&t, &now, 1, 3) == SHED_segments);
	CHECK(seconds_at(&t, &now, 1, 1) == SHED_calls);
}
