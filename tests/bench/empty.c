/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaches every program of a BPF object, says so by a byte, and waits to be ended: what being there costs, whatever is done
 * there. Knows nothing of what the programs are.
 *
 *   empty OBJECT READY-FD
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct bpf_object *object = argc == 3 ? bpf_object__open(argv[1]) : NULL;
	struct bpf_program *program;

	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "empty: usage: empty OBJECT READY-FD, and an object that loads\n");
		return 2;
	}
	bpf_object__for_each_program(program, object)
		if (!bpf_program__attach(program)) {
			fprintf(stderr, "empty: '%s': cannot be attached\n", bpf_program__name(program));
			return 1;
		}
	if (write(atoi(argv[2]), "r", 1) != 1)
		return 1;
	pause();
	return 0;
}
