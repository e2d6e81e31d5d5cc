/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's clocks, in nanoseconds. Knows no kernel but the running one.
 */
#ifndef SOCKTALE_BASE_CLOCK_H
#define SOCKTALE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* What that clock shows, in nanoseconds (clock_gettime(2)). */
uint64_t clock_ns(clockid_t id);

/* The same of CLOCK_MONOTONIC, which the times of events are told in (bpf_ktime_get_ns()). */
uint64_t now_ns(void);

/* Sleep for so many milliseconds, or until a signal. */
void pause_ms(unsigned ms);

/* Ticks (jiffies) a second of the running kernel, its CONFIG_HZ: what its coarse clocks go by (clock_getres(2)). */
unsigned tick_hz(void);

#endif
