"""Is this machine fit to run the appliance? Each check looks at one thing and says what it found and what to do about it."""

from collections.abc import Callable, Iterator

from edge.doctor import broker, card, device, machine, recognition, running
from edge.doctor.port import Finding, Patient, from_error
from edge.errors import EdgeError

__all__ = ["CHECKS", "Finding", "Patient", "examine"]

CHECKS: tuple[Callable[[Patient], Iterator[Finding]], ...] = (
    machine.system,
    machine.hardware,
    machine.memory,
    recognition.runtime,
    recognition.model,
    recognition.video,
    recognition.accelerator,
    recognition.delegate,
    device.sources,
    device.unasked,
    device.supply,
    card.data,
    card.errors,
    card.wear,
    card.speed,
    card.partitions,
    running.pins,
    broker.broker,
    running.units,
    running.owner,
    running.update,
    running.program,
)
"""In the order in which they are told; what a later one needs is checked by an earlier one."""


def examine(patient: Patient) -> Iterator[Finding]:
    """Run every check. Takes seconds; findings come as they are made."""
    for check in CHECKS:
        try:
            yield from check(patient)
        except (EdgeError, OSError) as error:  # the others are worth knowing too
            yield from_error("fail", check.__name__, error)
