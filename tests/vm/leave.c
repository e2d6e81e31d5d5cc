/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last program of a test VM: says the exit code on the console and through QEMU's debug-exit port.
 * Knows nothing of what ran before it. Static and without a libc to install in the guest.
 *
 * /dev/port does not exist in Debian's kernels (DEVPORT is off), so the port is reached by ioperm().
 * The port carries seven bits, QEMU ends with 2 * code + 1; the console line carries the whole code.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <termios.h>
#include <unistd.h>

#define DEBUG_EXIT_PORT 0xf4

int main(int argc, char **argv)
{
	int code = argc > 1 ? atoi(argv[1]) & 0xff : 0xff;
	int console = open("/dev/ttyS0", O_WRONLY | O_NOCTTY);

	if (console >= 0) {
		dprintf(console, "\nsocktale-vm: exit %d\n", code);
		tcdrain(console);
	}
	if (ioperm(DEBUG_EXIT_PORT, 1, 1) == 0)
		outb(code & 0x7f, DEBUG_EXIT_PORT);
	return 1;
}
