# SPDX-License-Identifier: GPL-2.0
"""QMP client: commands and events of one QEMU over its unix socket.

Owns the socket, the pairing of answers with commands, the event queue and the
log of all traffic.  It knows nothing about memory.  Every wait has a time-out.
"""
import json
import socket
import threading
import time


class QmpError(Exception):
    """QEMU refused a command, or is gone."""


class QmpTimeout(QmpError):
    """QEMU did not answer, or an event did not come, in time."""


class Qmp:
    """One connection.  A thread reads; execute() and wait_event() wait for what it finds."""

    def __init__(self, path, log, timeout=100, gone=lambda: False):
        self.sock = connect(path, timeout, gone)
        self.log = open(log, 'a', buffering=1)
        self.ready = threading.Condition()
        self.answers, self.events = {}, []
        self.greeting, self.closed, self.last_id = None, False, 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self._wait(lambda: self.greeting, timeout, 'greeting')
        self.execute('qmp_capabilities')

    def _note(self, direction, line):
        self.log.write('%.3f %s %s\n' % (time.time(), direction, line))

    def _read(self):
        """Reader thread: sort what comes into answers and events."""
        try:
            with self.sock.makefile('r', encoding='utf-8') as lines:
                for line in lines:
                    self._note('<', line.rstrip())
                    self._sort(json.loads(line))
        except (OSError, ValueError):
            pass
        with self.ready:
            self.closed = True
            self.ready.notify_all()

    def _sort(self, message):
        with self.ready:
            if 'QMP' in message:
                self.greeting = message['QMP']
            elif 'event' in message:
                self.events.append(message)
            else:
                self.answers[message.get('id')] = message
            self.ready.notify_all()

    def _wait(self, found, timeout, what):
        """Wait until found() gives something; return that."""
        end = time.monotonic() + timeout
        with self.ready:
            while True:
                result = found()
                if result is not None:
                    return result
                if self.closed:
                    raise QmpError('QEMU is gone, waiting for %s' % what)
                left = end - time.monotonic()
                if left <= 0:
                    raise QmpTimeout('no %s in %g s' % (what, timeout))
                self.ready.wait(left)

    def execute(self, command, timeout=150, **arguments):
        """Execute a command and return its answer.

        Underscores in the names of arguments stand for dashes, but for commands that have them in their own.
        """
        with self.ready:
            self.last_id += 1
            number = self.last_id
        request = {'execute': command, 'id': number}
        if arguments:
            word = '_' if '_' in command else '-'
            request['arguments'] = {k.replace('_', word): v for k, v in arguments.items()}
        line = json.dumps(request)
        self._note('>', line)
        try:
            self.sock.sendall(line.encode() + b'\n')
        except OSError as e:
            raise QmpError('QEMU is gone, sending %s: %s' % (command, e))
        answer = self._wait(lambda: self.answers.pop(number, None), timeout, 'answer to ' + command)
        if 'error' in answer:
            raise QmpError('%s: %s' % (command, answer['error'].get('desc')))
        return answer['return']

    def mark(self):
        """The number of events so far: a place to wait from."""
        with self.ready:
            return len(self.events)

    def events_since(self, mark=0, name=None):
        """The events after a mark, of one name or all."""
        with self.ready:
            return [e for e in self.events[mark:] if name in (None, e['event'])]

    def wait_event(self, wanted, timeout, mark=0, what='event'):
        """Wait for an event after mark for which wanted(event) is true; return it."""
        return self._wait(lambda: next((e for e in self.events[mark:] if wanted(e)), None), timeout, what)

    def close(self):
        """Hang up; the log keeps what was said."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        self.reader.join(5)
        self.log.close()


def connect(path, timeout, gone=lambda: False):
    """Connect to a unix socket that may not be there yet, and never will be when who makes it is gone."""
    end = time.monotonic() + timeout
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return sock
        except OSError as e:
            sock.close()
            if gone() or time.monotonic() > end:
                raise QmpTimeout('cannot connect to %s: %s' % (path, e))
            time.sleep(0.02)
