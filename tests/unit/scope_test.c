/* SPDX-License-Identifier: BSD-2-Clause */
/* What `socktale why` is asked about: how the argument is read, and which ends it chooses. */
#include "command/scope.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "tests/test.h"

static struct address address(const char *text)
{
	struct address a = { 0 };

	CHECK(address_parse(text, &a));
	return a;
}

static bool has(struct scope *s, const char *local, const char *remote, uint32_t pid)
{
	static const struct event_comm comm = { "web" };
	struct scope_end end = { .pid = pid, .comm = &comm, .family = AF_INET, .protocol = IPPROTO_TCP };

	end.local = address(local);
	end.remote = address(remote);
	return scope_has(s, &end);
}

TEST("a number is a process, and only that one in a recording")
{
	struct config filters = { 0 };
	struct scope s = { .config = &filters, .past = true };

	CHECK(scope_parse(&s, "1234", &filters));
	CHECK(s.pid == 1234 && !filters.filter_port_set);
	CHECK(has(&s, "10.0.0.1:80", "10.0.0.2:4000", 1234));
	CHECK(!has(&s, "10.0.0.1:80", "10.0.0.2:4000", 1235));
	scope_finish(&s);
}

TEST("a live process stands for its children as well")
{
	struct config filters = { 0 };
	struct scope s = { .config = &filters };

	s.pid = getppid();
	CHECK(has(&s, "10.0.0.1:80", "10.0.0.2:4000", getpid()));
	CHECK(has(&s, "10.0.0.1:80", "10.0.0.2:4000", getppid()));
	scope_finish(&s);
	s = (struct scope){ .config = &filters, .pid = getpid() };
	CHECK(!has(&s, "10.0.0.1:80", "10.0.0.2:4000", getppid()));
	CHECK(!has(&s, "10.0.0.1:80", "10.0.0.2:4000", 0));
	scope_finish(&s);
}

TEST("a port is either end's, and is left to the kernel as well")
{
	struct config filters = { 0 };
	struct scope s = { .config = &filters };

	CHECK(scope_parse(&s, ":443", &filters));
	CHECK(filters.filter_port_set && filters.filter_port == 443);
	CHECK(has(&s, "10.0.0.1:443", "10.0.0.2:4000", 1));
	CHECK(has(&s, "10.0.0.2:4000", "10.0.0.1:443", 1));
	CHECK(!has(&s, "10.0.0.2:4000", "10.0.0.1:444", 1));
	scope_finish(&s);
}

TEST("a connection is both of its ends, in any order and notation")
{
	static const char *const written[] = {
		"10.0.0.1:40000-10.0.0.2:80", "10.0.0.1:40000 10.0.0.2:80", "10.0.0.2:80 -> 10.0.0.1:40000",
		"10.0.0.2:80,10.0.0.1:40000",
	};

	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
		struct config filters = { 0 };
		struct scope s = { .config = &filters };

		CHECK(scope_parse(&s, written[i], &filters));
		CHECK(filters.filter_port == 40000); /* names fewer sockets than 80 */
		CHECK(has(&s, "10.0.0.1:40000", "10.0.0.2:80", 1));
		CHECK(has(&s, "10.0.0.2:80", "10.0.0.1:40000", 1));
		CHECK(has(&s, "[::ffff:10.0.0.2]:80", "[::ffff:10.0.0.1]:40000", 1));
		CHECK(!has(&s, "10.0.0.1:40000", "10.0.0.3:80", 1));
		CHECK(!has(&s, "10.0.0.1:80", "10.0.0.2:40000", 1));
		scope_finish(&s);
	}
}

TEST("IPv6 stands in brackets")
{
	struct config filters = { 0 };
	struct scope s = { .config = &filters };

	CHECK(scope_parse(&s, "[fd00::1]:5432", &filters));
	CHECK(has(&s, "[fd00::1]:5432", "[fd00::2]:40000", 1));
	CHECK(!has(&s, "[fd00::2]:5432", "[fd00::1]:40000", 1));
	scope_finish(&s);
}

TEST("what names nothing is no argument")
{
	static const char *const wrong[] = {
		"", ":", ":0", ":65536", ":80x", "0", "-1", "web", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "[::1]", "10.0.0.1:80-web",
		"10.0.0.1:80-10.0.0.2", "10.0.0.1:80-10.0.0.2:80-10.0.0.3:80", "1234 5",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct config filters = { 0 };
		struct scope s = { .config = &filters };

		if (!CHECK(!scope_parse(&s, wrong[i], &filters)))
			test_note("taken: '%s'", wrong[i]);
	}
}

TEST("a prefix is compared bit by bit")
{
	struct config filters = { .filter_address_set = 1, .filter_address_family = AF_INET, .filter_address_bits = 20 };
	struct scope s = { .config = &filters };

	inet_pton(AF_INET, "10.1.16.0", filters.filter_address.bytes);
	CHECK(has(&s, "10.1.31.255:1", "10.9.9.9:2", 1));
	CHECK(has(&s, "10.9.9.9:1", "10.1.16.1:2", 1));
	CHECK(!has(&s, "10.1.32.1:1", "10.9.9.9:2", 1));
	filters.filter_address_bits = 0;
	CHECK(has(&s, "192.0.2.1:1", "10.9.9.9:2", 1));
	scope_finish(&s);
}
