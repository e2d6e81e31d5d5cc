/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/thrift.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe/kernel.h"

#define LOOK_NS 1000000000ULL
#define STATS_NS 100000000ULL
#define CALM_FIRST 2  /* seconds of calm before a level is taken back */
#define CALM_MOST 32  /* the same where a level taken back had soon to be given up again */
#define RELAPSE_NS 10000000000ULL

/* Sums (tcp_io) stay, and what says that something went wrong. */
static const struct {
	enum event_id event;
	enum shed level;
} order[] = {
	{ EVENT_tcp_send, SHED_calls },		{ EVENT_tcp_recv, SHED_calls },	     { EVENT_udp_send, SHED_calls },
	{ EVENT_udp_recv, SHED_calls },		{ EVENT_unix_send, SHED_calls },     { EVENT_unix_recv, SHED_calls },
	{ EVENT_tcp_send_block, SHED_calls },	{ EVENT_tcp_recv_block, SHED_calls }, { EVENT_unix_block, SHED_calls },
	{ EVENT_unix_descriptor, SHED_calls },	{ EVENT_unix_credentials, SHED_calls },
	{ EVENT_tcp_segment, SHED_segments },
	{ EVENT_tcp_ack_delayed, SHED_segments }, { EVENT_tcp_nagle_hold, SHED_segments },
	{ EVENT_sock_create, SHED_sockets },	{ EVENT_sock_bind, SHED_sockets },   { EVENT_sock_listen, SHED_sockets },
	{ EVENT_sock_error_read, SHED_sockets },
	{ EVENT_sock_option, SHED_sockets },	{ EVENT_sock_shutdown, SHED_sockets }, { EVENT_sock_close, SHED_sockets },
	{ EVENT_udp_connect, SHED_sockets },	{ EVENT_udp_disconnect, SHED_sockets }, { EVENT_tcp_syn_recv, SHED_sockets },
	{ EVENT_tcp_time_wait, SHED_sockets },	{ EVENT_tcp_time_wait_end, SHED_sockets },
	{ EVENT_tcp_connect, SHED_life },	{ EVENT_tcp_accept, SHED_life },     { EVENT_tcp_state, SHED_life },
	{ EVENT_unix_connect, SHED_life },	{ EVENT_unix_accept, SHED_life },    { EVENT_tcp_probe, SHED_life },
	{ EVENT_app_output, SHED_life },	{ EVENT_process_exit, SHED_life },
};

void thrift_order(uint8_t ret_levels[EVENT_COUNT])
{
	memset(ret_levels, 0, EVENT_COUNT);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		ret_levels[order[i].event] = order[i].level;
}

int thrift_begin(struct thrift *t, unsigned budget_percent, uint64_t now_ns)
{
	int fd = kernel_measure_runs();

	if (fd < 0)
		return fd;
	close(fd);
	memset(t, 0, sizeof(*t));
	t->budget_percent = budget_percent;
	t->stats = -1;
	t->begun_ns = now_ns;
	t->process_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	t->calm_wanted = CALM_FIRST;
	return 0;
}

void thrift_end(struct thrift *t)
{
	if (t->budget_percent && t->stats >= 0)
		close(t->stats);
	memset(t, 0, sizeof(*t));
}

bool thrift_due(const struct thrift *t, uint64_t now_ns)
{
	if (!t->budget_percent)
		return false;
	return t->stats < 0 ? now_ns - t->begun_ns >= LOOK_NS - STATS_NS : now_ns - t->stats_begun_ns >= STATS_NS;
}

bool thrift_weigh(struct thrift *t, double percent, uint64_t now_ns)
{
	t->cost_percent = percent + 0.999;
	if (percent > t->budget_percent) {
		t->calm = 0;
		if (t->level == SHED_life)
			return false;
		if (t->changed_ns && now_ns - t->changed_ns < RELAPSE_NS && t->calm_wanted < CALM_MOST)
			t->calm_wanted *= 2;
		t->changed_ns = 0;
		t->level++;
		return true;
	}
	if (percent > t->budget_percent * 0.6) {
		t->calm = 0;
		return false;
	}
	if (t->level == SHED_nothing || ++t->calm < t->calm_wanted)
		return false;
	t->calm = 0;
	t->level--;
	t->changed_ns = now_ns;
	if (t->level == SHED_nothing)
		t->calm_wanted = CALM_FIRST;
	return true;
}

bool thrift_look(struct thrift *t, uint64_t now_ns, uint64_t programs_ns)
{
	double percent;
	uint64_t cpu;

	if (t->stats < 0) {
		t->stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
		t->stats_begun_ns = now_ns;
		t->programs_ns = programs_ns;
		return false;
	}
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	percent = 100.0 * (programs_ns - t->programs_ns) / (now_ns - t->stats_begun_ns) +
		  100.0 * (cpu - t->process_ns) / (now_ns - t->begun_ns);
	close(t->stats);
	t->stats = -1;
	t->begun_ns = now_ns;
	t->process_ns = cpu;
	return thrift_weigh(t, percent, now_ns);
}
