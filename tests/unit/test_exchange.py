import threading
import time

import numpy as np

from edge.camera.port import Frame
from edge.clock import Instant
from edge.exchange import LYING, SMALL_BYTES, CameraStopped, FrameExchange

PIXELS = np.zeros((2, 2, 3), np.uint8)


def frame(camera: str, number: int) -> Frame:
    return Frame(camera, number, PIXELS, Instant(0, 0))


def test_the_newest_frame_wins_and_drops_are_counted() -> None:
    exchange = FrameExchange(["a"])
    for number in range(5):
        exchange.offer(frame("a", number), wait=False)
    taken = exchange.take()
    assert isinstance(taken, Frame)
    assert taken.sequence == 4
    assert exchange.dropped == 4


def test_a_waiting_camera_loses_nothing() -> None:
    exchange = FrameExchange(["a"])

    def offer() -> None:
        for number in range(50):
            exchange.offer(frame("a", number), wait=True)
        exchange.camera_stopped("a", for_good=True)

    thread = threading.Thread(target=offer)
    thread.start()
    taken = []
    while isinstance(item := exchange.take(), Frame):
        taken.append(item.sequence)
    thread.join()
    assert taken == list(range(50))
    assert item == CameraStopped("a")
    assert exchange.take() is None
    assert exchange.dropped == 0


def test_a_fast_camera_does_not_starve_another() -> None:
    exchange = FrameExchange(["fast", "slow"])
    exchange.offer(frame("slow", 0), wait=False)
    taken = []
    for number in range(3):
        exchange.offer(frame("fast", number), wait=False)
        item = exchange.take()
        assert isinstance(item, Frame)
        taken.append(item.camera)
    assert "slow" in taken[:2]


def test_close_frees_everybody() -> None:
    exchange = FrameExchange(["a"])
    for number in range(LYING):
        exchange.offer(frame("a", number), wait=True)
    offering = threading.Thread(target=exchange.offer, args=(frame("a", 1),), kwargs={"wait": True})
    offering.start()
    time.sleep(0.05)
    exchange.close()
    offering.join(5)
    assert not offering.is_alive()
    assert exchange.take() is None


def test_a_camera_that_comes_back_goes_on() -> None:
    exchange = FrameExchange(["a"])
    exchange.camera_stopped("a", for_good=False)
    assert exchange.take() == CameraStopped("a")
    exchange.offer(frame("a", 0), wait=False)
    assert isinstance(exchange.take(), Frame)


def test_one_large_photograph_lies_ready_and_no_more() -> None:
    exchange = FrameExchange(["a"])
    large = np.zeros((SMALL_BYTES // 3000 + 1, 1000, 3), np.uint8)
    exchange.offer(Frame("a", 0, large, Instant(0.0, 0.0)), wait=True)
    second = Frame("a", 1, large, Instant(0.0, 0.0))
    offering = threading.Thread(target=exchange.offer, args=(second,), kwargs={"wait": True})
    offering.start()
    offering.join(0.2)
    assert offering.is_alive(), "a second one found room"
    assert isinstance(exchange.take(), Frame)
    offering.join(5)
    assert exchange.take() is second
