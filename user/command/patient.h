/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doctor's own patient: two processes, hidden in a network namespace of their own, that live through what sockets
 * can do. Does not know what events there are, nor who watches.
 */
#ifndef SOCKTALE_COMMAND_PATIENT_H
#define SOCKTALE_COMMAND_PATIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What both processes and the doctor know of each other; in shared memory. */
struct patient {
	pid_t client, server;	/* the client is the server's parent, and the root of what is to be traced */
	uint16_t listener_port;	/* everything with this local port is the server's, with this remote port the client's */
	uint16_t listener6_port; /* 0: no IPv6 here */
	uint16_t narrow_port;	/* a listener with small buffers */
	uint16_t crowded_port;	/* a listener with an accept queue for one */
	uint16_t closed_port;	/* nobody listens there */
	uint16_t datagram_port;
	bool ended;		/* both are over */
	bool own_netns;		/* whether the namespace is its own; else it is the doctor's */
	char trouble[120];	/* what the patient could not do, or "" */
};

/* Make the client, held before it does anything. Returns 0 or a negative errno after telling why. */
int patient_create(struct patient **ret, int *ret_gate);

/* Let it live, and wait until both have ended (half a minute at most). Returns 0 or a negative errno after telling why. */
int patient_live(struct patient *p, int gate);

/* End what is left of it, and forget it. Accepts NULL. */
void patient_destroy(struct patient *p);

#endif
