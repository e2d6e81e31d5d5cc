/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/line.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/text.h"
#include "tests/test.h"
#include "tests/unit/random_event.h"

static struct text line = TEXT_EMPTY;

static const char *written(const struct event *e)
{
	text_clear(&line);
	line_write(&line, e);
	return text_string(&line);
}

static const char *problem_of(const char *string)
{
	struct line_problem problem = { "", 0 };
	union event_any e;

	return line_read(&e, string, strlen(string), &problem) == -EINVAL && problem.column <= strlen(string) ? problem.what : "";
}

static void read_whole(union event_any *e, const char *string)
{
	struct line_problem problem = { 0 };

	if (!CHECK(line_read(e, string, strlen(string), &problem) == 0))
		test_note("%s at column %zu of %s", problem.what, problem.column, string);
}

TEST("a line looks as the house says")
{
	union event_any any;
	struct event *e = event_init(&any, EVENT_tcp_state);

	e->time_ns = 1000000042;
	memcpy(e->comm.bytes, "client", 6);
	e->pid = e->tid = 100;
	e->attribution = ATTRIBUTION_exact;
	e->protocol = IPPROTO_TCP;
	e->family = AF_INET;
	e->socket = 7;
	memcpy(e->local.bytes, (char[]){ 10, 0, 0, 1 }, 4);
	memcpy(e->remote.bytes, (char[]){ 10, 0, 0, 2 }, 4);
	e->local_port = 40000;
	e->remote_port = 80;
	any.tcp_state.oldstate = 7;
	any.tcp_state.newstate = 2;
	CHECK_STRING(written(e), "1.000000042 client/100 tcp_state sock=7 local=10.0.0.1:40000 remote=10.0.0.2:80 "
				 "oldstate=TCP_CLOSE newstate=TCP_SYN_SENT in_state_ns=0");
	e->family = AF_INET6;
	e->fd = 3;
	e->netns = 4026531840;
	e->uid = 1000;
	e->plane = PLANE_tracepoints;
	memset(&e->remote, 0, sizeof(e->remote));
	e->remote.bytes[15] = 1;
	any.tcp_state.cause = CALL_connect;
	any.tcp_state.error = ECONNREFUSED;
	CHECK_STRING(written(e), "1.000000042 client/100 tcp_state sock=7 local=[a00:1::]:40000 remote=[::1]:80 "
				 "oldstate=TCP_CLOSE newstate=TCP_SYN_SENT cause=connect error=ECONNREFUSED in_state_ns=0 "
				 "netns=4026531840 uid=1000 fd=3 plane=tracepoints");
}

TEST("every field of every event, with random values, is read back byte for byte")
{
	union event_any there, back;

	for (int round = 0; round < 200; round++) {
		for (unsigned int id = 0; id < EVENT_COUNT; id++) {
			random_event(&there, id);
			written(&there.head);
			read_whole(&back, line.bytes);
			if (!CHECK(!memcmp(&there, &back, sizeof(there)))) {
				test_note("%s", line.bytes);
				test_note("%s", written(&back.head));
				return;
			}
		}
	}
}

TEST("every named value of every kind is read back from its name")
{
	union event_any there, back;

	for (unsigned int id = 0; id < EVENT_COUNT; id++) {
		const struct schema *schema = schema_get(id);

		for (size_t i = 0; i < schema->field_count; i++) {
			const struct field *f = &schema->fields[i];
			size_t count;
			const struct name_row *row = name_rows(f->kind, &count);

			for (; count--; row++) {
				event_init(&there, id);
				if (field_set_integer(f, &there.head, row->value))
					continue;
				written(&there.head);
				if (row->value || !kind_row(f->kind)->quiet)
					CHECK(kind_row(f->kind)->form == FORM_FLAGS && !row->value ? true :
					      strstr(line.bytes, row->name) != NULL);
				read_whole(&back, line.bytes);
				CHECK(!memcmp(&there, &back, sizeof(there)));
			}
		}
	}
}

