/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel side as seen from here: open (load and attach), read events, count, close. The only room besides
 * snapshot/ that knows libbpf. Does not know what events mean or how they look.
 */
#ifndef SOCKTALE_PROBE_PROBE_H
#define SOCKTALE_PROBE_PROBE_H

#include <sys/types.h>

#include "bpf/config.h"
#include "bpf/record.h"
#include "event/schema.h"
#include "probe/door.h"
#include "probe/kernel.h"

struct probe;

struct probe_options {
	struct config config;	   /* filters, folding and limits; what depends on the kernel is filled in by probe_open() */
	bool wanted[EVENT_COUNT];  /* events to tell */
	bool required[EVENT_COUNT]; /* asked for by name: a kernel that cannot tell one is an error */
	enum plane plane;	   /* forced plane, or PLANE_none */
	bool budget;		   /* ask the verifier for its statistics (probe_stack_bytes) */
	unsigned budget_percent;   /* leave events out when tracing takes more of one CPU; 0: never (--budget) */
	unsigned long long most_a_second; /* events, 0: any number (--max-rate) */
	bool seed;		   /* look at the sockets that exist already */
};

/* What was counted, for one event or for all. */
struct probe_count {
	unsigned long long produced;	    /* by the kernel side */
	unsigned long long delivered;	    /* handed to the callback */
	unsigned long long lost[LOSSES];    /* by enum loss */
};

/*
 * Load and attach. Returns 0 and a probe in *ret, to be ended by probe_close(), or a negative errno after telling why:
 * -EPERM (a capability is missing), -ENOTSUP (this kernel lacks what is needed), or another.
 */
int probe_open(const struct probe_options *options, struct probe **ret);
void probe_close(struct probe *p);

/* Give back the memory that only loading needed (some 10 MB of types). probe_kernel() knows no functions any more. */
void probe_settle(struct probe *p);

/*
 * Read what has gathered, waiting at most `timeout_ms` for more. Events come in time order (but for those that a CPU
 * hands over late by more than the hold-back, a few milliseconds). `callback` returns 0 to go on; anything else stops
 * the reading and is returned. Otherwise returns 0 or a negative errno; -EINTR after a signal.
 */
typedef int probe_callback(const struct event *e, void *context);
int probe_poll(struct probe *p, int timeout_ms, probe_callback *callback, void *context);

/* Read everything that is there, keeping nothing back: after the hooks were detached, or at the end. */
int probe_drain(struct probe *p, probe_callback *callback, void *context);

/*
 * Copy what has gathered to `fd`, unseen and unsorted, as it lies in the ring buffer: 4 bytes length of the event,
 * 4 bytes of no meaning, the event, padding to 8. Losses are added as events. Waits at most `timeout_ms`.
 * Returns how many events were copied, or a negative errno; -EINTR after a signal.
 */
long probe_copy(struct probe *p, int timeout_ms, int fd);

/* Stop telling: detach all hooks. What is in the ring stays readable. */
void probe_detach(struct probe *p);

/* Counts of one event; of all with EVENT_COUNT. */
struct probe_count probe_count(const struct probe *p, enum event_id id);

/* How many times the kernel skipped one of our programs because it interrupted another on the same CPU. */
unsigned long long probe_recursion_misses(const struct probe *p);

/*
 * The call on a socket that the first thread of process `pid` is in at this moment, and since when. Returns whether it is in one;
 * *ret is untouched otherwise.
 */
bool probe_doing(const struct probe *p, pid_t pid, struct doing *ret);

/*
 * Bytes of stack that a loaded program and the functions it calls use, as the verifier counts them (one call of each).
 * 0 when unknown: no such program, or not opened with `budget`.
 */
unsigned probe_stack_bytes(const struct probe *p, const char *program);

/* How each event is told, and through which doors. Valid until probe_close(). */
struct doors *probe_doors(struct probe *p);
const struct kernel *probe_kernel(const struct probe *p);

/* Call `visit` for each attached program: its name, how often it ran and for how long (0 unless kernel_measure_runs() is on). */
void probe_each_program(const struct probe *p,
			void (*visit)(const char *name, unsigned long long runs, unsigned long long ns, unsigned instructions,
				      void *context),
			void *context);

#endif
