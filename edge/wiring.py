"""The composition root: from a configuration to an appliance. The only file that names concrete adapters."""

import logging
import platform
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from edge import __version__
from edge.actions.performer import Performer
from edge.actions.standard import Rooms, standard_actions
from edge.buttons.build import Board
from edge.buttons.gpio import open_pins
from edge.buttons.light import Facts
from edge.camera.lit import LitCamera, OpenLight
from edge.camera.opening import make_camera, silence_limit_s
from edge.camera.port import Camera
from edge.camera.restarts import GuardedCamera, Restarts
from edge.camera.watch import CameraWatch
from edge.clips.room import ClipRoom
from edge.clock import SystemClock
from edge.config import Camera as CameraSection
from edge.config import Config, Tracking, split_address
from edge.device.finding import make_monitor
from edge.device.idleness import Idleness
from edge.device.monitor import Monitor
from edge.device.port import SourceError
from edge.device.reporting import report_conditions
from edge.device.synchronised import is_synchronised, read_synchronised
from edge.errors import CameraBlockedError, ConfigError
from edge.events.arming import Arming, Period
from edge.events.housekeeping import Housekeeper
from edge.events.keeper import Keeper
from edge.events.lifecycle import LifeCycle, Outcome
from edge.events.looks import LookThread
from edge.events.message import notice_message, state_message
from edge.events.rules import check_rules, rules_of
from edge.events.tracks import TrackSettings
from edge.events.wall_clock import WallClock
from edge.health import TROUBLE, Condition, Health
from edge.identity import device_id
from edge.ids import IdSource
from edge.motion.gate import Gate
from edge.mqtt.bound import Unsent
from edge.mqtt.messages import Versions
from edge.mqtt.sender import Sender
from edge.mqtt.summary import Figures, Sources
from edge.mqtt.tree import Tree
from edge.pipeline import Pipeline
from edge.polygons import Polygon
from edge.recognition import edgetpu, tflite
from edge.recognition.accelerators import AbsentError, find_edgetpus
from edge.recognition.failover import FailoverDetector
from edge.recognition.port import Detector
from edge.recognition.runtime import runtime_name
from edge.recognition.second_look import SecondLook
from edge.runtime import Appliance, Background, Fatal
from edge.store.clips import ClipStore
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Message
from edge.store.stills import StillLedger
from edge.store.switches import SwitchStore
from edge.watchdog import Watchdog
from edge.web.port import Rooms as PageRooms

if TYPE_CHECKING:
    from edge.web.server import Server

log = logging.getLogger(__name__)


