# SPDX-License-Identifier: GPL-2.0
"""The host's end of the agent protocol (see scripts/guest/agent.c).

Owns the control socket and the jobs started through it.
"""
import errno
import threading
import time

from . import qmp


class GuestError(Exception):
    """A command in the guest did not do what it should."""


class GuestCrashed(GuestError):
    """QEMU or the agent ended while we were waiting for an answer."""


class GuestTimeout(GuestError):
    """A command in the guest, or the guest itself, took too long."""


class Job:
    """A process in the guest: its output so far, and its status once it ended."""

    def __init__(self, agent, number, what):
        self.agent, self.number, self.what = agent, number, what
        self.chunks, self.status = [], None

    @property
    def raw(self):
        """The output so far, as bytes."""
        return b''.join(self.chunks)

    @property
    def output(self):
        """The output so far, as text."""
        return self.raw.decode(errors='replace')

    @property
    def ended(self):
        """True once the process ended."""
        return self.status is not None

    def wait(self, timeout=60):
        """Wait for the end; return (status, output).  Status is minus the signal if it was killed."""
        self.agent.wait(lambda: self.ended, timeout, self.what)
        return self.status, self.output

    def wait_output(self, word, timeout=60):
        """Wait until the output has a word; raise if the process ends before."""
        self.agent.wait(lambda: self.ended or word in self.output, timeout, '"%s" from %s' % (word, self.what))
        if word not in self.output:
            raise GuestError('%s ended with %s: %s' % (self.what, self.status, self.output.strip()))

    def kill(self, signal=15):
        """Send a signal to the process and its children."""
        self.agent.send('kill', self.number, signal)


class Agent:
    """One connection.  A thread takes the frames and gives them to their jobs."""

    def __init__(self, path, timeout, crashed=lambda: 'the guest is gone'):
        self.sock = qmp.connect(path, timeout)
        self.crashed = crashed
        self.changed = threading.Condition()
        self.jobs, self.last, self.closed, self.hello = {}, 0, False, False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        """Reader thread."""
        try:
            with self.sock.makefile('rb') as stream:
                while self._frame(stream):
                    pass
        except (OSError, ValueError, IndexError):
            pass
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def _frame(self, stream):
        words = stream.readline().split()
        if not words:
            return False
        kind, number, value = words[0], int(words[1]), int(words[2])
        chunk = stream.read(value) if kind == b'out' else None
        with self.changed:
            job = self.jobs.get(number)
            if number == 0:
                self.hello = True
            elif kind == b'out':
                job.chunks.append(chunk)
            else:
                job.status = value
                del self.jobs[number]
            self.changed.notify_all()
        return True

    def wait(self, done, timeout, what):
        """Wait until done() is true."""
        end = time.monotonic() + timeout
        with self.changed:
            while not done():
                left = end - time.monotonic()
                if self.closed:
                    raise GuestCrashed('%s, waiting for %s' % (self.crashed(), what))
                if left <= 0:
                    raise GuestTimeout('no end after %g s: %s' % (timeout, what))
                self.changed.wait(left)

    def wait_hello(self, timeout):
        """Wait until the agent runs."""
        self.wait(lambda: self.hello, timeout, 'the agent in the guest')

    def send(self, verb, number, argument=0, payload=b''):
        """Send one request."""
        line = '%s %d %d %d\n' % (verb, number, argument, len(payload))
        try:
            self.sock.sendall(line.encode() + payload)
        except OSError:
            raise GuestCrashed('%s, sending %s' % (self.crashed(), verb))

    def start(self, verb, payload, argument=0, what=None):
        """Start a job; return its handle."""
        with self.changed:
            self.last += 1
            job = Job(self, self.last, what or '%s %s' % (verb, payload[:80].decode(errors='replace')))
            self.jobs[job.number] = job
        self.send(verb, job.number, argument, payload)
        return job

    def close(self):
        """Hang up."""
        self.sock.close()


NAMELESS = {133: 'EHWPOISON'}  # in Python


def errno_name(number):
    """EBUSY for 16, None for 0."""
    return errno.errorcode.get(number) or NAMELESS.get(number, str(number)) if number else None
