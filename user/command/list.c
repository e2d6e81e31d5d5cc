/* SPDX-License-Identifier: BSD-2-Clause */
/* socktale list: the sockets that exist now, with owners, states, queues, timers and options. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"
#include "command/arguments.h"
#include "command/command.h"
#include "command/process.h"
#include "conversation/address.h"
#include "event/name.h"
#include "probe/kernel.h"
#include "render/grid.h"
#include "render/renderer.h"
#include "snapshot/snapshot.h"

#define TCP_NEW_SYN_RECV 12 /* a request socket; include/net/tcp_states.h */
#define OWNERS_SHOWN 3

enum { FAMILY_INET = 1, FAMILY_INET6 = 2, FAMILY_UNIX = 4 };
enum { PROTOCOL_TCP = 1, PROTOCOL_UDP = 2, PROTOCOL_UNIX = 4, PROTOCOL_OTHER = 8 };

struct list {
	unsigned pid, families, protocols, states;
	const char *comm;
	int port; /* -1: any */
	int netns; /* descriptor, -1: our own */
	unsigned netns_inode;
	bool everywhere; /* every namespace in which a process holds a socket */
	bool json, verbose;
	struct snapshot snapshot;
};

/* ---- words ---- */

static bool is_tcp(const struct snapshot_socket *s)
{
	return s->family != AF_UNIX && s->protocol == IPPROTO_TCP && s->type <= SOCK_STREAM; /* type 0: no full socket */
}

static const char *protocol_word(const struct snapshot_socket *s)
{
	if (s->family == AF_UNIX)
		return "unix";
	if (s->type == SOCK_RAW)
		return "raw";
	switch (s->protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_MPTCP:
		return "mptcp";
	default:
		return name_of(KIND_PROTOCOL, s->protocol);
	}
}

/* What state a connectionless or unix socket is in, in its own words: the kernel borrows three of TCP's. */
static const char *state_word(const struct snapshot_socket *s)
{
	if (is_tcp(s) || s->protocol == IPPROTO_MPTCP)
		return s->state == TCP_NEW_SYN_RECV ? "SYN-RECEIVED" : name_word(KIND_TCP_STATE, s->state);
	if (s->state == TCP_LISTEN)
		return N_("listening");
	if (s->state == TCP_ESTABLISHED)
		return N_("connected");
	return s->local_port || s->path.length ? N_("bound") : N_("unbound");
}

static const char *timer_word(const struct snapshot_socket *s)
{
	static const char *const words[] = {
		[TIMER_none] = N_("none"),		   [TIMER_retransmit] = N_("retransmit"), [TIMER_probe] = N_("window probe"),
		[TIMER_tail_loss] = N_("tail-loss probe"), [TIMER_reorder] = N_("reordering"), [TIMER_keepalive] = N_("keepalive"),
		[TIMER_time_wait] = N_("end of entry"),	   [TIMER_syn_ack] = N_("SYN-ACK"),
	};

	return words[s->timer];
}

static double seconds_of(const struct list *l, long long ticks)
{
	return (double)ticks / l->snapshot.hz;
}

static void put_path(struct text *to, const struct event_path *path)
{
	if (path->length && !path->bytes[0]) {
		text_char(to, '@');
		text_escape(to, path->bytes + 1, path->length - 1);
	} else {
		text_escape(to, path->bytes, strnlen(path->bytes, path->length));
	}
}

static void put_address(struct text *to, const struct snapshot_socket *s, bool remote)
{
	struct address a = { s->family, remote ? s->remote_port : s->local_port, remote ? s->remote : s->local };
	char buffer[ADDRESS_TEXT_MAX];

	if (remote && !a.port && address_any(&a))
		return;
	text_put(to, address_print(&a, buffer));
}

static void put_local(struct text *to, const struct snapshot_socket *s)
{
	if (s->family != AF_UNIX)
		put_address(to, s, false);
	else if (s->path.length)
		put_path(to, &s->path);
	else if (s->ino)
		text_printf(to, "#%llu", s->ino);
}

