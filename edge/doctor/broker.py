"""The broker, stage by stage, as `edge mqtt check` tries it."""

from collections.abc import Iterator

from edge.doctor.port import Finding, Patient, from_error
from edge.errors import EdgeError
from edge.identity import ID_FILE, device_id
from edge.mqtt.check import check


def broker(patient: Patient) -> Iterator[Finding]:
    config = patient.config
    if not config.mqtt.host:
        yield Finding(level="ok", what="broker", value="none is configured: events wait in the outbox")
        return
    known = (config.data_dir / ID_FILE).exists()
    try:
        device = config.device.id or (device_id(config.data_dir) if known else "doctor")
        stages = list(check(config.mqtt, device, config.homeassistant.discovery_prefix))
    except EdgeError as error:
        yield from_error("fail", "broker", error)
        return
    failed = [stage for stage in stages if not stage.ok]
    for stage in failed:
        remedy = "see `edge mqtt check` and docs/mqtt.md; events wait in the outbox meanwhile"
        yield Finding(level="warn", what="broker", value=f"{stage.name}: {stage.found}", remedy=remedy)
    if not failed:
        yield Finding(level="ok", what="broker", value=f"{config.mqtt.host}: login, publishing and receiving work")
