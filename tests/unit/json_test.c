/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/json.h"

#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/test.h"
#include "tests/unit/random_event.h"

static struct text json = TEXT_EMPTY;

static const char *written(const struct event *e)
{
	text_clear(&json);
	json_write(&json, e);
	return text_string(&json);
}

TEST("an event is one object with the keys of the vocabulary")
{
	union event_any any;
	struct event *e = event_init(&any, EVENT_tcp_state);

	e->time_ns = 18446744073709551615ull;
	e->socket = 9007199254740993;
	e->netns = 4026531840;
	e->pid = 10;
	e->tid = 11;
	e->family = AF_INET;
	e->protocol = IPPROTO_TCP;
	e->local_port = 80;
	memcpy(e->local.bytes, (char[]){ 127, 0, 0, 1 }, 4);
	memcpy(e->comm.bytes, "a\"b\x1b", 4);
	e->attribution = ATTRIBUTION_inherited;
	e->plane = PLANE_functions;
	any.tcp_state.oldstate = 1;
	any.tcp_state.newstate = 200;
	CHECK_STRING(written(e), "{\"time_ns\":18446744073709551615,\"event\":\"tcp_state\",\"socket\":9007199254740993,"
				 "\"netns\":4026531840,\"family\":\"inet\",\"protocol\":\"tcp\",\"local\":\"127.0.0.1:80\","
				 "\"remote\":null,\"pid\":10,\"tid\":11,\"uid\":0,\"comm\":\"a\\\"b\\u001b\","
				 "\"attribution\":\"inherited\",\"plane\":\"functions\",\"oldstate\":\"TCP_ESTABLISHED\","
				 "\"newstate\":200,\"cause\":\"none\",\"error\":null,\"in_state_ns\":0}");
	e->family = AF_INET6;
	e->fd = 4;
	e->remote_port = 8080;
	memset(&e->local, 0, sizeof(e->local));
	e->local.bytes[15] = 1;
	memcpy(e->remote.bytes, (char[]){ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, 10, 0, 0, 1 }, 16);
	any.tcp_state.error = 104;
	written(e);
	CHECK(strstr(json.bytes, "\"local\":\"[::1]:80\",\"remote\":\"[::ffff:10.0.0.1]:8080\""));
	CHECK(strstr(json.bytes, ",\"fd\":4,"));
	CHECK(strstr(json.bytes, "\"error\":\"ECONNRESET\""));
}

TEST("flags are lists, answers are true or false, paths are ends of unix sockets")
{
	union event_any any;
	struct event *e = event_init(&any, EVENT_tcp_send);

	any.tcp_send.flags = 0x4040 | 1u << 23;
	any.tcp_send.call = CALL_sendto;
	CHECK(strstr(written(e), "\"call\":\"sendto\",\"flags\":[\"MSG_DONTWAIT\",\"MSG_NOSIGNAL\",\"0x800000\"]"));
	any.tcp_send.flags = 0;
	CHECK(strstr(written(e), "\"flags\":[]"));

	e = event_init(&any, EVENT_sock_close);
	any.sock_close.last = 1;
	CHECK(strstr(written(e), "\"last\":true"));

	e = event_init(&any, EVENT_unix_connect);
	e->family = AF_UNIX;
	any.unix_connect.path.length = 5;
	memcpy(any.unix_connect.path.bytes, "\0name", 5);
	CHECK(strstr(written(e), "\"family\":\"unix\",\"protocol\":null,\"local\":null,\"remote\":\"@name\""));
	CHECK(strstr(json.bytes, "\"path\":\"@name\""));

	e = event_init(&any, EVENT_udp_send);
	CHECK(strstr(written(e), "\"to\":null"));
	any.udp_send.to = (struct event_address){ AF_INET6, 53, 2, { { 0xfe, 0x80 } } };
	CHECK(strstr(written(e), "\"to\":\"[fe80::%2]:53\""));
}

TEST("an event this build does not know, and a short record, are told")
{
	union event_any any;
	struct event_tcp_accept record = { .head = { .id = 5000, .size = sizeof(record), .fd = -1 } };

	event_take(&any, &record, sizeof(record));
	CHECK(strstr(written(&any.head), "\"event\":\"unknown\"") && strstr(json.bytes, "\"id\":5000,\"size\":"));
	record.head.id = EVENT_tcp_accept;
	event_take(&any, &record, offsetof(struct event_tcp_accept, queued_ns));
	CHECK(strstr(written(&any.head), "\"event\":\"tcp_accept\"") && strstr(json.bytes, "\"listener\":0") &&
	      strstr(json.bytes, "\"size\":") && !strstr(json.bytes, "queued_ns"));
	for (size_t length = 0; length < sizeof(record.head); length++) {
		event_take(&any, &record, length);
		CHECK(strstr(written(&any.head), "\"event\":\"unknown\""));
	}
}

static unsigned int write_lines(FILE *file)
{
	unsigned int count = 0;
	union event_any any;

	for (int round = 0; round < 60; round++) {
		for (unsigned int id = 0; id < EVENT_COUNT; id++) {
			random_event(&any, id);
			/* Every ninth record is cut somewhere. */
			if (count++ % 9 == 8) {
				union event_any whole = any;

				event_take(&any, &whole, random_below(whole.head.size));
			}
			written(&any.head);
			text_char(&json, '\n');
			fwrite(json.bytes, 1, json.length, file);
		}
	}
	return count;
}

TEST("another parser reads every event, and every event obeys the schema")
{
	char schema_name[] = "/tmp/socktale-schema-XXXXXX", lines_name[] = "/tmp/socktale-lines-XXXXXX";
	FILE *schema = fdopen(mkstemp(schema_name), "w"), *lines = fdopen(mkstemp(lines_name), "w");
	struct text command = TEXT_EMPTY;
	unsigned int count;

	text_clear(&json);
	json_schema(&json, NULL, 0);
	fwrite(json.bytes, 1, json.length, schema);
	count = write_lines(lines);
	fclose(schema);
	fclose(lines);
	/* __FILE__ is the path from the root of the tree, where the tests run. */
	text_printf(&command, "python3 %.*s_check.py %s %s %u", (int)(strlen(__FILE__) - strlen("_test.c")), __FILE__, schema_name,
		    lines_name, count);
	fflush(stdout);
	if (system("python3 -c pass 2>/dev/null"))
		test_skip_reason = "python3 is not installed";
	else
		CHECK(!system(text_string(&command)));
	unlink(schema_name);
	unlink(lines_name);
	text_finish(&command);
	text_finish(&json);
}
