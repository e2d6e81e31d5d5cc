/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the running kernel can do, asked once: its BTF, its doors (by a trial of each kind), our own capabilities.
 * Does not know which hooks socktale has.
 */
#ifndef SOCKTALE_PROBE_KERNEL_H
#define SOCKTALE_PROBE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel {
	char release[65];     /* as uname -r says */
	struct btf *btf;      /* the kernel's types; owned here */
	int btf_error;	      /* why there are none, negative errno, or 0 */
	unsigned hz;	      /* jiffies a second */
	bool fentry;	      /* a trial program could be loaded and attached */
	int fentry_error;
	bool wide;	      /* also where a function has more parameters than registers carry (x86-64: 6, since Linux 6.6) */
	bool kprobe;
	int kprobe_error;
	bool tp_btf;
	int tp_btf_error;
	bool raw_tp;
	int raw_tp_error;
	bool task_storage, sk_storage, cast, loop, sock_from_file;
};

/* Ask. Never fails: what could not be found out is false, with its error. Ended by kernel_finish(). */
void kernel_init(struct kernel *k);
void kernel_finish(struct kernel *k);

/* How many parameters a kernel function has, or -1 when the kernel has no such function in its BTF. */
int kernel_parameters(const struct kernel *k, const char *function);

/* The same for a tracepoint, without its hidden first parameter; -1 when there is none. */
int kernel_tracepoint_parameters(const struct kernel *k, const char *name);

/* The name of parameter `position` (from 0) of a function, or NULL. */
const char *kernel_parameter_name(const struct kernel *k, const char *function, int position);

/* Whether the kernel has a text symbol of that name (what a kprobe needs). */
bool kernel_has_symbol(const char *name);

/* The addresses of so many functions of the kernel in *ret_addresses; 0 for those that cannot be found. */
void kernel_addresses(const char *const *names, size_t count, uint64_t *ret_addresses);

/* The capability that is needed and that this process lacks, or NULL: CAP_BPF, CAP_PERFMON, from 5.11 to 6.1 CAP_SYS_ADMIN. */
const char *kernel_missing_capability(void);

/* Whether processes have the numbers here that the kernel side sees: in a pid namespace of their own they have others. */
bool kernel_numbers_are_ours(void);

/* Whether the running kernel has BTF at all: what every BPF program of ours needs. */
bool kernel_has_types(void);

/* From now on the kernel counts how often each BPF program runs, until the descriptor returned is closed; or -errno. */
int kernel_count_runs(void);

/* The same, to measure how long the runs take, at some 40 ns each. A negative errno is told. */
int kernel_measure_runs(void);

#endif
