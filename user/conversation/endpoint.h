/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One end of a conversation: a socket from its first event to the last trace of it, with what later explanations need.
 * Knows its own socket only; who the other end is belongs to conversation.h and matcher.h.
 */
#ifndef SOCKTALE_CONVERSATION_ENDPOINT_H
#define SOCKTALE_CONVERSATION_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "conversation/address.h"

/* An event that can be pointed at after it is gone. `number` counts from 1 in the order of arrival; 0: no witness. */
struct witness {
	uint64_t time_ns;
	uint64_t socket;
	uint32_t number;
	__u16 id;
};

/* The moments of a socket's life that later explanations point at: the last of each kind. */
enum fact {
	FACT_connect,        /* connect() returned */
	FACT_syn,            /* a SYN left, or CLOSED -> SYN-SENT */
	FACT_syn_recv,       /* the request socket was made */
	FACT_established,    /* entered ESTABLISHED */
	FACT_accept,         /* accept() handed it out */
	FACT_block,          /* a writer began to wait */
	FACT_read_block,     /* a reader began to wait */
	FACT_send,           /* a program wrote something */
	FACT_recv,           /* a program read something */
	FACT_shutdown,       /* shutdown() of the writing direction */
	FACT_fin_received,   /* entered CLOSE_WAIT, CLOSING or TIME_WAIT because of a FIN */
	FACT_close,          /* the last reference was closed */
	FACT_early_close,    /* a descriptor was closed and others remained */
	FACT_linger,         /* SO_LINGER was set */
	FACT_send_timeout,   /* SO_SNDTIMEO was set */
	FACT_nagle,          /* bytes were held back by Nagle's algorithm or a cork */
	FACT_ack_delayed,    /* an acknowledgement was held back */
	FACT_retransmit,     /* something was sent again */
	FACT_probe,          /* a probe was sent */
	FACT_fin_repeated,   /* its FIN was sent again */
	FACT_reset_sent,     /* a RST left */
	FACT_reset_received, /* a RST was accepted */
	FACT_error,          /* an error was stored on the socket */
	FACT_call_error,     /* a call on the socket failed */
	FACT_icmp,           /* an ICMP error about one of its packets arrived */
	FACT_signal,         /* a signal was raised because of the socket */
	FACT_time_wait,      /* a TIME_WAIT entry began */
	FACT_gap,            /* something was not seen */
	FACT_COUNT
};

/* What only a socket in use needs. Freed when both ends of the conversation are cold. */
struct endpoint_memory {
	struct witness fact[FACT_COUNT];
	uint32_t sends_blocked;     /* waits so far */
	uint64_t blocked_ns;        /* their sum */
	uint64_t send_timeout_ns;   /* SO_SNDTIMEO, 0: none or not seen */
	uint32_t syn_repeats;       /* how often its SYN was sent again */
	uint32_t unread_at_reset;   /* received bytes thrown away when it sent a RST */
	uint32_t unread_at_close;   /* received bytes nobody had read at the last close */
	uint32_t unsent_at_close;   /* written bytes not acknowledged then */
	int32_t linger_s;           /* SO_LINGER time, -1: off */
	bool collected;             /* the last call that failed collected a stored error */
	int32_t stored_error;       /* errno last stored on the socket, positive; 0: none or collected */
	int32_t call_error;         /* errno of the last failed call, positive */
	struct event_address icmp_from; /* who sent the last ICMP error */
	uint8_t close_state;        /* TCP state at the last close */
	uint8_t reset_cause;        /* enum call of the last RST sent */
	uint8_t reset_reason;       /* RESET_REASON of the last RST sent */
	uint8_t block_reason;       /* enum block of the wait in progress */
	uint8_t reset_state;        /* TCP state the received RST hit */
	bool nagle_holds;           /* bytes are held back now */
	bool closed_window;         /* its last segment told offered no room */
	uint32_t closed_window_seq; /* and had this number */
	bool sent_short;            /* the last write took fewer bytes than it was given */
	bool dissolved;             /* its last move to CLOSED was made by connect() with AF_UNSPEC */
	bool attempts;              /* an active open began whose outcome no call has brought yet */
	bool call_attempted;        /* so it was when the last connect() returned, or SO_ERROR was read last */
	uint8_t shutdown_done;      /* bit set: 1 reading, 2 writing direction was shut down */
};

