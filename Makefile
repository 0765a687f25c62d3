# SPDX-License-Identifier: GPL-2.0
#
# Memory hotplug for Linux: the commands of this repository.
# The kernel's own Makefiles are in the staged tree, build/linux.

KERNEL ?= base

# What is built here is named by its commands, not by files.
.PHONY: help run test bench bench-profile soak check htmldocs series deb shell image clean
.NOTPARALLEL:

help:
	@echo 'make run      the main job: a DIMM plugged, used and unplugged on our kernel'
	@echo 'make test     all tests; ends with "N passed, N failed, N skipped"'
	@echo 'make bench    ours against stock (QUICK=1: a few; ONLY=name: one)'
	@echo 'make bench-profile ONLY=name   which functions the instructions go to'
	@echo 'make soak     500 rounds under a load (ROUNDS=, SEED=)'
	@echo 'make check    static checks: checkpatch, sparse, W=1'
	@echo 'make htmldocs render our documents as the kernel does (build/docs/html)'
	@echo 'make series   the mails that bring it into a kernel tree (build/series)'
	@echo 'make deb      Debian packages (build/deb; CONFIG=file: that of your machine)'
	@echo 'make shell    a guest to play in (Ctrl-a x ends it)'
	@echo 'make image    build the kernel and print the path of its bzImage'
	@echo '              (make -s image; KERNEL=stock for the stock one)'
	@echo 'make clean    remove build/ (caches stay)'

run:
	@scripts/setup build guest
	@scripts/run

test:
	@scripts/setup build guest deb
	@scripts/test

bench:
	@scripts/setup build guest
	@scripts/bench $(if $(QUICK),--quick) $(if $(ONLY),--only '$(ONLY)')

bench-profile:
	@scripts/setup build guest
	@scripts/bench-profile $(or $(ONLY),$(error bench-profile needs ONLY=name, see scripts/bench --list))

soak:
	@scripts/setup build guest
	@scripts/test-load --rounds $(or $(ROUNDS),500) $(if $(SEED),--seed $(SEED))

check:
	@scripts/setup build check
	@scripts/check

htmldocs:
	@scripts/setup docs
	@scripts/htmldocs

series:
	@scripts/setup build
	@scripts/series

deb:
	@scripts/setup build deb
	@scripts/deb $(CONFIG)

shell:
	@scripts/setup build guest
	@scripts/shell $(KERNEL)

image:
	@scripts/setup build >&2
	@scripts/build $(if $(filter ours,$(KERNEL)),base,$(KERNEL))

clean:
	rm -rf build
