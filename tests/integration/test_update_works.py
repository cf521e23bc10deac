"""Updates as background work: when they run, that each is tried once, and what is asked for by whom."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import pytest

from edge.clock import read_boot_id
from edge.config import Config, Update
from edge.errors import UpdateError
from edge.testing.clock import SimulatedClock
from edge.testing.work import WorkDriver
from edge.update import progress, works
from edge.update.progress import Standing
from edge.update.works import CHECK, INSTALL, install_chain, requests_of, settle, update_actions
from edge.work.client import WorkClient
from edge.work.registry import Registry
from edge.work.request import OneTimeWork
from edge.work.states import WorkState
from tests.bundles import Maker, offer, stand_in

REAL = shutil.which("rauc")
pytestmark = pytest.mark.skipif(REAL is None, reason="needs rauc (scripts/setup --dev installs it)")
SYSTEMCTL = """#!/bin/sh
echo "$*" >>{folder}/asked
"""


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def newer(maker: Maker) -> Path:
    return maker.bundle("newer", "1.2.0")


@pytest.fixture
def card(maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it stands what was installed and asked of the service manager."""
    folder = stand_in(tmp_path / "bin", REAL or "rauc")
    (folder / "systemctl").write_text(SYSTEMCTL.format(folder=folder))
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(works, "this_system", maker.system)
    return folder


@pytest.fixture
def section(newer: Path, tmp_path: Path) -> Update:
    return Update(source=str(offer(tmp_path / "stick", [(newer, "1.2.0")])))


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkDriver]:
    registry = Registry()
    registry.add_module(works)
    clock = SimulatedClock(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
    monkeypatch.setattr(works, "WorkClient", partial(WorkClient, clock=clock))
    made = WorkDriver(tmp_path / "data", registry, clock=clock)
    yield made
    made.close()


def asked(card: Path) -> list[str]:
    return (card / "asked").read_text().splitlines() if (card / "asked").exists() else []


def standing(driver: WorkDriver) -> Standing:
    return progress.load(driver.folder)


def test_it_is_installed_when_the_device_can_afford_it_and_the_device_restarts_once(
    driver: WorkDriver, section: Update, card: Path
) -> None:
    driver.set_device(power={"source": "battery", "battery_low": True})
    install, restart = driver.enqueue(install_chain(section, by_itself=False), name=INSTALL).ids
    assert "mains power" in driver.verdict(install).words
    assert "a battery that is not low" in driver.verdict(install).words
    assert not (card / "installed").exists()
    driver.set_device()
    assert [driver.get(each).state for each in (install, restart)] == [WorkState.SUCCEEDED] * 2
    assert driver.get(install).output == {"version": "1.2.0"}
    assert asked(card) == ["--no-block reboot"]
    assert standing(driver).is_waiting
    # The restart's own result was lost with the power: it is run again, by the system that came up.
    progress.save(driver.folder, msgspec.structs.replace(standing(driver), boot_id="the start before"))
    before = asked(card)
    driver.enqueue(OneTimeWork("update-restart"))
    assert asked(card) == before


def test_by_itself_only_in_its_hours(driver: WorkDriver, section: Update, card: Path) -> None:
    install = driver.enqueue(install_chain(section, by_itself=True), name=INSTALL).ids[0]
    assert "quiet hours" in driver.verdict(install).words
    driver.advance(13 * 3600)  # one at night
    assert driver.get(install).state is WorkState.ENQUEUED
    driver.advance(3600)
    assert driver.get(install).state is WorkState.SUCCEEDED
    assert asked(card) == ["--no-block reboot"]


def test_a_source_elsewhere_waits_for_a_network_that_costs_nothing(driver: WorkDriver, card: Path) -> None:
    driver.set_device(network={"metered": True})
    section = Update(source="https://localhost:1/edge")
    install = driver.enqueue(install_chain(section, by_itself=False), name=INSTALL).ids[0]
    assert "an unmetered network: this one is metered" in driver.verdict(install).words
    driver.set_device()
    work = driver.get(install)
    assert (work.state, work.attempts) == (WorkState.ENQUEUED, 1)  # it may come back: tried again, five times in all
    assert "refused" in standing(driver).error


def test_a_bundle_that_is_refused_is_not_tried_again(
    driver: WorkDriver, maker: Maker, card: Path, tmp_path: Path
) -> None:
    toaster = maker.bundle("toaster-disguised", "3.0", compatible="toaster")
    section = Update(source=str(offer(tmp_path / "bad", [(toaster, "3.0")])))
    install, restart = driver.enqueue(install_chain(section, by_itself=False), name=INSTALL).ids
    assert driver.get(install).state is WorkState.FAILED
    assert driver.get(restart).state is WorkState.FAILED
    assert "for 'toaster'" in standing(driver).error
    assert asked(card) == []


@pytest.mark.parametrize(
    ("install", "given_up", "is_asked_for"), [("ask", (), False), ("auto", (), True), ("auto", ("1.2.0",), False)]
)
def test_what_looking_for_one_leads_to(
    driver: WorkDriver, section: Update, card: Path, install: str, given_up: tuple[str, ...], is_asked_for: bool
) -> None:
    progress.save(driver.folder, Standing(given_up=given_up))
    request = requests_of(msgspec.structs.replace(section, install=install))[CHECK]  # type: ignore[arg-type]
    look = driver.enqueue(request, name=CHECK).ids[0]
    assert driver.get(look).output == {}
    driver.advance(works.FIRST_S)
    assert driver.get(look).output == {"version": "1.2.0"}
    assert standing(driver).latest == "1.2.0"
    found = driver.store.find("name", INSTALL)
    assert bool(found) is is_asked_for
    if found:
        assert "quiet hours" in driver.verdict(found[0].id).words
    assert not (card / "installed").exists()


def test_a_device_without_slots_says_so(
    driver: WorkDriver, section: Update, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise UpdateError("no slots for updates")

    monkeypatch.setattr(works, "this_system", none)
    install = driver.enqueue(install_chain(section, by_itself=False), name=INSTALL).ids[0]
    assert driver.get(install).state is WorkState.FAILED
    assert (standing(driver).phase, "no slots" in standing(driver).error) == ("failed", True)


def test_asked_for_while_a_version_is_on_trial_it_stays_so(
    driver: WorkDriver, section: Update, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(works, "installed_version", lambda: works.this_system().version)
    tried = Standing(phase="installed", version=works.installed_version(), boot_id="the start before")
    progress.save(driver.folder, tried)
    install = driver.enqueue(install_chain(section, by_itself=False), name=INSTALL).ids[0]
    driver.advance(3600)
    assert driver.get(install).state is not WorkState.SUCCEEDED
    assert "on trial" in driver.get(install).message
    assert standing(driver) == tried


def test_without_a_source_nothing_is_offered(tmp_path: Path, section: Update) -> None:
    assert requests_of(Config().update) == {}
    assert update_actions(Config().update, tmp_path) == []
    actions = {action.name: action for action in update_actions(section, tmp_path)}
    assert {name: action.permission for name, action in actions.items()} == {
        "check-for-update": "operate",
        "install-update": "admin",
    }


def test_a_start_settles_what_the_one_before_left(tmp_path: Path) -> None:
    progress.save(tmp_path, Standing(phase="installed", version="99.0", boot_id="another"))
    settle(tmp_path)
    assert (progress.load(tmp_path).phase, progress.load(tmp_path).given_up) == ("failed", ("99.0",))
    progress.save(tmp_path, Standing(phase="installing", version="99.0", boot_id=read_boot_id()))
    settle(tmp_path)
    assert progress.load(tmp_path).phase == "installing"
