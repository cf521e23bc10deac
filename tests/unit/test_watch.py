import threading
import time
from pathlib import Path

import pytest

from edge.camera.restarts import FILE, GuardedCamera, Restarts
from edge.camera.watch import CameraWatch, Pulse
from edge.clock import Instant, SystemClock
from edge.errors import CameraBlockedError, CameraError, CameraStalledError
from edge.health import Health
from edge.testing.camera import MemoryCamera
from edge.testing.clock import SimulatedClock


@pytest.fixture
def health() -> Health:
    return Health(SystemClock())


def states(health: Health) -> dict[str, str]:
    return {condition.name: condition.state for condition in health.conditions()}


def watched(health: Health, *, live: bool = True) -> tuple[CameraWatch, Pulse, list[CameraBlockedError]]:
    blocked: list[CameraBlockedError] = []
    watch = CameraWatch(health, blocked.append, stall_after_s={"door": 0.2}, blocked_after_s=0.2)
    return watch, watch.pulse("door", live=live), blocked


def test_silence_is_a_stall_and_the_capture_thread_is_asked_to_open_again(health: Health) -> None:
    watch, pulse, blocked = watched(health)
    pulse.opened()
    watch.look()
    pulse.check()
    assert states(health) == {}
    time.sleep(0.25)
    watch.look()
    assert states(health) == {"door": "stalled"}
    with pytest.raises(CameraStalledError, match=r"camera door: no frame for 0\.2 s, and no error"):
        pulse.check()
    pulse.opened()
    pulse.check()
    assert not blocked


def test_frames_keep_it_well_and_a_closed_camera_is_not_judged(health: Health) -> None:
    watch, pulse, _ = watched(health)
    pulse.opened()
    for _ in range(6):
        time.sleep(0.05)
        pulse.frame()
        watch.look()
    pulse.closed()
    time.sleep(0.25)
    watch.look()
    assert states(health) == {}


def test_a_gallery_may_be_silent_for_ever_but_not_block(health: Health) -> None:
    watch, pulse, blocked = watched(health, live=False)
    pulse.opened()
    time.sleep(0.25)
    watch.look()
    assert states(health) == {}
    with pulse.call("read"):
        time.sleep(0.25)
        watch.look()
        watch.look()
    assert states(health) == {"door": "failed"}
    assert [error.camera for error in blocked] == ["door"], "told once"
    assert "camera door: read has not returned for 0 s" in str(blocked[0])


def test_many_short_calls_are_no_block(health: Health) -> None:
    watch, pulse, blocked = watched(health, live=False)
    stop = threading.Event()

    def calls() -> None:
        while not stop.is_set():
            with pulse.call("read"):
                time.sleep(0.01)

    thread = threading.Thread(target=calls)
    thread.start()
    for _ in range(40):
        watch.look()
        time.sleep(0.01)
    stop.set()
    thread.join()
    assert not blocked


def test_three_restarts_within_an_hour_leave_a_camera_out_for_an_hour(tmp_path: Path) -> None:
    clock = SimulatedClock()
    restarts = Restarts(tmp_path / "data", clock)
    for minutes in (0, 1, 1):
        clock.advance(minutes * 60)
        assert restarts.left_out_s("door") == 0
        restarts.record("door")
    again = Restarts(tmp_path / "data", clock)
    assert again.left_out_s("door") == 3600
    assert again.left_out_s("street") == 0
    clock.advance(3599)
    assert again.left_out_s("door") == pytest.approx(1)
    clock.advance(1)
    assert again.left_out_s("door") == 0


def test_restarts_hours_apart_do_not_count_together(tmp_path: Path) -> None:
    clock = SimulatedClock()
    restarts = Restarts(tmp_path, clock)
    for _ in range(5):
        restarts.record("door")
        clock.advance(1801)
    assert restarts.left_out_s("door") == 0


def test_a_reboot_begins_anew_and_a_jumping_wall_clock_changes_nothing(tmp_path: Path) -> None:
    clock = SimulatedClock()
    restarts = Restarts(tmp_path, clock)
    for _ in range(3):
        restarts.record("door")
    clock.set_wall(5)
    assert restarts.left_out_s("door") == 3600
    assert Restarts(tmp_path, SimulatedClock(boot_id="next")).left_out_s("door") == 0


@pytest.mark.parametrize("content", [b"", b"no json", b'{"a": 1}', b"\xff\xfe"])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    restarts = Restarts(tmp_path, SimulatedClock())
    assert restarts.left_out_s("door") == 0
    restarts.record("door")
    assert b'"door"' in (tmp_path / FILE).read_bytes()


def test_a_guarded_camera_is_refused_with_its_cause_and_opens_later(tmp_path: Path) -> None:
    clock = SimulatedClock()
    restarts = Restarts(tmp_path, clock)
    camera = GuardedCamera(MemoryCamera("door", [], start=Instant(0, 0)), restarts)
    camera.open()
    for _ in range(3):
        restarts.record("door")
    with pytest.raises(CameraError, match=r"camera door: left out after it blocked the program 3 times .* in 60 min"):
        camera.open()
    clock.advance(3600)
    camera.open()