static void put_remote(struct text *to, const struct list *l, const struct snapshot_socket *s)
{
	const struct snapshot_socket *peer;

	if (s->family != AF_UNIX) {
		put_address(to, s, true);
		return;
	}
	peer = s->peer_sk ? snapshot_find(&l->snapshot, s->peer_sk) : NULL;
	if (peer)
		put_local(to, peer);
	else if (s->peer_ino)
		text_printf(to, "#%llu", s->peer_ino);
}

/* comm/pid:fd for each holder; a socket without one says what it is waiting for, where that can be known. */
static void put_owners(struct text *to, const struct list *l, const struct snapshot_socket *s)
{
	const struct snapshot_owner *owners;
	size_t count;

	owners = snapshot_owners(&l->snapshot, s->sk, &count);
	for (size_t i = 0; i < count && i < OWNERS_SHOWN; i++) {
		if (i)
			text_put(to, ", ");
		text_escape(to, owners[i].comm.bytes, strnlen(owners[i].comm.bytes, sizeof(owners[i].comm.bytes)));
		text_printf(to, "/%u:%d", owners[i].pid, owners[i].fd);
	}
	if (count > OWNERS_SHOWN)
		text_printf(to, _(" and %zu more"), count - OWNERS_SHOWN);
	if (count)
		return;
	if (s->timer == TIMER_time_wait || s->state == TCP_NEW_SYN_RECV)
		text_put(to, _("(kernel)"));
	else if (s->ino)
		text_put(to, _("(out of sight)")); /* another pid namespace, a descriptor under way, io_uring, or the kernel */
	else if ((is_tcp(s) || s->family == AF_UNIX) && (s->state == TCP_ESTABLISHED || s->state == TCP_CLOSE_WAIT))
		text_put(to, _("(not accepted yet)"));
	else
		text_put(to, _("(nobody)"));
}

/* ---- which ---- */

static unsigned family_bit(const struct snapshot_socket *s)
{
	return s->family == AF_INET ? FAMILY_INET : s->family == AF_INET6 ? FAMILY_INET6 : FAMILY_UNIX;
}

static unsigned protocol_bit(const struct snapshot_socket *s)
{
	if (s->family == AF_UNIX)
		return PROTOCOL_UNIX;
	if (is_tcp(s) || s->protocol == IPPROTO_MPTCP)
		return PROTOCOL_TCP;
	return s->protocol == IPPROTO_UDP ? PROTOCOL_UDP : PROTOCOL_OTHER;
}

static bool is_held(const struct list *l, const struct snapshot_socket *s)
{
	const struct snapshot_owner *o;
	size_t count;

	o = snapshot_owners(&l->snapshot, s->sk, &count);
	for (size_t i = 0; i < count; i++) {
		if (l->pid && o[i].pid != l->pid)
			continue;
		if (!l->comm || !strncmp(o[i].comm.bytes, l->comm, sizeof(o[i].comm.bytes)))
			return true;
	}
	return false;
}

static bool is_wanted(const struct list *l, const struct snapshot_socket *s)
{
	if (!l->everywhere && s->netns != l->netns_inode)
		return false;
	if (l->families && !(l->families & family_bit(s)))
		return false;
	if (l->protocols && !(l->protocols & protocol_bit(s)))
		return false;
	if (l->states && !(l->states & 1U << s->state))
		return false;
	if (l->port >= 0 && (s->family == AF_UNIX || (s->local_port != l->port && s->remote_port != l->port)))
		return false;
	return !(l->pid || l->comm) || is_held(l, s);
}

