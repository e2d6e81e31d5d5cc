/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/say.h"

#include <sys/socket.h>

#include "base/text.h"
#include "tests/test.h"

static struct text t = TEXT_EMPTY;

static const char *duration(uint64_t ns)
{
	text_clear(&t);
	say_duration(&t, ns);
	return text_string(&t);
}

static const char *sentence(const char *pattern, const struct event *e, const struct word *words)
{
	struct moment m = { .event = e, .number = 1 };

	text_clear(&t);
	say_sentence(&t, pattern, &m, words);
	return text_string(&t);
}

TEST("a duration has three digits and the unit a person would choose")
{
	CHECK_STRING(duration(0), "0 us");
	CHECK_STRING(duration(1499), "1 us");
	CHECK_STRING(duration(999499), "999 us");
	CHECK_STRING(duration(999500), "1.00 ms");
	CHECK_STRING(duration(43600000), "43.6 ms");
	CHECK_STRING(duration(999499999), "999 ms");
	CHECK_STRING(duration(999500000), "1.00 s");
	CHECK_STRING(duration(60000000000ull), "60.0 s");
	CHECK_STRING(duration(129500000000ull), "130 s");
}

TEST("names in braces are words given, then fields in the reader's form")
{
	union event_any e;
	const struct word words[] = { { "left", "2 s" }, { "newstate", "given" }, { NULL, NULL } };

	event_init(&e, EVENT_tcp_state);
	e.tcp_state.oldstate = 2;
	e.tcp_state.newstate = 1;
	e.tcp_state.in_state_ns = 1050000000;
	CHECK_STRING(sentence("{oldstate} -> {newstate} {in_state_ns}", &e.head, NULL), "SYN-SENT -> ESTABLISHED 1.05 s");
	CHECK_STRING(sentence("{newstate} {left}", &e.head, words), "given 2 s");
	CHECK_STRING(sentence("{newstate:meaning}", &e.head, NULL), "data can flow both ways");
	CHECK_STRING(sentence("{in_state_ns:number}", &e.head, NULL), "1050000000");
}

TEST("what is unknown or no name stays as it is")
{
	union event_any e;

	event_init(&e, EVENT_tcp_state);
	CHECK_STRING(sentence("{nothing} { { } {", &e.head, NULL), "{nothing} { { } {");
	CHECK_STRING(sentence("", &e.head, NULL), "");
}

TEST("one byte is no bytes")
{
	union event_any e;

	event_init(&e, EVENT_sock_close);
	e.sock_close.unread_bytes = 1;
	CHECK_STRING(sentence("{unread_bytes}, {unsent_bytes}", &e.head, NULL), "1 byte, 0 bytes");
}

TEST("errors are named, whichever sign they come with")
{
	union event_any e;

	event_init(&e, EVENT_tcp_connect);
	e.tcp_connect.error = 111;
	CHECK_STRING(sentence("{error}", &e.head, NULL), "ECONNREFUSED");
	e.tcp_connect.error = -111;
	CHECK_STRING(sentence("{error}", &e.head, NULL), "ECONNREFUSED");
}

TEST("the name of a process cannot drive the terminal")
{
	union event_any e;

	event_init(&e, EVENT_process_exit);
	e.head.pid = 7;
	memcpy(e.head.comm.bytes, "a\033[2Jb", 7);
	CHECK_STRING(sentence("{owner}", &e.head, NULL), "a\\x1b[2Jb[7]");
	event_init(&e, EVENT_process_exit);
	CHECK_STRING(sentence("{owner}", &e.head, NULL), "an unknown process");
	text_finish(&t);
}
