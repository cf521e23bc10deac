"""What wakes the sender, and what waits for it."""

import threading

from edge.mqtt.mailbox import Mailbox
from edge.mqtt.port import Acknowledged, Connected, Disconnected


def test_acknowledgements_wake_nobody_and_come_first() -> None:
    box = Mailbox()
    box.put(Acknowledged(1))
    box.put(Acknowledged(2))
    box.put(Disconnected())
    box.put(Connected(session_present=True, window=20))
    assert box.take(None) == [Acknowledged(1), Acknowledged(2), Disconnected(), Connected(True, 20)]
    box.put(Acknowledged(3))
    assert box.take(0.01) == [Acknowledged(3)]
    assert box.take(0.01) == []


def test_anything_else_wakes_at_once() -> None:
    box = Mailbox()
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.extend(box.take(None)))
    thread.start()
    box.put("stop")
    thread.join(20)
    assert taken == ["stop"]
