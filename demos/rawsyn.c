/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends one TCP segment, or many, as no socket would: stale, stray, forged. IPv4; needs root. */
#include "demo.h"
#include <netinet/ip.h>

static const char usage[] =
	"usage: rawsyn [-f FLAGS] [-s ADDRESS] [-p PORT] [-q SEQ] [-a ACK] [-T TSVAL[,TSECR]]\n"
	"              [-d TEXT] [-n COUNT] ADDRESS PORT\n"
	"  -f FLAGS    letters of S A R F P U (S)\n"
	"  -s ADDRESS  source address (the one the route gives)\n"
	"  -p PORT     source port (40001)\n"
	"  -q SEQ      sequence number (1000)\n"
	"  -a ACK      acknowledgement number (0)\n"
	"  -T TSVAL    timestamp option: own clock and echoed one; +MS or -MS: so much off the\n"
	"              clock of a kernel with tcp_timestamps=2\n"
	"  -d TEXT     payload\n"
	"  -n COUNT    send so many, each from the next source address (1)\n";

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
	unsigned char rest[12 + MAXLINE]; /* options, then payload */
};

static uint32_t sum16(uint32_t sum, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (; n > 1; p += 2, n -= 2)
		sum += p[0] << 8 | p[1];
	return n ? sum + (p[0] << 8) : sum;
}

/* RFC 9293, 3.1: over a pseudo header, the TCP header and the data. */
static uint16_t tcp_checksum(const struct segment *s, size_t tcp_bytes)
{
	uint32_t sum = sum16(IPPROTO_TCP + tcp_bytes, &s->ip.saddr, 8);

	sum = sum16(sum, &s->tcp, tcp_bytes);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void set_flags(struct tcphdr *tcp, const char *flags)
{
	if (flags[strspn(flags, "SARFPU")])
		usage_exit('?', usage);
	tcp->syn = !!strchr(flags, 'S');
	tcp->ack = !!strchr(flags, 'A');
	tcp->rst = !!strchr(flags, 'R');
	tcp->fin = !!strchr(flags, 'F');
	tcp->psh = !!strchr(flags, 'P');
	tcp->urg = !!strchr(flags, 'U');
}

/* Two NOPs and the timestamp option (RFC 7323). Returns its bytes. */
static size_t put_timestamp(unsigned char *at, const char *values)
{
	static const unsigned char head[4] = {1, 1, 8, 10};
	bool relative = *values == '+' || *values == '-'; /* that clock counts ms since the boot */
	uint32_t clock = relative ? now_ms() : 0, tsecr = 0;
	uint32_t tsval = htonl(clock + strtol(values, NULL, 0));
	const char *comma = strchr(values, ',');

	if (comma)
		tsecr = htonl(strtoul(comma + 1, NULL, 0));
	memcpy(at, head, 4);
	memcpy(at + 4, &tsval, 4);
	memcpy(at + 8, &tsecr, 4);
	return 12;
}

/* The address from which the kernel would reach the destination. */
static uint32_t route_source(const struct address *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, &to->sa, to->len) < 0)
		die("connect failed");
	struct address local = address_local(fd);

	close(fd);
	return local.in.sin_addr.s_addr;
}

int main(int argc, char **argv)
{
	struct segment s = {0};
	const char *flags = "S", *source = NULL, *data = "", *timestamp = NULL;
	int opt, count = 1, port = 40001;
	uint32_t seq = 1000, ack = 0;

	while ((opt = getopt(argc, argv, "f:s:p:q:a:T:d:n:h")) != -1) {
		if (opt == 'f')
			flags = optarg;
		else if (opt == 's')
			source = optarg;
		else if (opt == 'p')
			port = port_number(optarg);
		else if (opt == 'q')
			seq = number(optarg);
		else if (opt == 'a')
			ack = number(optarg);
		else if (opt == 'T')
			timestamp = optarg;
		else if (opt == 'd')
			data = optarg;
		else if (opt == 'n')
			count = whole_number(optarg);
		else
			usage_exit(opt, usage);
	}
	if (optind != argc - 2 || strlen(data) > MAXLINE)
		usage_exit('?', usage);

	struct address to = address_parse(argv[optind], port_number(argv[optind + 1]));
	struct address from = address_parse(source ? source : "0.0.0.0", port);

	if (to.sa.sa_family != AF_INET || from.sa.sa_family != AF_INET)
		quit("address: rawsyn speaks IPv4 only");
	if (!source)
		from.in.sin_addr.s_addr = route_source(&to);

	size_t rest = timestamp ? put_timestamp(s.rest, timestamp) : 0;
	size_t tcp_header = sizeof(s.tcp) + rest;

	memcpy(s.rest + rest, data, strlen(data));
	rest += strlen(data);
	s.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
		.tot_len = htons(sizeof(s.ip) + sizeof(s.tcp) + rest),
		.daddr = to.in.sin_addr.s_addr};
	s.tcp = (struct tcphdr){.source = htons(port), .dest = to.in.sin_port, .seq = htonl(seq),
		.ack_seq = htonl(ack), .doff = tcp_header / 4, .window = htons(64240)};
	set_flags(&s.tcp, flags);

	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW); /* means: the IP header is ours too */

	if (fd < 0)
		die("socket failed");
	for (int i = 0; i < count; i++) {
		from.in.sin_addr.s_addr = htonl(ntohl(from.in.sin_addr.s_addr) + (i > 0));
		s.ip.saddr = from.in.sin_addr.s_addr;
		s.tcp.check = 0;
		s.tcp.check = tcp_checksum(&s, sizeof(s.tcp) + rest);
		if (sendto(fd, &s, ntohs(s.ip.tot_len), 0, &to.sa, to.len) < 0)
			die("sendto failed");
		printf("sent [%s] %s -> %s seq %u ack %u, %zu bytes of data\n", flags,
		       address_text(&from), address_text(&to), seq, ack, strlen(data));
	}
	return 0;
}
