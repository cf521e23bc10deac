"""Every room of the appliance, made when it is first asked for."""

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge import __version__, reset
from edge.actions.performer import Performer
from edge.actions.standard import Rooms, standard_actions
from edge.appliance.vital import vital_action
from edge.backup.status import status_of
from edge.backup.target import is_set_up
from edge.buttons.gpio import open_pins
from edge.buttons.light import Facts
from edge.camera.opening import make_camera, silence_limit_s
from edge.camera.port import Camera
from edge.camera.restarts import GuardedCamera, Restarts
from edge.camera.watch import CameraWatch
from edge.chores.device import Rooms as ChoreRooms
from edge.chores.room import WorkRoom, pruning
from edge.clips.room import ClipRoom
from edge.clock import Instant, SystemClock
from edge.config import Camera as CameraSection
from edge.config import Config
from edge.device.finding import make_monitor
from edge.device.idleness import Idleness
from edge.device.monitor import Monitor
from edge.device.reporting import report_conditions
from edge.device.synchronised import is_synchronised
from edge.errors import CameraBlockedError
from edge.events.arming import Arming, Period
from edge.events.housekeeping import Housekeeper
from edge.events.keeper import Keeper
from edge.events.looks import LookThread
from edge.events.message import notice_message, state_message
from edge.events.toggle import Toggle
from edge.events.wall_clock import WallClock
from edge.health import Condition, Health
from edge.identity import device_id
from edge.ids import IdSource
from edge.mqtt.bound import Unsent
from edge.mqtt.entities import titled
from edge.mqtt.frigate import FrigateEvents
from edge.mqtt.sender import Sender
from edge.mqtt.summary import Figures, Sources
from edge.mqtt.switches import Switch, arming_switch, output_switch, recording_switch
from edge.mqtt.tree import Tree
from edge.pipeline import Pipeline
from edge.recognition.port import Detector
from edge.recognition.second_look import SecondLook
from edge.rules.build import rules_from
from edge.rules.room import RuleRoom
from edge.runtime import Appliance, Background, Fatal
from edge.store.clips import ClipStore
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Message
from edge.store.stills import StillLedger
from edge.store.switches import SwitchStore
from edge.update.works import update_actions
from edge.watchdog import Watchdog
from edge.web.pairing import Pairing
from edge.web.port import Rooms as PageRooms
from edge.wiring.asking import bring_back, cancel_work, favour, run_work
from edge.wiring.checking import check_config
from edge.wiring.joints import Busy, facts_of, last_stop, report_problems, told_of_works, touching, versions_of
from edge.wiring.page import make_page, of_works_on
from edge.wiring.recognition import make_detector
from edge.wiring.scenes import gates_of, life_cycles
from edge.wiring.touch import Touch

if TYPE_CHECKING:
    from edge.web.server import Server


