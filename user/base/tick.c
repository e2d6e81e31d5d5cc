/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/tick.h"

#include <time.h>

#define NS_A_SECOND 1000000000L
#define USUAL_HZ 250

unsigned tick_hz(void)
{
	struct timespec tick = { 0 };

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return tick.tv_nsec > 0 ? (NS_A_SECOND + tick.tv_nsec / 2) / tick.tv_nsec : USUAL_HZ;
}
