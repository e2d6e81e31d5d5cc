/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hosts of a lesson: network namespaces without a name, which vanish with the last process or descriptor that holds them.
 * Nothing of the machine's own namespace is touched. Does not know programs.
 */
#ifndef SOCKTALE_LESSON_HOST_H
#define SOCKTALE_LESSON_HOST_H

#include <stddef.h>
#include <stdint.h>

struct host {
	char *name;
	int netns;     /* descriptor that holds it */
	uint32_t inode; /* its number, as events know it; an older host may have had the same */
	uint64_t born_ns; /* of CLOCK_MONOTONIC */
};

/* Make a namespace with a working loopback and the kernel's stock TCP settings. Returns 0 or a negative errno, after telling why. */
int host_create(struct host *ret, const char *name);
void host_finish(struct host *h);

/* Join two hosts by a veth pair; addresses as 10.9.1.1/24. */
int host_link(const struct host *a, const char *a_address, const struct host *b, const char *b_address);

/* Set a sysctl of the namespace. */
int host_sysctl(const struct host *h, const char *name, const char *value);

/* Run a shell command in the namespace and wait for it. Returns 0 or a negative errno when it failed. */
int host_shell(const struct host *h, const char *command);

#endif
