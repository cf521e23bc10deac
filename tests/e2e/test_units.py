"""The installed package in a root file system that the real systemd boots: the units start, hang, fail and stop as on a device."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.nspawn import BOOT_S, MAKING_S, NEEDS_MACHINE, PACKING_S, Layered, Machine, booted, debian_root
from tests.support import until

HANG_S = 100
"""WatchdogSec= of the unit, the end of the process, the next start."""
LIFE_S = 600
CONFIGURATION = """\
[[camera]]
name = "pictures"
source = "folder:/srv/pictures"
remember = false
[[camera]]
name = "pattern"
source = "test:"
fps = 5.0
[mqtt]
host = "127.0.0.1"
[web]
host = "127.0.0.1"
"""
BROKER = "listener 1883 127.0.0.1\nallow_anonymous true\n"
# Pictures that arrive until somebody who listens has heard of one.
NEW_PICTURES = """
mosquitto_sub -h 127.0.0.1 -t edge/+/events -C 1 -W 60 -F '%t %p' &
number=0
while kill -0 $! 2>/dev/null; do
  number=$((number + 1))
  new=/srv/pictures/new-$number.png
  cp /srv/pictures/chelsea.png "$new.tmp" && mv "$new.tmp" "$new"
  sleep 1
done
wait $!
"""
DEMO_FOLDER = """
install -d -o edge -g edge /var/lib/edge/trial
ln -s /usr/share/edge/models /var/lib/edge/trial/models
ln -s /srv/samples /var/lib/edge/trial/samples
"""
PASSWORD = "marmalade"
# A wrong password is an error.
LOG_IN = """
import sys, urllib.parse, urllib.request
form = urllib.parse.urlencode({"password": sys.argv[1]}).encode()
urllib.request.urlopen("http://127.0.0.1:8080/login", form, 60)
"""
LOGIND = "org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager"
EXPOSURE = 2.0
FAILING = """\
[Service]
RestartSec=0
RestartSteps=0
ExecStartPre=/bin/false
"""
ASKED_RESTARTS = 12
"""More than StartLimitBurst= of the unit."""
# In the program's place: ends so often to be started again, then for good.
ASKING = f"""\
[Service]
Type=exec
RestartSec=0
ExecStart=
ExecStart=/bin/sh -c 'echo >>asked; test $$(wc -l <asked) -gt {ASKED_RESTARTS} || exit 75'
"""
# The appliance's own sandbox around another command; setpriv, with which the demo ties its broker to itself, gives capabilities up.
TRIAL = """\
[Service]
Type=oneshot
Restart=no
RestartForceExitStatus=
WatchdogSec=0
SystemCallFilter=capset
ExecStart=
ExecStart={command}
StandardOutput=file:/run/trial.out
StandardError=journal
"""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(MAKING_S + PACKING_S + LIFE_S),
    *NEEDS_MACHINE,
]


@pytest.fixture
def installed(base_dir: Path, trixie_package: Path, samples: Path, tmp_path: Path) -> Layered:
    """The package of this checkout, installed; not booted yet."""
    layered = Layered(debian_root("trixie", base_dir), tmp_path)
    layered.install(trixie_package)
    layered.write("/etc/edge/edge.toml", CONFIGURATION)
    layered.write("/etc/mosquitto/conf.d/open.conf", BROKER)
    shutil.copytree(samples / "pictures", layered.written("/srv/pictures"))
    shutil.copytree(samples, layered.written("/srv/samples"))
    return layered


def test_the_units_live_as_on_a_device(installed: Layered, tmp_path: Path) -> None:
    with booted(installed, tmp_path / "first") as machine:
        machine.until_active("multi-user.target")
        units_are_right(machine)
        device = it_recognises_and_publishes(machine)
        the_sandbox_lets_it_work(machine)
        a_password_that_root_chooses_counts_at_once(machine)
        a_hang_is_ended(machine)
        an_exit_to_restart_is_none_that_failed(machine)
        restarts_that_are_asked_for_are_never_too_many(machine)
        a_wrong_configuration_is_a_fault_at_once(machine)
        what_fails_again_and_again_is_a_fault(machine)
        events = kept(machine)
        machine.stop()
        it_stopped_in_order(installed)
    with booted(installed, tmp_path / "second") as machine:
        machine.until_active("edge.service")
        assert it_recognises_and_publishes(machine) == device
        assert kept(machine) > events


def units_are_right(machine: Machine) -> None:
    assert machine.ask("systemctl", "--failed", "--quiet", "--plain", "--no-legend") == ""
    units = machine.ask(
        "sh", "-c", "ls /usr/lib/systemd/system/edge*.service /usr/lib/systemd/system/edge.target"
    ).split()
    done = machine.run("systemd-analyze", "verify", "--man=no", *units)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for unit in units:
        if unit.endswith(".service"):
            machine.ask("systemd-analyze", "security", f"--threshold={EXPOSURE * 10:.0f}", Path(unit).name)


def it_recognises_and_publishes(machine: Machine) -> str:
    """The device's id."""
    machine.until_active("edge.service")
    until(lambda: "2 cameras running" in machine.show("edge.service", "StatusText"), BOOT_S, "word of both cameras")
    topic, _, payload = machine.ask("sh", "-c", NEW_PICTURES).partition(" ")
    assert json.loads(payload)["label"]
    return topic.split("/")[1]


