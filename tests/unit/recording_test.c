/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/recording.h"
#include "tests/test.h"

/* A record as the ring holds it: length, nothing, the event, padding. */
static void put(int fd, uint64_t time_ns, uint32_t pid)
{
	uint32_t header[2];
	char padding[8] = {};
	union event_any e;

	event_init(&e, EVENT_tcp_recv);
	e.head.time_ns = time_ns;
	e.head.pid = pid;
	e.tcp_recv.done_bytes = pid * 10;
	header[0] = e.head.size;
	header[1] = 0;
	CHECK(write(fd, header, sizeof(header)) == sizeof(header));
	CHECK(write(fd, &e, e.head.size) == e.head.size);
	if (e.head.size % 8)
		CHECK(write(fd, padding, 8 - e.head.size % 8) > 0);
}

TEST("a recording is read back in the order of time")
{
	char path[] = "/tmp/recording_test.XXXXXX";
	int fd = mkstemp(path);
	struct recording *r = NULL;
	union event_any e;

	CHECK(fd >= 0);
	CHECK(recording_begin(fd) == 0);
	put(fd, 2000, 2);
	put(fd, 1000, 1);
	put(fd, 3000, 3);
	close(fd);
	CHECK(recording_open(path, &r) == 0);
	for (uint32_t pid = 1; pid <= 3; pid++) {
		CHECK(recording_next(r, &e) == 1);
		CHECK(e.head.id == EVENT_tcp_recv);
		CHECK(e.head.pid == pid);
		CHECK(e.head.time_ns == pid * 1000);
		CHECK(e.tcp_recv.done_bytes == pid * 10);
	}
	CHECK(recording_next(r, &e) == 0);
	recording_close(r);
	unlink(path);
}

TEST("a recording of another build is read by the names it gives")
{
	char path[] = "/tmp/recording_test.XXXXXX";
	int fd = mkstemp(path);
	struct recording *r = NULL;
	union event_any e;
	struct {
		uint32_t length, nothing;
		uint64_t gone, time_ns;
		uint32_t padding;
		uint16_t id, size;
		uint64_t done_bytes;
	} record = { 40 - 8, 0, 7, 1234, 0, 5, 32, 99 };
	static const char beginning[] = "socktale recording 1\n"
					"event 0 head 24\nfield gone 0 8\nfield time_ns 8 8\nfield id 20 2\nfield size 22 2\n"
					"event 5 tcp_recv 32\nfield done_bytes 24 8\nfield unheard_of 30 2\nend\n";

	CHECK(write(fd, beginning, strlen(beginning)) > 0);
	CHECK(write(fd, &record, sizeof(record)) == sizeof(record));
	close(fd);
	CHECK(recording_open(path, &r) == 0);
	CHECK(recording_next(r, &e) == 1);
	CHECK(e.head.id == EVENT_tcp_recv);
	CHECK(e.head.time_ns == 1234);
	CHECK(e.tcp_recv.done_bytes == 99);
	CHECK(recording_next(r, &e) == 0);
	recording_close(r);
	unlink(path);
}