def build(config: Config, *, once: bool = False) -> Appliance:
    """Wire everything; nothing runs yet. The caller holds the lock of the data folder.

    Args:
        once: one pass of what the cameras have now.

    Raises:
        EdgeError: the configuration cannot be served: no camera, model missing or damaged, data folder unusable …
    """
    if not config.camera:
        raise ConfigError("no camera is configured", hint="add a [[camera]] table; see docs/configuration.md")
    data_dir = config.data_dir
    device = config.device.id or device_id(data_dir)
    clock, fatal, ledger = SystemClock(), Fatal(), StillLedger(data_dir)
    health = Health(clock)
    detector = make_detector(config, health, fatal)
    second_look = SecondLook(config.second_look, detector.labels, config.models_dir)
    looks = LookThread(second_look, fatal) if config.second_look else None
    sender = Sender(data_dir, config.mqtt, device, fatal, health) if config.mqtt.host else None
    outbox = sender or Unsent(data_dir, config.mqtt.outbox_max_bytes, health, fatal)
    pictures = PictureFolder(data_dir)

    def show(message: Message) -> None:
        if showcase is not None:
            showcase.put(message)

    wall = WallClock(clock, is_synchronised, device, outbox.wake)
    housekeeper = Housekeeper(
        data_dir, device, config.retention, config.card, clock, health, pictures, show, fatal, correct=wall.correct_kept
    )
    keeper = Keeper(
        data_dir,
        device,
        config.pictures,
        outbox.wake,
        fatal,
        trouble=housekeeper.trouble,
        folder=pictures,
        mark=wall.mark,
    )

    def publish(condition: Condition) -> None:
        if condition.is_news:
            keeper.submit_message(notice_message(condition, device, clock.boot_id))
        show(state_message(condition, device, clock.boot_id))

    def figures() -> Figures:
        done = pipeline.stats
        return Figures(
            done.frames, done.dropped, done.infer_s, keeper.events, keeper.pictures, keeper.lost, keeper.waiting
        )

    idleness = Idleness(clock, config.limits.idle_after_s)
    monitor = make_monitor(config, clock, lambda: open_pins(config.gpio.driver), idle=idleness)
    showcase = None
    if sender is not None:
        sources = Sources(
            device=device,
            cameras=[section.name for section in config.camera],
            versions=_versions(config),
            conditions=health.conditions,
            figures=figures,
            device_state=monitor.current,
        )
        showcase = Tree(config, data_dir, sender, sources, clock, fatal).showcase
        keeper.listen(showcase.committed)
    health.listen(publish)
    restarts = Restarts(data_dir, clock)

    def blocked(error: CameraBlockedError) -> None:
        restarts.record(error.camera)
        fatal(error)

    watch = CameraWatch(
        health, blocked, stall_after_s={section.name: silence_limit_s(section) for section in config.camera}
    )
    ids = IdSource(clock, after=_newest_id(config))
    board = Board(config, health)
    switch = board.privacy_light()
    light = OpenLight(switch) if switch is not None else None
    arming = Arming([Period.of(section) for section in config.schedule], SwitchStore(data_dir), clock_is_right)
    clips = ClipRoom(config, data_dir, device, clock, ids.next, keeper.submit_record, health, fatal, arming.armed)

    def camera(section: CameraSection) -> Camera:
        made = make_camera(section, clock, ledger, once=once, tap=clips.tap(section))
        lit = LitCamera(made, light) if light is not None else made
        return clips.recorded(section, GuardedCamera(lit, restarts))

    life_cycle = life_cycles(config, detector, arming, clock.boot_id, ids.next, looks)
    pipeline = Pipeline(
        [camera(section) for section in config.camera],
        detector,
        life_cycle,
        clips.listening(_touching(idleness, keeper.submit)),
        fatal,
        health,
        watch=watch,
        retry=not once,
        looks=looks,
        gates=gates_of(config, health),
    )
    performer = Performer(
        standard_actions(
            Rooms(
                clock=clock,
                cameras=[section.name for section in config.camera],
                newest=pipeline.newest,
                keep=keeper.keep,
                new_id=ids.next,
                conditions=health.conditions,
                end=lambda: appliance.restart(),
            )
        ),
        data_dir,
        clock,
        fatal,
        asked=idleness.touch,
    )
    page_rooms = PageRooms(
        device=device,
        version=__version__,
        detector=detector.name,
        data_dir=data_dir,
        clock=clock,
        cameras=[section.name for section in config.camera],
        newest=pipeline.newest,
        conditions=health.conditions,
        stats=pipeline.stats,
        actions=performer.actions,
        ask=performer.ask,
    )
    page = make_page(config, page_rooms, health, keeper) if config.web.host else None
    appliance = Appliance(
        data_dir=data_dir,
        device=device,
        detector=detector,
        keeper=keeper,
        housekeeper=housekeeper,
        sender=sender,
        pipeline=pipeline,
        ledger=ledger,
        fatal=fatal,
        health=health,
        watchdog=Watchdog(),
        performer=performer,
        panel=board.panel(performer, lambda: facts_of(health.conditions()), fatal),
        board=board,
        page=page,
        showcase=showcase,
        background=_background(monitor, health, once=once),
        clips=clips,
    )
    return appliance


def _background(monitor: Monitor, health: Health, *, once: bool) -> Sequence[Background]:
    """What lives in the loop; one pass needs none of it."""
    return () if once else (monitor.run, lambda: report_conditions(monitor, health))


