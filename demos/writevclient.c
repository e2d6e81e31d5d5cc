/* SPDX-License-Identifier: BSD-2-Clause */
/* Two buffers, one system call, one segment. Partner: addressused or graceserver. */
#include "demo.h"

static const char usage[] = "usage: writevclient <IPaddress>\n";

/* Writes both parts, however many calls that takes. Returns the sum of bytes, or -1. */
static ssize_t writev_all(int fd, struct iovec *part, int parts)
{
	ssize_t sum = 0;

	while (parts > 0) {
		ssize_t n = writev(fd, part, parts);

		if (n < 0)
			return -1;
		sum += n;
		for (; parts > 0 && (size_t)n >= part->iov_len; part++, parts--)
			n -= part->iov_len;
		if (parts > 0) {
			part->iov_base = (char *)part->iov_base + n;
			part->iov_len -= n;
		}
	}
	return sum;
}

int main(int argc, char **argv)
{
	char hello[] = "hello,";
	char line[MAXLINE];
	int opt = getopt(argc, argv, "h");

	if (opt != -1 || optind != argc - 1)
		usage_exit(opt, usage);

	struct address server = address_parse(argv[optind], SERV_PORT);
	int sockfd = socket(server.sa.sa_family, SOCK_STREAM, 0);

	if (sockfd < 0)
		die("socket failed");
	if (connect(sockfd, &server.sa, server.len) < 0)
		die("connect failed");
	while (fgets(line, sizeof(line), stdin)) {
		struct iovec part[2] = {
			{.iov_base = hello, .iov_len = strlen(hello)},
			{.iov_base = line, .iov_len = strlen(line)}, /* with its newline */
		};
		ssize_t n = writev_all(sockfd, part, 2);

		if (n < 0)
			die("writev failed");
		printf("send bytes: %zd \n", n);
	}
	return 0;
}