def the_sandbox_lets_it_work(machine: Machine) -> None:
    findings = json.loads(trial(machine, "/usr/bin/edge doctor --json"))["findings"]
    assert [each["level"] for each in findings if each["what"] in ("runtime", "model", "inference")] == ["ok"] * 3
    sources = json.loads(trial(machine, "/usr/bin/edge device --json"))["sources"]
    problems = {source["name"]: source["problem"] for source in sources}
    assert (problems["adjtimex"], problems["networkmanager"]) == ("", "")
    assert trial(machine, f"/usr/bin/busctl call {LOGIND} CanPowerOff") == 's "yes"'
    assert "rclone v" in trial(machine, "/usr/lib/edge-appliance/bin/rclone version")
    machine.ask("sh", "-c", DEMO_FOLDER)
    shown = trial(machine, "/usr/bin/edge demo --once --data /var/lib/edge/trial")
    assert re.search(r"messages +[1-9][0-9]* sent", shown), shown


def trial(machine: Machine, command: str) -> str:
    """What a command prints in the sandbox of edge.service."""
    unit = machine.ask("cat", "/usr/lib/systemd/system/edge.service")
    machine.write("/run/systemd/system/trial.service", unit.replace("OnFailure=", "#"))
    machine.write("/run/systemd/system/trial.service.d/trial.conf", TRIAL.format(command=command))
    machine.ask("sh", "-c", "rm -f /run/trial.out; systemctl daemon-reload")
    done = machine.run("systemctl", "start", "trial.service")
    log = machine.run("journalctl", "--unit=trial.service", "--no-pager", "--lines=20").stdout
    assert done.returncode == 0, f"{command}: {log}"
    return machine.ask("cat", "/run/trial.out")


def a_password_that_root_chooses_counts_at_once(machine: Machine) -> None:
    machine.ask("sh", "-c", f"echo {PASSWORD} | edge web password --stdin")
    machine.ask("python3", "-c", LOG_IN, PASSWORD)
    assert machine.ask("sh", "-c", "find /var/lib/edge -user root ! -type l") == ""


