# SPDX-License-Identifier: GPL-2.0
"""The QMP client against a recorded session, and against a QEMU that misbehaves."""
import json
import os
import socket
import tempfile
import threading
import unittest

from harness.guest import Guest
from harness.qmp import Qmp, QmpError, QmpTimeout

SAMPLES = os.path.join(os.path.dirname(__file__), 'samples')


LIMIT = 100  # seconds for what ends at once, unless the machine has other things to do


class Player(threading.Thread):
    """Plays QEMU's side: lines "> request" are awaited, lines "< answer" are sent."""

    def __init__(self, folder, lines):
        super().__init__(daemon=True)
        self.path = os.path.join(folder, 'qmp.sock')
        self.lines, self.asked = lines, []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(1)
        self.start()

    def run(self):
        peer, _ = self.server.accept()
        with peer, peer.makefile('rw') as stream:
            for line in self.lines:
                if line.startswith('>'):
                    self.asked.append((json.loads(line[2:]), json.loads(stream.readline() or 'null')))
                else:
                    stream.write(line[2:] + '\n')
                    stream.flush()
            stream.readline()  # until the client hangs up

    def close(self):
        self.server.close()
        self.join(LIMIT)


HELLO = ['< {"QMP": {"version": {}, "capabilities": []}}', '> {"execute": "qmp_capabilities", "id": 1}',
         '< {"return": {}, "id": 1}']


class QmpTest(unittest.TestCase):

    def play(self, lines):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        player = Player(folder.name, lines)
        self.addCleanup(player.close)
        qmp = Qmp(player.path, os.path.join(folder.name, 'qmp.log'), timeout=LIMIT)
        self.addCleanup(qmp.close)
        return qmp, player, folder.name

    def test_recorded_session(self):
        with open(os.path.join(SAMPLES, 'session.qmp')) as f:
            lines = f.read().splitlines()
        qmp, player, folder = self.play(lines)
        guest = Guest.__new__(Guest)  # only its DIMM part: there is no QEMU
        guest.qmp, guest.patience, guest.dimm_in_slot = qmp, 1.0, {}
        self.assertEqual(guest.add_dimm('dimm0', 1 << 30, node=1, reserve=False)['addr'], 0x100000000)
        mark = guest.ask_unplug('dimm0')
        guest.wait_unplugged('dimm0', mark, LIMIT)
        qmp.wait_event(lambda e: e['event'] == 'SHUTDOWN', LIMIT)
        self.assertEqual(guest.ost_events(), [('dimm0', 1, 0), ('dimm0', 3, 0x84), ('dimm0', 3, 0)])
        for wanted, asked in player.asked:
            self.assertEqual(asked, wanted)
        with open(os.path.join(folder, 'qmp.log')) as f:
            logged = [line.split(' ', 1)[1].rstrip() for line in f]
        # An event and a command can cross; in each direction the order is the recorded one.
        for direction in '<>':
            self.assertEqual([line for line in logged if line[0] == direction],
                             [line for line in lines if line[0] == direction])

    def test_answers_are_paired_by_id(self):
        qmp, _, _ = self.play(HELLO + ['> {}', '< {"event": "RESUME", "data": {}}', '< {"return": 7, "id": 99}',
                                       '< {"return": 8, "id": 2}'])
        self.assertEqual(qmp.execute('query', LIMIT), 8)
        self.assertEqual(len(qmp.events_since(0, 'RESUME')), 1)

    def test_error(self):
        qmp, _, _ = self.play(HELLO + ['> {}', '< {"error": {"class": "GenericError", "desc": "no such"}, "id": 2}'])
        with self.assertRaisesRegex(QmpError, 'device_del: no such'):
            qmp.execute('device_del', LIMIT, id='x')

    def test_timeout(self):
        qmp, _, _ = self.play(HELLO + ['> {}'])
        with self.assertRaises(QmpTimeout):
            qmp.execute('query', 0.2)
        with self.assertRaises(QmpTimeout):
            qmp.wait_event(lambda e: True, 0.2)

    def test_qemu_goes_away(self):
        qmp, player, _ = self.play(HELLO)
        qmp.sock.shutdown(socket.SHUT_WR)
        player.join(LIMIT)
        with self.assertRaisesRegex(QmpError, 'gone'):
            qmp.wait_event(lambda e: True, LIMIT)

    def test_a_refused_unplug_is_told_at_once(self):
        decides = Guest._unplug_answer
        def ost(status, source=3, device='d'):
            return {'event': 'ACPI_DEVICE_OST', 'data': {'info': {'device': device, 'source': source, 'status': status}}}
        self.assertFalse(decides(None, 'd', ost(0x84)))
        self.assertFalse(decides(None, 'd', ost(0)))
        self.assertFalse(decides(None, 'd', ost(1, source=1)))
        self.assertFalse(decides(None, 'd', ost(0x82, device='other')))
        self.assertTrue(decides(None, 'd', ost(0x82)))
        self.assertTrue(decides(None, 'd', ost(1, source=0x103)))
        self.assertTrue(decides(None, 'd', {'event': 'MEM_UNPLUG_ERROR', 'data': {'device': 'd', 'msg': ''}}))
        self.assertFalse(decides(None, 'd', {'event': 'DEVICE_DELETED', 'data': {'path': '/x'}}))


if __name__ == '__main__':
    unittest.main()
