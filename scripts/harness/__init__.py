# SPDX-License-Identifier: GPL-2.0
"""Host side of the guest tests: boot QEMU, drive it, judge what it says."""
