// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU plugin: how many instructions a guest's kernel ran at each place
 *
 * usage: -plugin insn_count.so,out=FILE
 *
 * Counts only between two marks in the guest, the long no-operations of
 * scripts/guest/bench.c.  Several windows add up.  At the end of QEMU the file
 * gets a line "ADDRESS COUNT" for each translated block of kernel code that ran,
 * and one with address 0 for all of user space.
 *
 * The plugin interface (version 1) is declared here: Debian's QEMU has it and
 * ships no header.  One thread runs all processors (icount), so nothing is locked.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;

enum { CB_NO_REGS };
enum { INLINE_ADD_U64 };

#define EXPORT __attribute__((visibility("default")))

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
		void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
		void *ptr, uint64_t imm);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
		void (*cb)(unsigned int vcpu, void *data), int flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
		void (*cb)(qemu_plugin_id_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			       int argc, char **argv);

#define BUCKETS		(1U << 16)
#define KERNEL_SPACE	(1ULL << 63)

/* A translated block; those of user space share one. */
struct place {
	uint64_t addr;
	uint64_t now;		/* instructions since the start of QEMU */
	uint64_t at_start;	/* of the window */
	uint64_t sum;		/* over all windows */
	struct place *next;
};

static struct place *buckets[BUCKETS];
static const char *out_path;
static bool in_window;

static struct place *find_place(uint64_t addr)
{
	struct place **head = &buckets[(addr * 0x9e3779b97f4a7c15ULL) >> 48];
	struct place *place;

	for (place = *head; place; place = place->next)
		if (place->addr == addr)
			return place;
	place = calloc(1, sizeof(*place));
	if (!place)
		abort();
	place->addr = addr;
	place->next = *head;
	*head = place;
	return place;
}

static void for_all(void (*func)(struct place *place, void *arg), void *arg)
{
	struct place *place;
	size_t i;

	for (i = 0; i < BUCKETS; i++)
		for (place = buckets[i]; place; place = place->next)
			func(place, arg);
}

static void begin(struct place *place, void *arg)
{
	(void)arg;
	place->at_start = place->now;
}

static void add_up(struct place *place, void *arg)
{
	(void)arg;
	place->sum += place->now - place->at_start;
}

static void print(struct place *place, void *arg)
{
	if (place->sum)
		fprintf(arg, "%" PRIx64 " %" PRIu64 "\n", place->addr, place->sum);
}

static void on_start(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	for_all(begin, NULL);
	in_window = true;
}

static void on_stop(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	if (in_window)
		for_all(add_up, NULL);
	in_window = false;
}

/* 1 for the start mark, 2 for the stop mark, 0 for any other instruction. */
static int mark_of(const struct qemu_plugin_insn *insn)
{
	static const uint8_t start[] = { 0x0f, 0x1f, 0x84, 0, 1, 0x62, 0x6d, 0x68 };
	const uint8_t *code = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != sizeof(start) || memcmp(code, start, 4) ||
	    memcmp(code + 5, start + 5, 3))
		return 0;
	return code[4] == 1 ? 1 : code[4] == 2 ? 2 : 0;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	uint64_t addr = qemu_plugin_tb_vaddr(tb);
	struct place *place = find_place(addr & KERNEL_SPACE ? addr : 0);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &place->now, n);
	if (addr & KERNEL_SPACE)
		return;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		int mark = mark_of(insn);

		if (mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn,
				mark == 1 ? on_start : on_stop, CB_NO_REGS, NULL);
	}
}

static void write_counts(qemu_plugin_id_t id, void *data)
{
	FILE *out = fopen(out_path, "w");

	(void)id;
	(void)data;
	if (!out) {
		perror(out_path);
		return;
	}
	for_all(print, out);
	fclose(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fputs("insn_count: needs out=FILE\n", stderr);
		return -1;
	}
	out_path = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, write_counts, NULL);
	return 0;
}