class House:
    """Wires the rooms of one appliance. Each is made once, by whoever needs it first, with all that it needs itself."""

    def __init__(self, config: Config, *, once: bool, config_file: Path | None) -> None:
        self._config = config
        self._config_file = config_file
        self._once = once
        self._data_dir = config.data_dir
        self._clock = SystemClock()
        self._fatal = Fatal()
        self._health = Health(self._clock)
        self._busy = Busy()
        self._pairing = Pairing(self._clock)

    @cached_property
    def appliance(self) -> Appliance:
        made = Appliance(
            data_dir=self._data_dir,
            device=self._device,
            detector=self._detector,
            keeper=self._keeper,
            housekeeper=self._housekeeper,
            outbox=self._outbox,
            pipeline=self._pipeline,
            ledger=self._ledger,
            fatal=self._fatal,
            health=self._health,
            watchdog=Watchdog(),
            performer=self._performer,
            panel=self._touch.board.panel(self._performer, self._device, self._facts, self._fatal, self._pairing.press),
            board=self._touch.board,
            inputs=self._touch.inputs,
            outputs=self._touch.outputs,
            rules=self._rules,
            page=self._page,
            tree=self._tree,
            background=self._background,
            clips=self._clips,
        )
        # Only now: a room that says how it is while it is being made must not have others made on the way.
        self._health.listen(self._publish)
        report_problems(self._data_dir, self._health)
        for condition in self._health.conditions():
            self._publish(condition)
        return made

    @cached_property
    def _device(self) -> str:
        return self._config.device.id or device_id(self._data_dir)

    @cached_property
    def _ids(self) -> IdSource:
        store, clips = EventStore(self._data_dir), ClipStore(self._data_dir)
        try:
            return IdSource(self._clock, after=max(store.newest_id(), clips.newest_id()))
        finally:
            store.close()
            clips.close()

    # --- what sees

    @property
    def _cameras(self) -> list[str]:
        return [section.name for section in self._config.camera]

    @cached_property
    def _detector(self) -> Detector:
        return make_detector(self._config, self._health, self._fatal)

    @cached_property
    def _looks(self) -> LookThread | None:
        second_look = SecondLook(self._config.second_look, self._detector.labels, self._config.models_dir)
        return LookThread(second_look, self._fatal) if self._config.second_look else None

    @cached_property
    def _ledger(self) -> StillLedger:
        return StillLedger(self._data_dir)

    @cached_property
    def _restarts(self) -> Restarts:
        return Restarts(self._data_dir, self._clock)

    @cached_property
    def _watch(self) -> CameraWatch:
        def blocked(error: CameraBlockedError) -> None:
            self._restarts.record(error.camera)
            self._fatal(error)

        limits = {section.name: silence_limit_s(section) for section in self._config.camera}
        return CameraWatch(self._health, blocked, stall_after_s=limits)

    def _camera(self, section: CameraSection) -> Camera:
        made = make_camera(section, self._clock, self._ledger, once=self._once, tap=self._clips.tap(section))
        return self._clips.recorded(section, GuardedCamera(self._touch.lit(made), self._restarts))

    @cached_property
    def _pipeline(self) -> Pipeline:
        config = self._config
        return Pipeline(
            [self._camera(section) for section in config.camera],
            self._detector,
            life_cycles(config, self._detector, self._arming, self._clock.boot_id, self._ids.next, self._looks),
            self._clips.listening(touching(self._idleness, self._keeper.submit)),
            self._fatal,
            self._health,
            watch=self._watch,
            retry=not self._once,
            looks=self._looks,
            gates=gates_of(config, self._health, self._touch.awake),
        )

    @cached_property
    def _arming(self) -> Arming:
        periods = [Period.of(section) for section in self._config.schedule]
        return Arming(
            periods, SwitchStore(self._data_dir), lambda: self._is_synchronised() is True, self._clock.boot_id
        )

    def _is_synchronised(self) -> bool | None:
        """Whether the wall clock is right; None: nobody can tell."""
        return True if self._config.workers.trust_clock else is_synchronised()

    # --- what keeps

    @cached_property
    def _pictures(self) -> PictureFolder:
        return PictureFolder(self._data_dir)

    @cached_property
    def _wall(self) -> WallClock:
        return WallClock(self._clock, self._is_synchronised, self._device, self._outbox.wake)

    @cached_property
    def _housekeeper(self) -> Housekeeper:
        config = self._config
        return Housekeeper(
            self._data_dir,
            self._device,
            config.retention,
            config.card,
            self._clock,
            self._health,
            self._pictures,
            self._show,
            self._fatal,
            today=self._wall.today,
            correct=self._correct_kept,
            protect_unsecured=is_set_up(self._data_dir),
        )

    def _correct_kept(self, store: EventStore) -> int:
        """What was kept before the clock was set."""
        self._arming.correct(self._clock.now())
        return self._wall.correct_kept(store)

    @cached_property
    def _keeper(self) -> Keeper:
        return Keeper(
            self._data_dir,
            self._device,
            self._config.pictures,
            self._outbox.wake,
            self._fatal,
            trouble=self._housekeeper.trouble,
            folder=self._pictures,
            mark=self._wall.mark,
            also=FrigateEvents(self._config.mqtt.frigate_prefix) if self._config.mqtt.frigate_prefix else None,
        )

    @cached_property
    def _recording(self) -> Toggle:
        return Toggle("recording", SwitchStore(self._data_dir))

    def _may_record(self, camera: str, at: Instant) -> bool:
        return self._recording.on and self._arming.armed(camera, at)

    @cached_property
    def _clips(self) -> ClipRoom:
        return ClipRoom(
            self._config,
            self._data_dir,
            self._device,
            self._clock,
            self._ids.next,
            self._keeper.submit_record,
            self._health,
            self._fatal,
            self._may_record,
        )

    # --- what tells

    @cached_property
    def _sender(self) -> Sender | None:
        mqtt = self._config.mqtt
        return Sender(self._data_dir, mqtt, self._device, self._fatal, self._health) if mqtt.host else None

    @cached_property
    def _outbox(self) -> Sender | Unsent:
        bytes_ = self._config.mqtt.outbox_max_bytes
        return self._sender or Unsent(self._data_dir, bytes_, self._health, self._fatal)

    @cached_property
    def _tree(self) -> Tree | None:
        if self._sender is None:
            return None
        sources = Sources(
            device=self._device,
            cameras=self._cameras,
            versions=versions_of(self._config.detector.model),
            conditions=self._health.conditions,
            figures=self._figures,
            armed=self._armed_at_all,
            device_state=self._monitor.current,
        )
        tree = Tree(self._config, self._data_dir, self._sender, sources, self._clock, self._fatal)
        tree.serve(self._performer, self._switches(), self._ids)
        self._keeper.listen(tree.showcase.committed)
        self._arming.listen(tree.showcase.poke)
        self._recording.listen(tree.showcase.poke)
        self._touch.outputs.listen(tree.showcase.poke)
        return tree

    def _switches(self) -> list[Switch]:
        recording = [recording_switch(lambda: self._recording.on)] if self._clips.recorder.cameras else []
        return [
            arming_switch("armed", "Armed", "", lambda: self._armed_at_all("")),
            *recording,
            *(
                output_switch(name, titled(name), partial(self._touch.outputs.is_on, name))
                for name in self._touch.outputs.there
            ),
            *(
                arming_switch(f"camera-{name}", f"{titled(name)} active", name, partial(self._arming.switched_on, name))
                for name in self._cameras
            ),
        ]

    def _figures(self) -> Figures:
        done, keeper = self._pipeline.stats, self._keeper
        return Figures(
            done.frames, done.dropped, done.infer_s, keeper.events, keeper.pictures, keeper.lost, keeper.waiting
        )

    def _show(self, message: Message) -> None:
        if self._tree is not None:
            self._tree.showcase.put(message)

    def _publish(self, condition: Condition) -> None:
        if condition.is_news:
            self._keeper.submit_message(notice_message(condition, self._device, self._clock.boot_id))
        self._show(state_message(condition, self._device, self._clock.boot_id))

    # --- what is asked

    @cached_property
    def _idleness(self) -> Idleness:
        return Idleness(self._clock, self._config.limits.idle_after_s)

    @cached_property
    def _performer(self) -> Performer:
        rooms = Rooms(
            device=self._device,
            clock=self._clock,
            cameras=self._cameras,
            newest=self._pipeline.newest,
            keep=self._keeper.keep,
            new_id=self._ids.next,
            conditions=self._health.conditions,
            armed=self._armed,
            arm=self._arm,
            record=lambda on: self._recording.set(on, self._clock.now()),
            clip=self._clips.recorder.trigger,
            favour=partial(favour, self._data_dir),
            run_work=partial(run_work, self._data_dir),
            bring_back=partial(bring_back, self._data_dir, self._config.backup),
            backup_status=partial(status_of, self._data_dir),
            cancel_work=partial(cancel_work, self._data_dir),
            end=lambda: self.appliance.restart(),
            rest=lambda: self.appliance.rest(),
            erase=partial(reset.ask, self._data_dir),
        )
        vital = vital_action(self._config, self._health.conditions, self._pipeline)
        updating = update_actions(self._config.update, self._data_dir)
        actions = [*standard_actions(rooms), *self._touch.outputs.actions(), vital, *updating]
        return Performer(actions, self._data_dir, self._clock, self._fatal, asked=self._idleness.touch)

    def _armed(self, camera: str) -> bool:
        return self._arming.armed(camera, self._clock.now())

    def _armed_at_all(self, camera: str) -> bool:
        """Of a camera; of the device for an empty name: at least one camera."""
        return any(self._armed(name) for name in ([camera] if camera else self._cameras))

    def _arm(self, on: bool, camera: str | None) -> None:
        self._arming.set(on, self._clock.now(), camera)

    @cached_property
    def _touch(self) -> Touch:
        parts = self._config, self._health, self._clock, self._fatal
        return Touch(*parts, lambda: self._performer, lambda camera: self._pipeline.newest(camera))

    @cached_property
    def _rules(self) -> RuleRoom | None:
        rules = rules_from(self._config, self._performer.actions, self._detector.labels)
        if not rules:
            return None
        ask, publish, armed = self._performer.ask, self._keeper.submit_message, self._arming.armed
        room = RuleRoom(rules, self._device, ask, publish, armed, self._clock, self._health, self._fatal)
        self._keeper.listen(room.committed)
        return room

    def _facts(self) -> Facts:
        return facts_of(
            self._health.conditions(), armed=self._armed_at_all(""), busy=self._busy.now, pairing=self._pairing.waiting
        )

    @cached_property
    def _page(self) -> "Server | None":
        page = make_page(self._config.web, self._page_rooms, self._health)
        if page is not None:
            self._keeper.listen(page.committed)
        return page

    def _page_rooms(self) -> PageRooms:
        return PageRooms(
            device=self._device,
            version=__version__,
            detector=self._detector.name,
            data_dir=self._data_dir,
            config=self._config,
            clock=self._clock,
            cameras=self._cameras,
            labels=self._detector.labels,
            newest=self._pipeline.newest,
            scene=self._pipeline.scene,
            conditions=self._health.conditions,
            armed=self._armed,
            works=lambda: self._work.work.infos("all"),
            device_state=self._monitor.current,
            stats=self._pipeline.stats,
            actions=self._performer.actions,
            ask=self._performer.ask,
            config_file=self._config_file,
            check=check_config,
            owing_s=lambda: self._pipeline.owing_s,
            report=partial(self._health.report, "page", "web"),
            pairing=self._pairing if self._config.button else None,
        )

    # --- what lives in the loop

    @cached_property
    def _monitor(self) -> Monitor:
        config = self._config
        return make_monitor(config, self._clock, lambda: open_pins(config.gpio.driver), idle=self._idleness)

    @property
    def _background(self) -> Sequence[Background]:
        """One pass needs none of it."""
        if self._once:
            return ()
        always = (self._monitor.run, lambda: report_conditions(self._monitor, self._health), self._work.run)
        return *always, *last_stop(self._config.power.stop_after_s, self._monitor, self._performer)

    @cached_property
    def _work(self) -> WorkRoom:
        rooms = ChoreRooms(
            clock=self._clock,
            cameras=self._cameras,
            newest=self._pipeline.newest,
            conditions=self._health.conditions,
            device_state=self._monitor.current,
            publish=self._keeper.submit_message,
            today=self._wall.today,
            prune=pruning(self._data_dir, self._config, self._pictures),
        )
        return WorkRoom(
            self._config,
            self._device,
            self._monitor,
            rooms,
            self._health,
            changed=self._outbox.wake,
            told=told_of_works(self._data_dir, self._device, self._show, self._busy, of_works_on(lambda: self._page)),
        )
