/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs one load in windows, untraced and traced in turn, and says how the two compare: each traced window is held against
 * the mean of its two untraced neighbours, so that a machine that drifts does not count. Knows nothing of what the
 * tracer is: a command line, ended by SIGINT.
 *
 *   pair [-n PAIRS] [-w MILLISECONDS] [-s SETTLE_MS] [-e FILE] LOAD-COMMAND [-- TRACER...]
 *
 * In the tracer's arguments, @READY stands for the number of a descriptor to which it writes when it has attached;
 * without it, -s says how long to wait. -e: append what the tracer says on standard error.
 * Prints one line: median, lower and upper quartile of traced/untraced, median operations a second untraced and traced,
 * median CPU of the tracer in percent of one CPU, its largest memory in kB, median milliseconds to attach.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS = 101, ARGUMENTS = 128 };

static FILE *to_load, *from_load;
static char **tracer, *ready_place;
static int settle_ms = 1500;
static const char *errors = "/dev/null";

static void die(const char *what)
{
	fprintf(stderr, "pair: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void rest(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static void load_start(char **command)
{
	int in[2], out[2];
	char line[64];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("pipe");
	if (!fork()) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execvp(command[0], command);
		die(command[0]);
	}
	close(in[0]);
	close(out[1]);
	to_load = fdopen(in[1], "w");
	from_load = fdopen(out[0], "r");
	if (!fgets(line, sizeof(line), from_load))
		exit(1);
}

/* Operations a second in a window. */
static double window(int ms)
{
	double seconds, cpu;
	unsigned long long operations;
	char line[128];

	fprintf(to_load, "%d\n", ms);
	fflush(to_load);
	if (!fgets(line, sizeof(line), from_load) || sscanf(line, "%llu %lf %lf", &operations, &seconds, &cpu) != 3) {
		fprintf(stderr, "pair: the load has ended\n");
		exit(1);
	}
	return operations / seconds;
}

/* Start the tracer and wait until it has attached; returns its pid and in *ret_ms how long that took. */
static pid_t tracer_start(double *ret_ms)
{
	double begin = now();
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready))
		die("pipe");
	fcntl(ready[0], F_SETFD, FD_CLOEXEC);
	pid = fork();
	if (!pid) {
		int sink = open("/dev/null", O_RDWR), said = open(errors, O_WRONLY | O_CREAT | O_APPEND, 0644);

		dup2(sink, 0);
		dup2(sink, 1);
		dup2(said, 2);
		if (ready_place)
			sprintf(ready_place, "%d", ready[1]);
		else
			close(ready[1]);
		execvp(tracer[0], tracer);
		_exit(127);
	}
	close(ready[1]);
	if (ready_place) {
		if (read(ready[0], &byte, 1) != 1) {
			fprintf(stderr, "pair: %s did not attach\n", tracer[0]);
			exit(1);
		}
	} else {
		rest(settle_ms);
	}
	*ret_ms = (now() - begin) * 1000;
	close(ready[0]);
	return pid;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The q-th quartile; sorts. */
static double quartile(double *values, int count, int q)
{
	double at = (count - 1) * q / 4.0;
	int i = at;

	qsort(values, count, sizeof(*values), compare);
	return i + 1 < count ? values[i] + (at - i) * (values[i + 1] - values[i]) : values[i];
}

int main(int argc, char **argv)
{
	double bare[PAIRS + 1], traced[PAIRS], ratio[PAIRS], cpu[PAIRS], attach[PAIRS];
	char *command[ARGUMENTS];
	int pairs = 7, ms = 400, option, count = 0, i, load_end;
	long memory = 0;

	while ((option = getopt(argc, argv, "+n:w:s:e:")) >= 0) {
		if (option == 'n')
			pairs = atoi(optarg);
		else if (option == 'w')
			ms = atoi(optarg);
		else if (option == 's')
			settle_ms = atoi(optarg);
		else if (option == 'e')
			errors = optarg;
		else
			return 2;
	}
	if (pairs < 1 || pairs > PAIRS)
		return 2;
	for (load_end = optind; load_end < argc && strcmp(argv[load_end], "--"); load_end++)
		if (count < ARGUMENTS - 1)
			command[count++] = argv[load_end];
	command[count] = NULL;
	if (load_end < argc)
		tracer = argv + load_end + 1;
	for (i = 0; tracer && tracer[i]; i++)
		if (!strcmp(tracer[i], "@READY"))
			ready_place = tracer[i] = calloc(1, 16);
	signal(SIGPIPE, SIG_IGN);
	load_start(command);
	window(ms); /* caches and clocks get warm */
	bare[0] = window(ms);
	for (i = 0; i < pairs; i++) {
		struct rusage usage;
		pid_t pid = tracer ? tracer_start(&attach[i]) : (attach[i] = 0, 0);
		double begin_cpu, began = now();
		clockid_t clock;
		struct timespec t = { 0, 0 };
		int status;

		if (pid && !clock_getcpuclockid(pid, &clock))
			clock_gettime(clock, &t);
		begin_cpu = t.tv_sec + t.tv_nsec / 1e9;
		traced[i] = window(ms);
		if (pid && !clock_gettime(clock, &t))
			cpu[i] = (t.tv_sec + t.tv_nsec / 1e9 - begin_cpu) / (now() - began) * 100;
		else
			cpu[i] = 0;
		if (pid) {
			double deadline = now() + 20;

			if (waitpid(pid, &status, WNOHANG) == pid) {
				fprintf(stderr, "pair: %s ended by itself (status %d)\n", tracer[0], WEXITSTATUS(status));
				return 1;
			}
			kill(pid, SIGINT);
			while (wait4(pid, &status, WNOHANG, &usage) != pid) {
				if (now() > deadline)
					kill(pid, SIGKILL);
				rest(2);
			}
			if (usage.ru_maxrss > memory)
				memory = usage.ru_maxrss;
		}
		bare[i + 1] = window(ms);
		ratio[i] = traced[i] / ((bare[i] + bare[i + 1]) / 2);
	}
	printf("%.3f %.3f %.3f %.0f %.0f %.0f %ld %.0f\n", quartile(ratio, pairs, 2), quartile(ratio, pairs, 1),
	       quartile(ratio, pairs, 3), quartile(bare, pairs + 1, 2), quartile(traced, pairs, 2), quartile(cpu, pairs, 2), memory,
	       quartile(attach, pairs, 2));
	fclose(to_load);
	wait(NULL); /* the next load may want the same port */
	return 0;
}
