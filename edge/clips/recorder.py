"""Records clips: waits for triggers, writes what the rings hold and what comes, and has it kept."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge import config
from edge.clips.episodes import Episode, Episodes, Span
from edge.clips.note import ClipNote
from edge.clips.packets import Packet
from edge.clips.recovery import recover
from edge.clips.ring import Ring
from edge.clips.writer import ClipWriter
from edge.clock import Clock, Instant
from edge.errors import ClipError
from edge.events.message import clip_message
from edge.events.port import Change, Outcome
from edge.health import Health
from edge.store.clips import ClipFolder, ClipStore
from edge.store.port import Clip, ClipTrigger, Record

log = logging.getLogger(__name__)

TICK_S = 0.5
SILENCE_S = 5.0
"""A clip whose end has passed so long ago without a picture has ended."""
LATE_S = 5.0
"""An event is known some seconds after it began: rings hold so much more than the seconds before it."""


@dataclass(slots=True, eq=False)
class _Recording:
    episode: Episode
    number: int
    """Of the first packet that has not been looked at, or was not wanted."""
    end_s: float = 0.0
    events: tuple[str, ...] = ()
    """These two as the episode had them when it was last looked at."""
    writer: ClipWriter | None = None
    last: Packet | None = None
    error: OSError | None = None


class Recorder:
    """Makes the clips of all cameras that have a ring.

    Args:
        rings: by camera.
        keep: takes the finished clip and its message to the database; may block.
        armed: cameras that it says no to record nothing.
        failed: called when the thread dies of something unforeseen.

    Thread: `on_outcome` and `trigger` any, they do not wait for the card; the rest the owner.
    """

    def __init__(
        self,
        data_dir: Path,
        device: str,
        settings: config.Clips,
        rings: Mapping[str, Ring],
        clock: Clock,
        new_id: Callable[[], str],
        keep: Callable[[Record], None],
        health: Health,
        failed: Callable[[BaseException], None],
        armed: Callable[[str, Instant], bool] = lambda camera, at: True,
    ) -> None:
        self._data_dir = data_dir
        self._folder = ClipFolder(data_dir)
        self._device = device
        self._labels = frozenset(settings.labels)
        self._rings = rings
        self._clock = clock
        self._new_id = new_id
        self._keep = keep
        self._health = health
        self._failed = failed
        self._armed = armed
        self._lock = threading.Lock()
        span = Span(settings.pre_s, settings.post_s, settings.max_s)
        self._episodes = {camera: Episodes(span) for camera in rings}
        self._recordings: dict[str, _Recording] = {}
        self._silent: set[str] = set()
        self._news = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self.clips = 0

    def start(self) -> None:
        """Begin; first of all finish what a killed program left."""
        self._thread.start()

    def on_outcome(self, outcome: Outcome) -> None:
        """Take what happened in a frame."""
        for change in outcome.changes:
            if change.event.camera in self._episodes and change.event.source is None:
                self._on_change(change, self._episodes[change.event.camera])

    @property
    def cameras(self) -> tuple[str, ...]:
        """Those that make clips."""
        return tuple(self._rings)

    def trigger(self, camera: str | None, trigger: ClipTrigger) -> tuple[str, ...]:
        """Record now, with the seconds before; the ids of the clips.

        Args:
            camera: None: all that are armed.

        Raises:
            ClipError: the camera makes no clips, or none does.
        """
        at = self._clock.now()
        cameras = [name for name in self._rings if camera in (None, name) and self._armed(name, at)]
        if not cameras:
            raise ClipError(
                f"{camera or 'any camera'}: cannot record now",
                hint="it is disarmed, recording is off, or it makes no clips: see docs/clips.md",
            )
        with self._lock:
            ids = tuple(self._episodes[name].want(trigger, at, self._new_id()).id for name in cameras)
        self._news.set()
        return ids

    def stop(self) -> None:
        """Finish the clips that are being recorded with what the cameras have given, then end."""
        self._stopping = True
        self._news.set()
        self._thread.join()

    def _on_change(self, change: Change, episodes: Episodes) -> None:
        event = change.event
        with self._lock:
            if change.kind == "ended":
                episodes.ended(event.id, event.seen.boot_s)
            elif change.kind == "started" and self._wants(event.label, event.camera, event.started):
                episodes.begun(event.id, event.started, self._new_id())
        self._news.set()

    def _wants(self, label: str, camera: str, at: Instant) -> bool:
        return (not self._labels or label in self._labels) and self._armed(camera, at)

    def _run(self) -> None:
        try:
            self._recover()
            while not self._stopping:
                self._news.wait(TICK_S if self._current() else None)
                self._news.clear()
                self._advance_all()
            self._advance_all()  # the last that the cameras gave
            for camera, recording in list(self._recordings.items()):
                self._finish(camera, recording)
        except BaseException as error:  # noqa: BLE001 - a thread that dies unseen is the worst of failures
            self._failed(error)

    def _recover(self) -> None:
        store = ClipStore(self._data_dir)
        try:
            for clip in recover(self._folder, store):
                self._keep(self._record(clip))
        finally:
            store.close()

    def _current(self) -> dict[str, Episode]:
        with self._lock:
            return {camera: each.current for camera, each in self._episodes.items() if each.current is not None}

    def _advance_all(self) -> None:
        for camera, episode in self._current().items():
            recording = self._recordings.get(camera)
            if recording is None:
                recording = _Recording(episode, self._rings[camera].begin(episode.begin_s))
                self._recordings[camera] = recording
            try:
                over = self._advance(camera, recording)
            except OSError as error:
                recording.error, over = error, True
            if over and self._release(camera, recording):
                self._finish(camera, recording)

    def _advance(self, camera: str, recording: _Recording) -> bool:
        """Write what has come; True when the clip is complete."""
        ring, episode = self._rings[camera], recording.episode
        running = ring.running  # before its packets are taken: none comes behind them then
        first, packets = ring.after(recording.number)
        if recording.last is not None and first > recording.number:
            log.warning("clip has a gap camera=%s clip=%s packets=%d", camera, episode.id, first - recording.number)
        if recording.last is None and packets and packets[-1].boot_s < episode.begin_s - SILENCE_S:
            first, packets = first + len(packets), []  # of a camera that has long been silent
        with self._lock:
            if recording.last is None and packets and packets[0].dts_s >= episode.end_s and episode.trigger != "track":
                self._episodes[camera].postpone(episode, packets[0].dts_s)
            recording.end_s, recording.events = episode.end_s, tuple(episode.events)
        wanted = self._wanted(recording, packets)
        recording.number = first + len(wanted)
        if wanted and recording.writer is None:
            recording.writer = self._open(camera, recording, wanted[0])
        if recording.writer is not None:
            recording.writer.link(recording.events)
            recording.writer.write(wanted)
        recording.last = wanted[-1] if wanted else recording.last
        silent = self._clock.now().boot_s > recording.end_s + SILENCE_S
        # A camera that has given nothing yet may only have begun, or be on its way back: the clip was promised.
        closed = not running and recording.last is not None
        return len(wanted) < len(packets) or closed or silent

    def _wanted(self, recording: _Recording, packets: list[Packet]) -> list[Packet]:
        """Those that go into the clip: up to its end, or to a change of format."""
        wanted = []
        format = recording.last.format if recording.last else packets[0].format if packets else None
        for packet in packets:
            if packet.dts_s >= recording.end_s or packet.format != format:
                break
            wanted.append(packet)
        return wanted

    def _open(self, camera: str, recording: _Recording, first: Packet) -> ClipWriter:
        episode = recording.episode
        note = ClipNote(
            id=episode.id,
            camera=camera,
            trigger=episode.trigger,
            started=episode.at.later(first.boot_s - episode.at.boot_s),
            boot_id=self._clock.boot_id,
            events=recording.events,
        )
        return ClipWriter(self._folder, note, first.format)

    def _release(self, camera: str, recording: _Recording) -> bool:
        """What happens from now on has a clip of its own. False: something happened while the card was slow, and this clip goes on."""
        episode = recording.episode
        with self._lock:
            changed = (episode.end_s, tuple(episode.events)) != (recording.end_s, recording.events)
            if changed and recording.error is None:
                return False
            self._episodes[camera].done(episode)
        return True

    def _finish(self, camera: str, recording: _Recording) -> None:
        del self._recordings[camera]
        clip, error = None, recording.error
        if recording.writer is not None:
            try:
                clip = recording.writer.finish()
                error = error or recording.writer.error
            except OSError as failure:
                error = failure
        if clip is not None:
            self.clips += 1
            self._keep(self._record(clip))
        if error is not None:
            self._tell_failure(camera, error)
        elif clip is not None:
            self._silent.discard(camera)
            self._health.report("clips", camera, "running")
        else:
            self._tell_silence(camera)

    def _record(self, clip: Clip) -> Record:
        return Record(messages=(clip_message(clip, self._device),), clip=clip)

    def _tell_silence(self, camera: str) -> None:
        """Once, until the camera gives something again."""
        if camera not in self._silent:
            self._silent.add(camera)
            log.warning("no clip, nothing that could be copied came camera=%s", camera)

    def _tell_failure(self, camera: str, error: OSError) -> None:
        self._health.report("clips", camera, "failed", f"clip cannot be written: {error.strerror} (free some space)")
        log.error("clip cannot be written camera=%s error=%s", camera, error)
