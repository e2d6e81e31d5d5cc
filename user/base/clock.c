/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#define NS_A_SECOND 1000000000L
#define USUAL_HZ 250

uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_A_SECOND + t.tv_nsec;
}

uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void pause_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

unsigned tick_hz(void)
{
	struct timespec tick = { 0 };

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return tick.tv_nsec > 0 ? (NS_A_SECOND + tick.tv_nsec / 2) / tick.tv_nsec : USUAL_HZ;
}