def _touching(idleness: Idleness, submit: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
    """What is seen ends idleness."""

    def touch_and_submit(outcome: Outcome) -> None:
        if outcome.changes:
            idleness.touch()
        submit(outcome)

    return touch_and_submit


def gates_of(config: Config, health: Health) -> dict[str, Gate]:
    """By camera."""
    return {section.name: make_gate(config, section, health) for section in config.camera if is_gated(config, section)}


def is_gated(config: Config, section: CameraSection) -> bool:
    """Stored pictures have nothing to do with each other: nothing moves in them."""
    return config.motion.enabled and section.motion and split_address(section.source)[0] != "folder"


def make_gate(config: Config, section: CameraSection, health: Health) -> Gate:
    """The gate of one camera; its motion is a state like others."""

    def tell(moves: bool) -> None:
        health.report("motion", section.name, "moving" if moves else "still")

    tell(False)
    return Gate(config.motion, [Polygon(points) for points in section.motion_masks], tell)


def life_cycles(
    config: Config,
    detector: Detector,
    arming: Arming,
    boot_id: str,
    new_id: Callable[[], str],
    looks: LookThread | None,
) -> Callable[[str], LifeCycle]:
    """Makes the life-cycle of the camera of that name.

    Raises:
        ConfigError: a zone, line or filter names a label that the detector does not have.
    """
    check_rules(config, detector.labels)
    settings = track_settings(config.tracking)

    def made(name: str) -> LifeCycle:
        rules = rules_of(config, name, partial(arming.armed, name))
        return LifeCycle(name, boot_id, settings, detector.threshold_of, new_id, looks, rules)

    return made


def clock_is_right() -> bool:
    """Where the kernel does not say so, it may be wrong."""
    try:
        return bool(read_synchronised().synchronised)
    except SourceError:
        return False


def track_settings(section: Tracking) -> TrackSettings:
    return TrackSettings(section.min_frames, section.lost_after_s, section.still_after_s, section.still_lost_after_s)


def make_detector(config: Config, health: Health, fatal: Fatal) -> Detector:
    """On the CPU, or on the Edge TPU with the CPU standing by.

    Raises:
        EdgeError: no such model, its file is missing or damaged, or it is wanted on the Edge TPU and has no twin.
    """
    settings = config.detector
    standby = tflite.load(
        settings.model,
        config.models_dir,
        threads=settings.threads,
        keep_score=config.tracking.keep_score,
        thresholds=settings.thresholds,
        only=settings.labels,
    )
    if settings.accelerator == "edgetpu":
        edgetpu.require_twin(settings.model, config.models_dir)
    elif settings.accelerator == "cpu" or not edgetpu.has_twin(settings.model, config.models_dir):
        return standby

    def make() -> Detector:
        if settings.accelerator == "auto" and not find_edgetpus():
            raise AbsentError("no Edge TPU is plugged in")
        return edgetpu.load(
            settings.model,
            config.models_dir,
            standby.labels,
            library=settings.edgetpu_library,
            options=settings.edgetpu_options,
            timeout_s=settings.edgetpu_timeout_s,
            keep_score=config.tracking.keep_score,
            thresholds=settings.thresholds,
            only=settings.labels,
        )

    return FailoverDetector(standby, make, name="edgetpu", health=health, failed=fatal)


def _newest_id(config: Config) -> str:
    store, clips = EventStore(config.data_dir), ClipStore(config.data_dir)
    try:
        return max(store.newest_id(), clips.newest_id())
    finally:
        store.close()
        clips.close()


def make_page(config: Config, rooms: PageRooms, health: Health, keeper: Keeper) -> "Server | None":
    """None where its libraries are missing: the rest goes on, and the state says so."""
    try:
        from edge.web.server import Server
    except ImportError as error:
        cause = f"{error} (install the extra `web`: pip install 'edge-appliance[web]')"
        health.report("page", "web", "absent", cause)
        log.warning("page left out error=%s", cause)
        return None
    page = Server(rooms, config.web)
    keeper.listen(page.committed)
    return page


def facts_of(conditions: list[Condition]) -> Facts:
    """What the light says of the device."""
    cameras = [each.state for each in conditions if each.part == "camera"]
    others = [each.state for each in conditions if each.part != "camera"]
    return Facts(
        started=bool(cameras),
        failed=any(state in ("failed", "stalled") for state in cameras) or "failed" in others,
        degraded=any(state in TROUBLE for state in others),
    )


def _versions(config: Config) -> Versions:
    return Versions(
        program=__version__, python=platform.python_version(), model=config.detector.model, runtime=runtime_name()
    )
