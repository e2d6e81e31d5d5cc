/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps what tracing costs within a budget: measures it once a second, and says what is to be left out or told again.
 * Knows the order in which events go; does not know how they are left out.
 *
 * The cost is the CPU of this process over the second, and what the kernel measured of our BPF programs (BPF statistics) in a
 * tenth of it: measuring costs some 35 ns a hit itself. Both in percent of one CPU.
 */
#ifndef SOCKTALE_PROBE_THRIFT_H
#define SOCKTALE_PROBE_THRIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "event/schema.h"

struct thrift {
	unsigned budget_percent; /* 0: not begun */
	unsigned cost_percent;	 /* as last measured, rounded up */
	enum shed level;

	int stats; /* descriptor that keeps BPF statistics on, or -1 */
	uint64_t begun_ns, stats_begun_ns;
	uint64_t process_ns, programs_ns; /* as read at those times */
	unsigned calm, calm_wanted;	  /* seconds well below the budget in a row; so many before more is told again */
	uint64_t changed_ns;		  /* when `level` fell last */
};

/* From which level on each event is left out; 0: never. */
void thrift_order(uint8_t ret_levels[EVENT_COUNT]);

/* Returns 0, or a negative errno, told, where the kernel does not measure for this process. Ended by thrift_end(). */
int thrift_begin(struct thrift *t, unsigned budget_percent, uint64_t now_ns);
void thrift_end(struct thrift *t);

/* Whether thrift_look() has something to do now: ask before reading the programs' times. */
bool thrift_due(const struct thrift *t, uint64_t now_ns);

/* Judge a cost of so many percent, once a second. True: `level` has changed, by one. */
bool thrift_weigh(struct thrift *t, double percent, uint64_t now_ns);

/* Look at the cost and judge it. `programs_ns`: how long the programs have run so far. True: `level` has changed. */
bool thrift_look(struct thrift *t, uint64_t now_ns, uint64_t programs_ns);

#endif