/* tcp, udp, others, unix; listeners first; then by port and name. */
static int in_reading_order(const void *a, const void *b)
{
	const struct snapshot_socket *x = *(const struct snapshot_socket *const *)a;
	const struct snapshot_socket *y = *(const struct snapshot_socket *const *)b;
	int order;

	if (x->family == AF_UNIX || y->family == AF_UNIX)
		order = (x->family == AF_UNIX) - (y->family == AF_UNIX);
	else
		order = x->protocol - y->protocol;
	if (!order)
		order = (y->state == TCP_LISTEN) - (x->state == TCP_LISTEN);
	if (!order)
		order = x->local_port - y->local_port;
	if (!order)
		order = memcmp(x->path.bytes, y->path.bytes, sizeof(x->path.bytes));
	if (!order)
		order = x->remote_port - y->remote_port;
	return order ? order : (x->ino > y->ino) - (x->ino < y->ino);
}

/* ---- for a person ---- */

static void note_options(struct grid *g, const struct list *l, const struct snapshot_socket *s)
{
	struct text line = TEXT_EMPTY;
	static const char *const words[] = {
#define FIGURE(group, type, member, meaning) #member,
#include "bpf/snapshot.def"
	};
	const unsigned long long values[] = {
#define FIGURE(group, type, member, meaning) s->member,
#include "bpf/snapshot.def"
	};
	static const char *const groups[] = {
#define FIGURE(group, type, member, meaning) #group,
#include "bpf/snapshot.def"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(groups[i], "option") && values[i])
			text_printf(&line, "%s%s", line.length ? ", " : "", words[i]);
	if (s->linger)
		text_printf(&line, _(" %.0f s"), seconds_of(l, s->linger_ticks));
	if (s->interface)
		text_printf(&line, _("%sinterface %u"), line.length ? ", " : "", s->interface);
	if (s->mark)
		text_printf(&line, _("%smark %#x"), line.length ? ", " : "", s->mark);
	if (line.length) {
		struct text whole = TEXT_EMPTY;

		text_printf(&whole, _("options: %s"), text_string(&line));
		grid_note(g, text_string(&whole));
		text_finish(&whole);
	}
	text_finish(&line);
}

static void note_printf(struct grid *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note_printf(struct grid *g, const char *format, ...)
{
	struct text line = TEXT_EMPTY;
	va_list arguments;

	va_start(arguments, format);
	text_vprintf(&line, _(format), arguments);
	va_end(arguments);
	grid_note(g, text_string(&line));
	text_finish(&line);
}

static void notes(struct grid *g, const struct list *l, const struct snapshot_socket *s)
{
	static const char *const halves[] = { NULL, N_("receiving"), N_("sending"), N_("both directions") };

	if (s->timer)
		note_printf(g, "timer: %s in %.3f s, attempts %u, probes %u, backoff %u", _(timer_word(s)),
			    seconds_of(l, s->timer_ticks), s->attempts, s->probes, s->backoff);
	if (!s->type)
		return; /* a request or TIME_WAIT entry has no more */
	note_options(g, l, s);
	note_printf(g, "buffers: received %u of %u, sending %u of %u", s->recv_memory_bytes, s->recv_buffer_bytes,
		    s->send_memory_bytes, s->send_buffer_bytes);
	note_printf(g, "memory: write queue %u, in advance %d, backlog %u; dropped %u", s->write_queue_bytes,
		    s->forward_bytes, s->backlog_bytes, s->drops);
	if (s->shutdown)
		note_printf(g, "shut down: %s", _(halves[s->shutdown & 3]));
	if (s->error)
		note_printf(g, "error waiting: %s", name_of(KIND_ERRNO, s->error));
	if (s->queue_cut)
		note_printf(g, "receive queue: longer than was added up");
	if (!is_tcp(s) || s->state == TCP_LISTEN)
		return;
	note_printf(g, "TCP: %.*s, window peer %u, own %u, cwnd %u, mss %u, in flight %u, unsent %u, scale %u,%u%s%s",
		    (int)sizeof(s->congestion.bytes), s->congestion.bytes, s->peer_window_bytes, s->own_window_bytes,
		    s->cwnd, s->mss_bytes, s->in_flight, s->unsent_bytes, s->send_scale, s->recv_scale,
		    s->timestamps ? ", timestamps" : "", s->sack ? ", SACK" : "");
	note_printf(g, "so far: sent %llu, acknowledged %llu, received %llu bytes, retransmits %u", s->sent_bytes,
		    s->acked_bytes, s->received_bytes, s->retransmits);
	note_printf(g, "round trip: %.3f ms, deviation %.3f ms, retransmission after %.0f ms", s->srtt_us / 1e3,
		    s->rtt_deviation_us / 1e3, seconds_of(l, s->rto_ticks) * 1e3);
}

static const struct grid_column columns[] = {
	{ N_("PROTO"), false, false }, { N_("STATE"), false, false }, { N_("RECV-Q"), true, false }, { N_("SEND-Q"), true, false },
	{ N_("LOCAL"), false, true },  { N_("REMOTE"), false, true }, { N_("OWNER"), false, true },
};

enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

static void page(struct text *to, const struct list *l, const struct snapshot_socket **sockets, size_t count)
{
	bool narrow = isatty(STDOUT_FILENO) || getenv("COLUMNS");
	struct grid *g = grid_create(columns, COLUMNS);
	struct text word = TEXT_EMPTY;

	for (size_t i = 0; i < count; i++) {
		const struct snapshot_socket *s = sockets[i];

		grid_row(g);
		grid_put(g, protocol_word(s));
		grid_put(g, _(state_word(s)));
		text_printf(&word, "%u%s", s->recv_queue_bytes, s->queue_cut ? "+" : "");
		grid_put(g, text_string(&word));
		text_clear(&word);
		text_u64(&word, s->send_queue_bytes);
		grid_put(g, text_string(&word));
		text_clear(&word);
		put_local(&word, s);
		grid_put(g, word.length ? text_string(&word) : "-");
		text_clear(&word);
		put_remote(&word, l, s);
		grid_put(g, word.length ? text_string(&word) : "-");
		text_clear(&word);
		put_owners(&word, l, s);
		grid_put(g, text_string(&word));
		text_clear(&word);
		if (l->verbose)
			notes(g, l, s);
	}
	grid_write(g, to, narrow ? renderer_options_for(stdout).width : 0);
	text_finish(&word);
	grid_destroy(g);
}

/* ---- for a program ---- */

static void json_text(struct text *to, const char *key, struct text *value)
{
	text_printf(to, ",\"%s\":", key);
	if (value->length)
		text_json(to, value->bytes, value->length);
	else
		text_put(to, "null");
	text_clear(value);
}

static void json_owners(struct text *to, const struct list *l, const struct snapshot_socket *s)
{
	const struct snapshot_owner *o;
	size_t count;

	o = snapshot_owners(&l->snapshot, s->sk, &count);
	text_put(to, ",\"owners\":[");
	for (size_t i = 0; i < count; i++) {
		text_printf(to, "%s{\"pid\":%u,\"fd\":%d,\"uid\":%u,\"comm\":", i ? "," : "", o[i].pid, o[i].fd, o[i].uid);
		text_json(to, o[i].comm.bytes, strnlen(o[i].comm.bytes, sizeof(o[i].comm.bytes)));
		text_char(to, '}');
	}
	text_char(to, ']');
}

static void json_socket(struct text *to, const struct list *l, const struct snapshot_socket *s)
{
	struct text word = TEXT_EMPTY;
	bool entry = !s->type;

	text_printf(to, "{\"protocol\":\"%s\",\"family\":\"%s\",\"type\":", protocol_word(s), name_of(KIND_FAMILY, s->family));
	if (entry)
		text_put(to, "null");
	else
		text_printf(to, "\"%s\"", name_of(KIND_SOCK_TYPE, s->type));
	if (is_tcp(s))
		text_printf(to, ",\"state\":\"%s\"",
			    s->state == TCP_NEW_SYN_RECV ? "TCP_NEW_SYN_RECV" : name_of(KIND_TCP_STATE, s->state));
	else
		text_printf(to, ",\"state\":\"%s\"", state_word(s));
	put_local(&word, s);
	json_text(to, "local", &word);
	put_remote(&word, l, s);
	json_text(to, "remote", &word);
	text_printf(to, ",\"netns\":%u,\"inode\":%llu,\"peer_inode\":%llu", s->netns, s->ino, s->peer_ino);
	if (!entry)
		text_printf(to, ",\"uid\":%u", s->uid);
	json_owners(to, l, s);
	text_printf(to, ",\"timer\":{\"kind\":\"%s\",\"left_ms\":%.0f}", timer_word(s),
		    seconds_of(l, s->timer_ticks) * 1e3);
	if (!entry) {
		text_printf(to, ",\"shutdown\":%u,\"error\":", s->shutdown & 3);
		if (s->error)
			text_printf(to, "\"%s\"", name_of(KIND_ERRNO, s->error));
		else
			text_put(to, "null");
		text_printf(to, ",\"linger_s\":%.0f,\"recv_queue_cut\":%s", seconds_of(l, s->linger_ticks),
			    s->queue_cut ? "true" : "false");
#define JSON_all(type, member) text_printf(to, ",\"" #member "\":%lld", (long long)s->member);
#define JSON_option(type, member) text_printf(to, ",\"" #member "\":%s", s->member ? "true" : "false");
#define JSON_tcp(type, member)
#define JSON_tcp_flag(type, member)
#define FIGURE(group, type, member, meaning) JSON_##group(type, member)
#include "bpf/snapshot.def"
#undef JSON_tcp
#undef JSON_tcp_flag
	}
	if (is_tcp(s) && !entry && s->state != TCP_LISTEN) {
		text_put(to, ",\"congestion\":");
		text_json(to, s->congestion.bytes, strnlen(s->congestion.bytes, sizeof(s->congestion.bytes)));
		text_printf(to, ",\"rto_ms\":%.0f,\"ato_ms\":%.0f", seconds_of(l, s->rto_ticks) * 1e3,
			    seconds_of(l, s->ato_ticks) * 1e3);
#undef JSON_all
#undef JSON_option
#define JSON_all(type, member)
#define JSON_option(type, member)
#define JSON_tcp(type, member) text_printf(to, ",\"" #member "\":%llu", (unsigned long long)s->member);
#define JSON_tcp_flag(type, member) text_printf(to, ",\"" #member "\":%s", s->member ? "true" : "false");
#define FIGURE(group, type, member, meaning) JSON_##group(type, member)
#include "bpf/snapshot.def"
	}
	text_put(to, "}\n");
	text_finish(&word);
}

/* ---- the command ---- */

enum { KEY_COMM = 0x500, KEY_PORT, KEY_FAMILY, KEY_PROTO, KEY_STATE, KEY_NETNS, KEY_JSON, KEY_FIELDS };

static const struct argp_option options[] = {
	{ "pid", 'p', "PID", 0, N_("held by this process"), 1 },
	{ "comm", KEY_COMM, "NAME", 0, N_("held by a process of this name"), 1 },
	{ "port", KEY_PORT, "N", 0, N_("with this port at either end"), 1 },
	{ "family", KEY_FAMILY, "inet,inet6,unix", 0, N_("of these address families"), 1 },
	{ "proto", KEY_PROTO, "tcp,udp,unix", 0, N_("of these protocols"), 1 },
	{ "state", KEY_STATE, "STATE[,STATE]", 0, N_("in these states (--state help lists them)"), 1 },
	{ "netns", KEY_NETNS, "FILE|PID|all", 0, N_("of this network namespace instead of our own; all: of every one"), 1 },
	{ "verbose", 'v', NULL, 0, N_("with timers, options, buffers and TCP's figures"), 2 },
	{ "json", KEY_JSON, NULL, 0, N_("one JSON object a line, with everything"), 2 },
	{ "fields", KEY_FIELDS, NULL, 0, N_("say what the keys of --json mean, and end"), 2 },
	{ 0 },
};

/* Keys that are not figures: each written by json_socket() in its own way. */
static const char *const keys[][2] = {
	{ "protocol", N_("tcp, udp, unix, raw, ...") },
	{ "family", N_("address family") },
	{ "type", N_("type of socket; null for a request or TIME_WAIT entry") },
	{ "state", N_("of tcp: the kernel's name of the state; of others: listening, connected, bound or unbound") },
	{ "local", N_("local address and port, or unix path (@ for an abstract name), or #INODE") },
	{ "remote", N_("the other end in the same way, or null") },
	{ "netns", N_("inode number of the network namespace") },
	{ "inode", N_("inode number of the socket's file, 0: no file") },
	{ "peer_inode", N_("unix: that of the other end") },
	{ "uid", N_("user who made the socket") },
	{ "owners", N_("who holds it: pid, descriptor (fd), uid and name (comm) of the process") },
	{ "timer", N_("which clock runs (kind) and the milliseconds it has left; negative: overdue") },
	{ "shutdown", N_("bits: 1 receiving, 2 sending") },
	{ "error", N_("stored on the socket for the next call") },
	{ "linger_s", N_("time of SO_LINGER") },
	{ "recv_queue_cut", N_("the receive queue was too long to be added up") },
	{ "congestion", N_("tcp: name of the congestion control") },
	{ "rto_ms", N_("tcp: retransmission timeout in force") },
	{ "ato_ms", N_("tcp: acknowledgement timeout in force") },
};

static void print_fields(void)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		printf("%-18s %s\n", keys[i][0], _(keys[i][1]));
#define FIGURE(group, type, member, meaning) printf("%-18s %s\n", #member, _(meaning));
#include "bpf/snapshot.def"
}

static unsigned long number(const char *what, const char *word, unsigned long most)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || n > most)
		arguments_refuse(what, word, N_("is not such a number"));
	return n;
}

