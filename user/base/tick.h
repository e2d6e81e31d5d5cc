/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often the kernel ticks. Knows no kernel but the running one.
 */
#ifndef SOCKTALE_BASE_TICK_H
#define SOCKTALE_BASE_TICK_H

/* Ticks (jiffies) a second of the running kernel, its CONFIG_HZ: what its coarse clocks go by (clock_getres(2)). */
unsigned tick_hz(void);

#endif