TEST("nothing a program can call itself makes a line that a terminal obeys")
{
	union event_any any;
	bool harmless = true;

	for (int round = 0; round < 100; round++) {
		for (unsigned int id = 0; id < EVENT_COUNT; id++) {
			written(random_event(&any, id));
			for (size_t i = 0; i < line.length; i++)
				harmless &= (unsigned char)line.bytes[i] >= ' ' && line.bytes[i] != 0x7f;
		}
	}
	CHECK(harmless);
}

TEST("strange names of processes and paths keep their words apart")
{
	union event_any any, back;
	struct event *e = event_init(&any, EVENT_unix_connect);

	memcpy(e->comm.bytes, "tmux: a/1 b=\x1b", 13);
	e->family = AF_UNIX;
	any.unix_connect.path.length = 6;
	memcpy(any.unix_connect.path.bytes, "\0a b=c", 6);
	CHECK_STRING(written(e), "0.000000000 \"tmux: a/1 b=\\x1b\"/0 unix_connect path=\"@a b=c\" peer=0 peer_pid=0 type=0 "
				 "duration_ns=0 family=unix");
	read_whole(&back, line.bytes);
	CHECK(!memcmp(&any, &back, sizeof(any)));
	memcpy(any.unix_connect.path.bytes, "@a/b=c", 6);
	written(e);
	CHECK(strstr(line.bytes, " path=\\x40a/b=c "));
	read_whole(&back, line.bytes);
	CHECK(!memcmp(&any, &back, sizeof(any)));
	memset(&e->comm, 0, sizeof(e->comm));
	e->comm.bytes[0] = '-';
	CHECK(strstr(written(e), " \"-\"/0 "));
}

TEST("a line written by hand needs no more than a tale says")
{
	union event_any e;
	int64_t c = 0;

	read_whole(&e, "0.5 client/100 tcp_state sock=c local=10.0.0.1:40000 remote=10.0.0.2:80 oldstate=TCP_CLOSE newstate=TCP_SYN_SENT");
	c = e.head.socket;
	CHECK(c > 1ll << 52 && c < 1ll << 53);
	CHECK(e.head.time_ns == 500000000 && e.head.family == AF_INET && e.head.protocol == IPPROTO_TCP);
	CHECK(e.head.tid == 100 && e.head.fd == -1 && e.head.attribution == ATTRIBUTION_exact);
	CHECK(e.tcp_state.newstate == 2);
	CHECK(strstr(written(&e.head), " sock=c "));
	read_whole(&e, "1 -/0 tcp_state sock=server_1");
	CHECK(e.head.socket != (uint64_t)c && e.head.attribution == ATTRIBUTION_unknown);
	CHECK(strstr(written(&e.head), " sock=server_1 "));
}

TEST("a line that is none says what is wrong with it, and where")
{
	struct line_problem problem;
	union event_any e;
	const char *bad = "1.0 a/1 tcp_state oldstate=TCP_CLOSED";

	CHECK(line_read(&e, bad, strlen(bad), &problem) == -EINVAL);
	CHECK_STRING(problem.what, "not a value of this field");
	CHECK(problem.column == strlen("1.0 a/1 tcp_state "));
	CHECK_STRING(problem_of(""), "a time is SECONDS.FRACTION, with at most nine digits behind the point");
	CHECK_STRING(problem_of("99999999999999 a/1 gap"), "a time is SECONDS.FRACTION, with at most nine digits behind the point");
	CHECK_STRING(problem_of("18446744073.999999999 a/1 gap"), "the time is too large");
	CHECK_STRING(problem_of("1.0 a gap"), "an owner is NAME/PID");
	CHECK_STRING(problem_of("1.0 seventeen_letters/1 gap what=0"), "a name has at most 16 bytes, none of them NUL");
	CHECK_STRING(problem_of("1.0 a/1 tcp_stat"), "there is no event of that name");
	CHECK_STRING(problem_of("1.0 a/1 gap what"), "KEY=VALUE is needed");
	CHECK_STRING(problem_of("1.0 a/1 gap oldstate=1"), "this event has no such field");
	CHECK_STRING(problem_of("1.0 a/1 gap time_ns=1"), "this event has no such field");
	CHECK_STRING(problem_of("1.0 a/1 gap what=256"), "the value does not fit the field");
	CHECK_STRING(problem_of("1.0 a/1 tcp_state local=1.2.3:4"), "an address is IP:PORT or [IP]:PORT");
	CHECK_STRING(problem_of("1.0 a/1 tcp_state local=1.2.3.4:5 remote=[::1]:6"), "both ends are of one family");
	CHECK_STRING(problem_of("1.0 a\\x00b/1 gap"), "a name has at most 16 bytes, none of them NUL");
	CHECK_STRING(problem_of("1.0 a/1 app_output text=\"a\"b"), "a space is needed behind a quoted value");
	CHECK_STRING(problem_of("1.0 a/1 app_output text=\"a"), "not a value of this field");
}