/* The states by the RFC's word, in any case of letters, or by the kernel's name. */
static unsigned states_of(char *words)
{
	char *save = NULL, *word;
	unsigned bits = 0;

	if (!strcmp(words, "help")) {
		for (int state = TCP_ESTABLISHED; state <= TCP_CLOSING; state++)
			printf("%-13s %s\n", name_word(KIND_TCP_STATE, state), _(name_meaning(KIND_TCP_STATE, state)));
		exit(EXIT_CODE_done);
	}
	for (word = strtok_r(words, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		unsigned found = 0;

		for (int state = TCP_ESTABLISHED; state <= TCP_CLOSING; state++)
			if (!strcasecmp(word, name_word(KIND_TCP_STATE, state)) || !strcasecmp(word, name_of(KIND_TCP_STATE, state)) ||
			    !strcasecmp(word, name_of(KIND_TCP_STATE, state) + 4))
				found |= 1U << state;
		if (found & 1U << TCP_SYN_RECV)
			found |= 1U << TCP_NEW_SYN_RECV;
		if (!found)
			arguments_refuse(N_("state"), word, N_("is none of TCP's (--state help lists them)"));
		bits |= found;
	}
	return bits;
}

static void set_netns(struct list *l, const char *word)
{
	char path[64];

	if (!strcmp(word, "all")) {
		l->everywhere = true;
		return;
	}
	if (*word >= '0' && *word <= '9') {
		snprintf(path, sizeof(path), "/proc/%lu/ns/net", number("process", word, 0x7fffffff));
		word = path;
	}
	l->netns = open(word, O_RDONLY | O_CLOEXEC);
	if (l->netns < 0)
		arguments_refuse(N_("network namespace"), word, strerror(errno));
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	static const char *const families[3] = { "inet", "inet6", "unix" }, *const protocols[3] = { "tcp", "udp", "unix" };
	struct list *l = state->input;

	switch (key) {
	case 'p':
		l->pid = number("process", argument, 0x7fffffff);
		if (!l->pid)
			arguments_refuse(N_("process"), argument, N_("is not a process id"));
		process_require(l->pid);
		break;
	case KEY_COMM:
		l->comm = argument;
		break;
	case KEY_PORT:
		l->port = number("port", argument, 65535);
		break;
	case KEY_FAMILY:
		l->families = arguments_set("family", argument, families);
		break;
	case KEY_PROTO:
		l->protocols = arguments_set("protocol", argument, protocols);
		break;
	case KEY_STATE:
		l->states = states_of(argument);
		break;
	case KEY_NETNS:
		set_netns(l, argument);
		break;
	case 'v':
		l->verbose = true;
		break;
	case KEY_JSON:
		l->json = true;
		break;
	case KEY_FIELDS:
		print_fields();
		exit(EXIT_CODE_done);
	case ARGP_KEY_ARG:
		argp_error(state, _("argument '%s': only options are taken"), argument);
		break;
	case ARGP_KEY_END:
		if (l->port >= 0 && (l->families == FAMILY_UNIX || l->protocols == PROTOCOL_UNIX))
			arguments_refuse(N_("filter"), "--port with unix", N_("unix sockets have no port"));
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int may_look(void)
{
	const char *missing = kernel_missing_capability();

	if (!missing && kernel_has_types())
		return 0;
	if (!missing) {
		fail(0, "kernel: has no BTF type information, without which no program can be fitted to it");
		return -ENOTSUP;
	}
	fail(-EPERM, "BPF: looking is not permitted to this process: %s is missing", missing);
	hint("run it as root, or give the binary that capability");
	return -EPERM;
}

static int print(struct list *l)
{
	const struct snapshot_socket **sockets = memory_create(l->snapshot.count + 1, sizeof(struct snapshot_socket *));
	struct text out = TEXT_EMPTY;
	size_t count = 0;
	int err = 0;

	for (size_t i = 0; i < l->snapshot.count; i++)
		if (is_wanted(l, &l->snapshot.sockets[i]))
			sockets[count++] = &l->snapshot.sockets[i];
	qsort(sockets, count, sizeof(struct snapshot_socket *), in_reading_order);
	if (l->json)
		for (size_t i = 0; i < count; i++)
			json_socket(&out, l, sockets[i]);
	else
		page(&out, l, sockets, count);
	signal(SIGPIPE, SIG_IGN);
	if (fwrite(text_string(&out), 1, out.length, stdout) != out.length || fflush(stdout))
		err = errno == EPIPE ? 0 : fail(-errno, "standard output: cannot write");
	text_finish(&out);
	free(sockets);
	return err;
}

int command_list(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, NULL,
		N_("List the sockets that exist now, with owners, states and queues: tcp, udp, unix and raw, with what no process holds "
		   "(requests, connections not yet accepted, orphans, TIME-WAIT)."
		   "\vAn owner is written as name/pid:descriptor. RECV-Q and SEND-Q are bytes; of a listener they are the connections "
		   "that wait for accept() and their limit."),
		NULL, NULL, NULL
	};
	struct list l = { .port = -1, .netns = -1 };
	struct stat place;
	int err;

	arguments_parse(&argp, argc, argv, 0, &l);
	err = may_look();
	if (!err && (l.netns >= 0 ? fstat(l.netns, &place) : stat("/proc/self/ns/net", &place)))
		err = fail(-errno, "network namespace: cannot be examined");
	l.netns_inode = err ? 0 : place.st_ino;
	if (!err)
		err = snapshot_take(l.netns, &l.snapshot);
	if (!err) {
		process_numbers_tell();
		if (!l.snapshot.whole_unix && (!l.protocols || l.protocols & PROTOCOL_UNIX))
			tell("unix sockets that no process holds are not listed: they can be seen since Linux 5.15");
		err = print(&l);
		snapshot_finish(&l.snapshot);
	}
	if (l.netns >= 0)
		close(l.netns);
	return exit_code_of(err);
}