def a_hang_is_ended(machine: Machine) -> None:
    log = machine.ask("journalctl", "--unit=edge.service", "--no-pager", "--output=cat")
    assert machine.show("edge.service", "NRestarts") == "0", f"it has died before: {log}"
    hung = machine.show("edge.service", "MainPID")
    machine.ask("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "edge.service")
    until(lambda: machine.show("edge.service", "NRestarts") == "1", HANG_S, "the start after the hang")
    machine.until_active("edge.service")
    assert machine.show("edge.service", "MainPID") not in ("0", hung)
    log = machine.ask("journalctl", "--unit=edge.service", "--no-pager", "--output=cat")
    assert "Watchdog timeout" in log
    # Of a stopped process any thread may take the signal; where it is the runtime's own, Python calls no thread the current one.
    assert "most recent call first" in log, f"where it hung is not in the journal: {log}"
    no_fault_is_told(machine)


def an_exit_to_restart_is_none_that_failed(machine: Machine) -> None:
    before = machine.show("edge.service", "MainPID")
    machine.ask("edge", "ask", "restart")
    until(
        lambda: machine.show("edge.service", "MainPID") not in ("0", before), HANG_S, "the restart that was asked for"
    )
    machine.until_active("edge.service")
    no_fault_is_told(machine)


def restarts_that_are_asked_for_are_never_too_many(machine: Machine) -> None:
    with changed(machine, ASKING):
        until(lambda: asked(machine) > ASKED_RESTARTS or state(machine) == "failed", HANG_S, "the last start")
        until(lambda: state(machine) in ("inactive", "failed"), HANG_S, "its end")
        assert (state(machine), asked(machine)) == ("inactive", 1 + ASKED_RESTARTS)
        no_fault_is_told(machine)
    it_runs_again(machine)


def asked(machine: Machine) -> int:
    return int(machine.ask("sh", "-c", "wc -l </var/lib/edge/asked"))


def state(machine: Machine) -> str:
    return machine.show("edge.service", "ActiveState")


@contextmanager
def changed(machine: Machine, settings: str) -> Iterator[None]:
    """edge.service, started with other settings."""
    machine.write("/run/systemd/system/edge.service.d/changed.conf", settings)
    machine.ask("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "edge.service")
    try:
        yield
    finally:
        machine.ask("sh", "-c", "rm -r /run/systemd/system/edge.service.d; systemctl daemon-reload")
        machine.run("systemctl", "reset-failed", "edge.service")


def a_wrong_configuration_is_a_fault_at_once(machine: Machine) -> None:
    machine.ask("sh", "-c", "cp -p /etc/edge/edge.toml /run/right.toml; sed -i '1i detektor = 1' /etc/edge/edge.toml")
    assert machine.run("systemctl", "restart", "edge.service").returncode != 0
    machine.until_active("edge-fault.service")
    assert "did you mean 'detector'" in machine.ask("cat", "/var/lib/edge-fault/log")
    assert "does not run" in machine.ask("cat", "/run/issue.d/edge-fault.issue")
    machine.ask("cp", "-p", "/run/right.toml", "/etc/edge/edge.toml")
    it_runs_again(machine)


def what_fails_again_and_again_is_a_fault(machine: Machine) -> None:
    with changed(machine, FAILING):
        machine.until_active("edge-fault.service")
        assert machine.show("edge.service", "Result") in ("start-limit-hit", "exit-code")
        assert state(machine) == "failed"
    it_runs_again(machine)


def it_runs_again(machine: Machine) -> None:
    machine.ask("systemctl", "restart", "edge.service")
    no_fault_is_told(machine)


def no_fault_is_told(machine: Machine) -> None:
    assert machine.show("edge-fault.service", "ActiveState") == "inactive"
    assert machine.run("test", "-e", "/run/issue.d/edge-fault.issue").returncode != 0


def kept(machine: Machine) -> int:
    """How many events the device holds."""
    days = machine.ask("edge", "events", "days", "--json").splitlines()
    return sum(json.loads(day)["events"] for day in days)


def it_stopped_in_order(installed: Layered) -> None:
    assert installed.written("/var/lib/edge/lock").stat().st_size == 0, "it was cut off"
