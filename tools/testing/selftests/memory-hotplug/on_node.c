// SPDX-License-Identifier: GPL-2.0
/*
 * on_node: a program whose memory comes from one node and no other
 *
 * usage: on_node NODE COMMAND [WORD...]
 */
#include <err.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long mask;

	if (argc < 3)
		errx(2, "usage: on_node NODE COMMAND [WORD...]");
	mask = 1UL << atoi(argv[1]);
	if (syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 8 * sizeof(mask)))
		err(2, "node %s", argv[1]);
	execv(argv[2], argv + 2);
	err(2, "%s", argv[2]);
}
