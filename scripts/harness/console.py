# SPDX-License-Identifier: GPL-2.0
"""Judge a console log: find what a healthy kernel never says.

Owns the list of bad signs and the list of what is to be ignored, with reasons.
"""
import re

BAD = [(name, re.compile(pattern)) for name, pattern in (
    ('panic', r'Kernel panic'),
    ('BUG', r'\bBUG\b'),
    ('WARNING', r'\bWARNING\b'),
    ('Oops', r'\bOops\b'),
    ('fault', r'general protection|Unable to handle|unable to handle|double fault|invalid opcode|divide error|'
              r'stack segment:|bad frame|traps: .* trap '),
    ('segfault', r'segfault at '),
    ('lockdep', r'INFO: possible |possible (recursive|circular) locking|inconsistent lock state|'
                r'suspicious RCU usage|held lock freed|lock held when returning|bad unlock balance|'
                r'MAX_LOCK_DEPTH|MAX_LOCKDEP|DEADLOCK|INFO: trying to register non-static key|'
                r'sleeping function called from invalid context|scheduling while atomic'),
    ('KASAN', r'KASAN: '),
    ('KCSAN', r'KCSAN: '),
    ('UBSAN', r'UBSAN: '),
    ('KFENCE', r'KFENCE: '),
    ('kmemleak', r'kmemleak: \d+ new suspected'),
    ('hung task', r'blocked for more than \d+ seconds'),
    ('stall', r'rcu.*(stall|starved)|detected stalls on|self-detected stall'),
    ('lockup', r'(soft|hard) lockup|LOCKUP|watchdog: BUG'),
    ('bad page', r'[Bb]ad page (state|map|cache)|Bad rss-counter|bad pmd|bad pte|bad pud|Bad swap'),
    ('slab', r'SLUB.*(corrupt|Redzone|Poison)|Slab corruption|Poison overwritten|Object already free|'
             r'Objects remaining in|list_(add|del) corruption|refcount_t: '),
    ('oom', r'Out of memory|invoked oom-killer|oom-kill:|page allocation failure|page allocation stalls'),
    ('trace', r'Call Trace:'),
    ('debug objects', r'ODEBUG: '),
    ('module', r'module verification failed|disagrees about version'),
)]

# What looks bad and is not.  Each entry says why; a test may allow more for itself.
IGNORE = [re.compile(pattern) for pattern in (
    r'^(\[.*?\]\s*)*Linux version ',           # the banner may have any word in the name of its builder
    r'^(\[.*?\]\s*)*(Kernel c|C)ommand line: ',  # oops=panic and panic_on_warn are ours
    r'^(\[.*?\]\s*)*\s*(not )?ok \d+ ',        # KUnit results: test names may have any word
    r'^(\[.*?\]\s*)*\s*# \S+: pass:\d',       # KUnit totals
    r'\.\.\.\s+MAX_LOCK',                     # lockdep's table of sizes at boot
    r'RCU CPU stall warnings timeout set to',  # as on the command line
)]


def scan(text, allow=()):
    """Return the bad lines of a console log as (kind, line number, line); allow is a list of regexes."""
    allowed = IGNORE + [re.compile(p) for p in allow]
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if any(p.search(line) for p in allowed):
            continue
        for kind, pattern in BAD:
            if pattern.search(line):
                found.append((kind, number, line.strip()))
                break
    return found


def summary(found, limit=3):
    """A few words on what scan() found: the first lines, and how many there are."""
    lines = ['line %d: %s' % (number, line) for _, number, line in found[:limit]]
    more = len(found) - len(lines)
    return '; '.join(lines) + ('; and %d more' % more if more > 0 else '')