enum endpoint_kind {
	ENDPOINT_socket,    /* a socket a program holds or held */
	ENDPOINT_listener,  /* one that accepts connections */
	ENDPOINT_request,   /* a request socket: the handshake is not complete */
	ENDPOINT_child,     /* established and waiting for accept() */
	ENDPOINT_orphan,    /* no program holds it any more, the kernel finishes its work */
	ENDPOINT_time_wait, /* only its addresses are kept */
	ENDPOINT_ended      /* nothing is left */
};

enum endpoint_role { ROLE_unknown, ROLE_client, ROLE_server, ROLE_listener };

struct conversation;

struct endpoint {
	uint64_t socket;                 /* id, never used again */
	struct conversation *conversation;
	struct endpoint *peer;           /* the other end when it lives on this machine and was seen, else NULL */
	struct endpoint_memory *memory;  /* NULL once cold */
	struct event_path *local_path;   /* unix: own name, else NULL */
	struct event_path *remote_path;  /* unix: the peer's name, else NULL */
	struct address local, remote;    /* as the kernel said last, not plain */
	uint64_t in_bytes, out_bytes;    /* read and written by the program as far as seen */
	uint64_t first_ns, last_ns;      /* time of the first and the last event */
	uint64_t listener;               /* socket that listened for it, 0: none or not seen */
	uint64_t time_wait_ends_ns;      /* when the TIME_WAIT entry is due, 0: none */
	struct witness time_wait;        /* its beginning */
	struct witness wait_met;         /* the last RST that came for the entry, or that it drew; no number: none */
	uint32_t waited_before;          /* number of its beginning before that, where it began anew */
	uint32_t netns;
	uint32_t pid, uid;               /* owner */
	uint32_t backlog;                /* of a listener */
	struct event_comm comm;
	uint8_t attribution;
	uint8_t family, protocol;
	uint8_t state;                   /* kernel's number, 0: not a TCP socket or not seen */
	uint8_t old_state;               /* the state before the last move */
	bool wait_came_late;             /* the socket was told CLOSED before its TIME_WAIT was told */
	bool closed;                     /* no process holds it any more */
	bool connected;                  /* UDP: connect() gave it a peer */
	enum endpoint_kind kind;
	enum endpoint_role role;

	/* owned by the matcher */
	struct endpoint *tuple_next;                  /* chain of equal hash of the tuple */
	struct endpoint *older, *newer;               /* order of last use */
	uint64_t tuple_hash;
	bool in_tuples;
};

/* A new endpoint for the socket of `e`; endpoint_destroy() frees it. */
struct endpoint *endpoint_create(const struct event *e);
void endpoint_destroy(struct endpoint *ep);

/* Take in what `e`, the event with that number, says about this socket. */
void endpoint_event(struct endpoint *ep, const struct event *e, uint32_t number);

/* Whether with `e` the socket, which had a connection or tried to, asks for another: what was known of the first is over. */
bool endpoint_begins_anew(const struct endpoint *ep, const struct event *e);

/* Whether the addresses of `e` are those of one packet, which may be other than its socket's. */
bool endpoint_quotes_packet(const struct event *e);

/* When `fact` was last seen, or NULL. */
const struct witness *endpoint_fact(const struct endpoint *ep, enum fact fact);

/* Whether no connection can be made of this socket any more: its addresses are kept at most, or nothing is left. */
bool endpoint_over(const struct endpoint *ep);

/* Whether moreover no program holds it, so that only its TIME_WAIT's end can still be told. */
bool endpoint_cold(const struct endpoint *ep);

/* Forget what only a socket in use needs. */
void endpoint_cool(struct endpoint *ep);

/* `e` as a witness. */
struct witness witness_of(const struct event *e, uint32_t number);

#endif
