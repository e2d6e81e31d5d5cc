/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP states as the kernel counts them (include/net/tcp_states.h). <netinet/tcp.h> names all but the last.
 * Does not know how they are spelled: that is event/name.h.
 */
#ifndef SOCKTALE_CONVERSATION_STATE_H
#define SOCKTALE_CONVERSATION_STATE_H

#include <netinet/tcp.h>

#define TCP_NEW_SYN_RECV 12 /* a request socket, before the child exists */

#endif
