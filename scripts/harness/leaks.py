# SPDX-License-Identifier: GPL-2.0
"""Memory that nothing refers to any more, as kmemleak finds it on the debug kernel.

It looks in guests whose command line has WORD, at last when such a guest ends.
"""
WORD = 'kmemleak=on'
FILE = '/sys/kernel/debug/kmemleak'
# Objects younger than five seconds are not reported; a second scan confirms the first.
SCAN = 'for i in 1 2; do sleep 6 && echo scan >%s || exit 1; done; ' % FILE


def word(context):
    """The word for the command line of a guest in which it is to look, if the kernel has it."""
    return WORD if context.variant == 'debug' else ''


def forget(guest):
    """Have it forget what nothing refers to by now: that is none of ours."""
    guest.sh(SCAN + 'echo clear >' + FILE, 120, check=True)


def found(guest):
    """What it has found since, a part of it; '' if there is nothing."""
    return guest.sh(SCAN + 'head -c 4000 ' + FILE, 120, check=True)[1].strip()
