"""The first boot, step by step, in seconds from power-on."""

import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from scripts.image.running import ImageError
from scripts.image.twin import firmware, owner
from scripts.image.twin.card import Card, stick
from scripts.image.twin.machine import Machine, power_on
from scripts.image.twin.shell import Shell

EDGE_TOML = """\
# As an owner would lay it onto the card.
[[camera]]
name = "inbox"
source = "folder:/var/lib/edge/inbox"
"""
INBOX = "/var/lib/edge/inbox"
PICTURES = ("chelsea.png", "coffee.png", "astronaut.png")
BOOT_S = 1800.0
"""On a busy host the emulation is that slow."""
VIVID_TOML = """\
[[camera]]
name = "vivid"
source = "v4l2:/dev/video0"
"""
"""The kernel's own virtual camera, by the driver of USB cameras."""
UNITS = (
    ("data partition grown", "systemd-growfs@data.service"),
    ("identity made (first boot)", "edge-first-boot.service"),
    ("own broker runs", "mosquitto.service"),
    ("program ready", "edge.service"),
    ("edge target reached", "edge.target"),
)


@dataclass(slots=True)
class Steps:
    """Seconds from power-on, printed as they come."""

    started_s: float
    rows: list[tuple[str, float]] = field(default_factory=list)

    def add(self, what: str, at_s: float) -> None:
        self.rows.append((what, at_s - self.started_s))
        sys.stdout.write(f"{at_s - self.started_s:8.1f} s  {what}\n")
        sys.stdout.flush()


def sample_stick(samples: Path, path: Path) -> str:
    """A stick with the sample pictures, as a drive."""
    found = {
        name: (samples / "pictures" / name).read_bytes() for name in PICTURES if (samples / "pictures" / name).exists()
    }
    if not found:
        raise ImageError(f"{samples}/pictures: no sample pictures", hint="scripts/setup fetches them")
    return f"file={stick(path, found)},format=raw,readonly=on"


def first_boot(card: Card, samples: Path, work: Path) -> Steps:
    """Power on a new card and follow it to its first published events and its page; then shut it down in order.

    Raises:
        ImageError: a step did not come.
    """
    card.write(card.layout.partitions[0], "edge.toml", EDGE_TOML.encode())
    drives = [f"file={card.path},format=raw,cache=writeback", sample_stick(samples, work / "stick.img")]
    with power_on(firmware.choose(card), work / "run", drives) as machine:
        steps = Steps(machine.started_s)
        shell = machine.shell()
        shell.wait(BOOT_S)
        steps.add("root shell of the test answers", time.monotonic())
        zero_s = kernel_zero(shell)
        steps.add("kernel started", zero_s)
        for what, unit in UNITS:
            steps.add(what, zero_s + active_since(shell, unit))
        check_system(shell)
        _recognised(machine, shell, steps)
        shell.send("systemctl poweroff")
        how = machine.wait(BOOT_S)
        steps.add(f"off in order ({how})", time.monotonic())
    if how != "guest-shutdown":
        raise ImageError(f"it did not shut down in order: {how}")
    return steps


def virtual_camera(card: Card, work: Path) -> None:
    """The driver of USB cameras reads the kernel's virtual one, under the real unit with all its protection.

    Raises:
        ImageError: no frames, or no results.
    """
    card.write(card.layout.partitions[0], "edge.toml", VIVID_TOML.encode())
    drive = f"file={card.path},format=raw,cache=writeback"
    with power_on(firmware.choose(card), work / "run", [drive], more="modules-load=vivid vivid.n_devs=1") as machine:
        shell = machine.shell()
        up(shell)
        sys.stdout.write(shell.run(f"edge health --wait {BOOT_S:.0f}", deadline_s=BOOT_S + 60) + "\n")
        shell.send("systemctl poweroff")
        machine.wait(BOOT_S)


def kernel_zero(shell: Shell) -> float:
    """When the kernel's clock began, on our monotonic clock."""
    uptime = float(shell.run("cut -d' ' -f1 /proc/uptime"))
    return time.monotonic() - uptime


def active_since(shell: Shell, unit: str, deadline_s: float = BOOT_S) -> float:
    """Seconds of the kernel's clock at which a unit became active; waits for it.

    Raises:
        ImageError: it failed, or did not become active.
    """
    # Beside other work the service manager does not always answer in time.
    script = (
        f"until systemctl is-active --quiet '{unit}'; do systemctl is-failed --quiet '{unit}' && break; sleep 1; done 2>/dev/null; "
        f"for p in ActiveState ActiveEnterTimestampMonotonic; do until systemctl show -P $p '{unit}' 2>/dev/null; do sleep 1; done; done"
    )
    found = re.search(r"([a-z]+)\n(\d+)$", shell.run(script, deadline_s=deadline_s))
    state, since = found.groups() if found else ("unknown", "0")
    if state != "active":
        said = shell.run(f"systemctl status --no-pager --lines=20 '{unit}'", check=False)
        raise ImageError(f"{unit}: {state}\n{said}")
    return int(since) / 1e6


def up(shell: Shell) -> None:
    """It has started, and the program is ready."""
    shell.wait(BOOT_S)
    active_since(shell, "edge.target")


def check_system(shell: Shell) -> None:
    """What has to hold of a system that came up.

    Raises:
        ImageError: it does not.
    """
    failed = shell.run("systemctl list-units --failed --plain --no-legend")
    if failed:
        raise ImageError(f"failed units: {failed}")
    mounts = shell.run("cat /proc/mounts")
    options = {line.split()[1]: line.split()[3].split(",") for line in mounts.splitlines()}
    if "ro" not in options["/"] or not re.search(r"^\S+ / erofs ", mounts, re.MULTILINE):
        raise ImageError(f"the root is not read-only: {options['/']}")
    if "rw" not in options["/data"] or "noatime" not in options["/data"]:
        raise ImageError(f"/data: {options['/data']}")
    if re.search(r"^\S+ /data tmpfs", mounts, re.MULTILINE):
        raise ImageError("the data partition was not used", hint="/run/edge-image/no-data says why")
    if shell.run("cat /proc/swaps").count("\n"):
        raise ImageError("there is swap")


def _recognised(machine: Machine, shell: Shell, steps: Steps) -> None:
    size = int(shell.run("df --output=size -B1 /data | tail -n 1"))
    steps.rows.append((f"/data has {size / 2**30:.1f} GiB", 0.0))
    welcome = owner.Welcome.read(shell.run("cat /bootcfg/edge-password.txt"))
    steps.add(
        "page answers with the password of first boot", owner.log_in(machine.ports.page, welcome.page_password, BOOT_S)
    )
    with owner.subscribed(machine.ports.broker, welcome) as inbox:
        lay_pictures(shell)
        for event, at_s in inbox.wait_for(len(PICTURES), BOOT_S):
            steps.add(f"published to its own broker: {event['label']} {event['score']:.0%} in {event['source']}", at_s)


def lay_pictures(shell: Shell) -> None:
    """From the stick to where the camera looks, each whole at once."""
    shell.run(
        f"mkdir -p /run/stick {INBOX} && mount -o ro /dev/vdb /run/stick && chown edge: {INBOX} && "
        f"for f in /run/stick/*; do n={INBOX}/${{f##*/}}; cp $f $n.part && chown edge: $n.part && mv $n.part $n; done; umount /run/stick"
    )
