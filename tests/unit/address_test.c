/* SPDX-License-Identifier: BSD-2-Clause */
#include "conversation/address.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "tests/test.h"

static struct address parsed(const char *text)
{
	struct address a = { 0 };

	CHECK(address_parse(text, &a));
	return a;
}

TEST("an address is printed as it was read")
{
	static const char *const texts[] = {
		"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::]:0", "[::1]:443",
		"[2001:db8:1111:2222:3333:4444:5555:6666]:50000", "[::ffff:10.0.0.1]:80",
	};
	char printed[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct address a = parsed(texts[i]);

		CHECK_STRING(address_print(&a, printed), texts[i]);
	}
}

TEST("what is no address is refused and leaves the result alone")
{
	static const char *const texts[] = {
		"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4: 1", "1.2.3:4", "::1:80", "[::1]", "[::1:80",
		"[]:80", "1.2.3.4:80x", "host:80", ":80",
	};
	struct address a = { .port = 7 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!CHECK(!address_parse(texts[i], &a)))
			test_note("'%s' was taken", texts[i]);
	CHECK(a.port == 7 && a.family == 0);
}

TEST("a mapped address is the IPv4 address it means, others stay")
{
	struct address mapped = address_plain(parsed("[::ffff:10.0.0.1]:80"));
	struct address plain = parsed("10.0.0.1:80"), six = parsed("[::1]:80");
	struct address same = address_plain(six);

	CHECK(address_equal(&mapped, &plain));
	CHECK(address_hash(&mapped) == address_hash(&plain));
	CHECK(address_equal(&same, &six));
}

TEST("equal means family, host and port")
{
	struct address a = parsed("10.0.0.1:80"), port = parsed("10.0.0.1:81"), host = parsed("10.0.0.2:80");
	struct address six = parsed("[a00:1::]:80");

	CHECK(address_equal(&a, &a));
	CHECK(!address_equal(&a, &port));
	CHECK(!address_equal(&a, &host));
	CHECK(!address_equal(&a, &six));
}

TEST("an end of a connection has a host and a port")
{
	struct address whole = parsed("10.0.0.1:80"), no_port = parsed("10.0.0.1:0"), any = parsed("0.0.0.0:80");
	struct address none = { 0 };

	CHECK(address_complete(&whole));
	CHECK(!address_complete(&no_port));
	CHECK(!address_complete(&any));
	CHECK(!address_complete(&none));
	CHECK(address_any(&any) && !address_any(&whole));
}

TEST("an event without an internet socket has no address")
{
	struct event e = { .family = AF_UNIX, .local_port = 80, .local = { { 1, 2, 3, 4 } } };
	struct address a = address_local(&e);
	char printed[ADDRESS_TEXT_MAX];

	CHECK(a.family == 0 && a.port == 0);
	CHECK_STRING(address_print(&a, printed), "-");
}
