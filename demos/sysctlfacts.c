/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's settings the notes speak of, as this network namespace has them. Claim first. */
#include "demo.h"

static const char usage[] = "usage: sysctlfacts\n";

static const struct fact {
	const char *claim, *name, *meaning;
} facts[] = {
	{"C9", "net/ipv4/ip_unprivileged_port_start", "first port that needs no capability"},
	{"C19", "net/core/somaxconn", "ceiling of every backlog"},
	{"C22", "net/ipv4/tcp_abort_on_overflow", "1 = a full accept queue resets"},
	{"C23", "net/ipv4/tcp_syncookies", "1 = a full SYN queue falls back to cookies"},
	{"C24", "net/ipv4/tcp_max_syn_backlog", "bound of the SYN queue without cookies"},
	{"C30", "net/ipv4/tcp_syn_retries", "SYNs sent again before ETIMEDOUT"},
	{"C30", "net/ipv4/tcp_syn_linear_timeouts", "of these, how many wait 1 s each (since 6.5)"},
	{"C42", "net/ipv4/tcp_wmem", "send buffer: least, first, most (bytes)"},
	{"C43", "net/core/wmem_max", "half the ceiling of SO_SNDBUF (bytes)"},
	{"C48", "net/ipv4/tcp_rmem", "receive buffer: least, first, most (bytes)"},
	{"C75", "net/unix/max_dgram_qlen", "datagrams a local socket queues"},
	{"C76", "net/ipv4/ping_group_range", "groups that may use ICMP sockets"},
	{"C89", "net/ipv4/tcp_fin_timeout", "how long an orphan stays in FIN_WAIT2 (s)"},
	{"C93", "net/ipv4/ip_default_ttl", "hops a packet may take"},
	{"C98", "net/ipv4/tcp_rfc1337", "1 = a RST does not end TIME_WAIT"},
	{"C101", "net/ipv4/ip_local_port_range", "ports for connect() and bind(0)"},
	{"C102", "net/ipv4/tcp_max_tw_buckets", "most TIME_WAITs"},
	{"C108", "net/ipv4/tcp_tw_reuse", "0 off, 1 on, 2 loopback only"},
	{"C109", "net/ipv4/tcp_tw_reuse_delay", "least age for reuse, ms (since 6.14)"},
	{"C110", "net/ipv4/tcp_timestamps", "0 off, 1 on"},
	{"C132", "net/ipv4/tcp_keepalive_time", "silence before the first probe (s)"},
	{"C132", "net/ipv4/tcp_keepalive_intvl", "time between probes (s)"},
	{"C132", "net/ipv4/tcp_keepalive_probes", "unanswered probes that mean death"},
	{"C133", "net/ipv4/tcp_retries2", "retransmissions before ETIMEDOUT"},
};

/* Reads one line of /proc/sys/<name>, tabs made spaces. Returns false when it is not there. */
static bool read_sysctl(const char *name, char *value, size_t size)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	f = fopen(path, "r");
	if (!f || !fgets(value, size, f)) {
		if (f)
			fclose(f);
		return false;
	}
	fclose(f);
	value[strcspn(value, "\n")] = '\0';
	for (char *p = value; *p; p++)
		if (*p == '\t')
			*p = ' ';
	return true;
}

int main(int argc, char **argv)
{
	char value[128];
	int opt = getopt(argc, argv, "h");

	if (opt != -1 || optind != argc)
		usage_exit(opt, usage);
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
		if (!read_sysctl(facts[i].name, value, sizeof(value)))
			snprintf(value, sizeof(value), "(this kernel has none)");
		printf("%s %s = %s: %s\n", facts[i].claim, facts[i].name, value, facts[i].meaning);
	}
	return 0;
}