TEST("an event this build does not know, and a short record, are told and read back")
{
	union event_any any, back;
	struct event_tcp_state record = { .head = { .time_ns = 5, .id = EVENT_tcp_state, .size = sizeof(record), .pid = 9, .fd = -1 },
					  .oldstate = 1, .newstate = 8 };

	record.head.tid = 9;
	CHECK(event_take(&any, &record, sizeof(record)));
	CHECK(!event_take(&any, &record, offsetof(struct event_tcp_state, cause)));
	written(&any.head);
	CHECK(strstr(line.bytes, " tcp_state size=") && strstr(line.bytes, "newstate=TCP_CLOSE_WAIT") && !strstr(line.bytes, "in_state"));
	read_whole(&back, line.bytes);
	CHECK(!memcmp(&any, &back, sizeof(any)));

	record.head.id = 999;
	CHECK(!event_take(&any, &record, sizeof(record)));
	CHECK(strstr(written(&any.head), "0.000000005 -/9 unknown id=999 size="));
	read_whole(&back, line.bytes);
	CHECK(back.head.id == 999 && back.head.size == sizeof(record) && back.head.pid == 9);

	for (size_t length = 0; length < sizeof(record.head); length++) {
		CHECK(!event_take(&any, &record, length));
		CHECK(strstr(written(&any.head), " unknown id="));
		read_whole(&back, line.bytes);
		CHECK(back.head.size == length && back.head.id == EVENT_COUNT);
	}
}

/* Damage a line in one of the ways files are damaged. */
static void damage(char *string, size_t *length)
{
	size_t at = random_below(*length), other = random_below(*length);

	switch (random_below(5)) {
	case 0:
		string[at] = (char)random_u64();
		break;
	case 1:
		string[at] = "\"\\=/ |#[]%:.0-x@"[random_below(16)];
		break;
	case 2:
		*length = at;
		break;
	case 3:
		memmove(string + at, string + at + 1, --*length - at);
		break;
	case 4:
		memmove(string + at, string + other, *length - (at > other ? at : other));
		break;
	}
}

TEST("a hundred thousand damaged lines are refused or read, and what is read is written and read again")
{
	unsigned int refused = 0, taken = 0;
	union event_any any, back;

	for (int round = 0; round < 100000; round++) {
		char *string;
		size_t length;

		written(random_event(&any, random_below(EVENT_COUNT)));
		length = line.length;
		for (int times = 1 + random_below(3); times-- && length;)
			damage(line.bytes, &length);
		/* An exact copy on the heap: a step beyond its end is seen. */
		string = malloc(length ? length : 1);
		memcpy(string, line.bytes, length);
		if (line_read(&any, string, length, NULL)) {
			refused++;
		} else {
			taken++;
			written(&any.head);
			if (!CHECK(!line_read(&back, line.bytes, line.length, NULL) && !memcmp(&any, &back, sizeof(any))))
				test_note("%s", line.bytes);
		}
		free(string);
	}
	if (!CHECK(refused > 5000 && taken > 5000))
		test_note("%u refused, %u taken", refused, taken);
	text_finish(&line);
}
