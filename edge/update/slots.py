"""The two slots of the card: which runs, which is meant to, and the one try that an update has.

A device without slots (an existing system with the package, a Pi that cannot try) has one that is always good.
"""

import re
from pathlib import Path
from typing import Literal

import msgspec

from edge.errors import UpdateError
from edge.files import make_folder, make_folder_of, write_durably
from edge.update import autoboot
from edge.update.autoboot import Autoboot

Slot = Literal["A", "B"]
Goodness = Literal["good", "bad"]
PARTITIONS: dict[Slot, int] = {"A": 2, "B": 3}
OTHER: dict[Slot, Slot] = {"A": "B", "B": "A"}
STATES_FILE = "slots.json"
CMDLINE, REBOOT_PARAM = Path("/proc/cmdline"), Path("/run/systemd/reboot-param")
TRYBOOT = "0 tryboot"
"""What the Pi's firmware takes as the wish to try; systemd hands it over with the next orderly restart."""


class Slots:
    """Args:
    boot: the partition with `autoboot.txt`.
    data_dir: keeps which slot is known to be bad.

    Raises (all methods):
        UpdateError: `autoboot.txt` or the folder cannot be read or written.
    """

    def __init__(
        self, boot: Path, data_dir: Path, *, cmdline: Path = CMDLINE, reboot_param: Path = REBOOT_PARAM
    ) -> None:
        self._boot = boot
        self._data_dir = data_dir
        self._states = data_dir / "update" / STATES_FILE
        self._cmdline = cmdline
        self._reboot_param = reboot_param

    @property
    def booted(self) -> Slot | None:
        """The slot that runs; None: this device has no slots."""
        try:
            found = re.search(r"\brauc\.slot=([AB])\b", self._cmdline.read_text(encoding="utf-8"))
        except OSError as error:
            raise UpdateError(f"{self._cmdline}: {error.strerror}", hint="run it on the device") from error
        return _slot(found[1]) if found else None

    @property
    def default(self) -> Slot:
        """The slot that every restart without a wish leads to."""
        return _slot_of(autoboot.read(self._boot).boot)

    @property
    def on_trial(self) -> bool:
        """This start is an update's one try: what restarts it, wanted or not, leads back to the old slot."""
        booted = self.booted
        return booted is not None and booted != self.default

    @property
    def armed(self) -> Slot | None:
        """The slot that the next orderly restart tries."""
        try:
            wish = self._reboot_param.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        return _slot_of(autoboot.read(self._boot).trial) if wish == TRYBOOT else None

    @property
    def primary(self) -> Slot:
        """What the next orderly restart leads to."""
        return self.armed or self.default

    def arm(self, slot: Slot) -> None:
        """Have the next orderly restart try `slot`; for the default: have it not try."""
        now = autoboot.read(self._boot)
        if _slot_of(now.boot) == slot:
            self._reboot_param.unlink(missing_ok=True)
            return
        autoboot.write(self._boot, Autoboot(now.boot, PARTITIONS[slot]))
        make_folder(self._reboot_param.parent)
        write_durably(self._reboot_param, f"{TRYBOOT}\n".encode())

    def commit(self) -> None:
        """What runs now is what every restart leads to from now on."""
        booted = self.booted
        if booted is not None and self.on_trial:
            autoboot.write(self._boot, Autoboot(PARTITIONS[booted], PARTITIONS[OTHER[booted]]))

    def state(self, slot: Slot) -> Goodness:
        return self._load().get(slot, "good")

    def mark(self, slot: Slot, goodness: Goodness) -> None:
        """Good, and on trial: it is committed. Bad, as RAUC calls a slot before it writes into it, is never the way back of a trial."""
        if goodness == "bad" and self.on_trial and slot == self.default:
            hint = "wait until the health check has decided: `edge update status`"
            raise UpdateError(f"slot {slot} is the way back while slot {self.booted} is on trial", hint=hint)
        self._save({**self._load(), slot: goodness})
        if goodness == "good" and slot == self.booted:
            self.commit()

    def _load(self) -> dict[Slot, Goodness]:
        try:
            return msgspec.json.decode(self._states.read_bytes(), type=dict[Slot, Goodness])
        except (FileNotFoundError, msgspec.MsgspecError):
            return {}

    def _save(self, states: dict[Slot, Goodness]) -> None:
        try:
            make_folder(self._data_dir)
            make_folder_of(self._data_dir, self._states.parent.name)
            write_durably(self._states, msgspec.json.encode(states))
        except OSError as error:
            raise UpdateError(f"{self._states}: {error.strerror}", hint="free some space") from error


def _slot(name: str) -> Slot:
    return "A" if name == "A" else "B"


def _slot_of(partition: int) -> Slot:
    for slot, number in PARTITIONS.items():
        if number == partition:
            return slot
    raise UpdateError(f"{autoboot.NAME}: partition {partition} is no slot", hint="2 is slot A, 3 is slot B")
