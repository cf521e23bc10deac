import msgspec
import pytest

from edge.demo.printer import Printer
from edge.events.message import EventMessage
from edge.mqtt.subscriber import Received


def message(kind: str, revision: int, sub_label: str | None) -> Received:
    event = EventMessage(
        type=kind, id="a", revision=revision, device="d", camera="yard", label="Dog", score=0.87, box=(0.4, 0.4, 0.6, 0.6),
        started_at="2026-11-21T05:06:56.204Z", seen_at="2026-11-21T05:06:57.204Z", ended_at=None,
        end_reason="left" if kind == "ended" else None, source=None, picture=None, boot_id="b", started_boot_s=1.0, sub_label=sub_label,
    )  # type: ignore[arg-type]  # fmt: skip
    return Received("edge/d/events", msgspec.json.encode(event), False)


def test_a_sub_label_is_printed_behind_its_label(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(colour=False)
    printer.on_message(message("started", 1, None))
    printer.on_message(message("updated", 2, "beagle"))
    printer.on_message(message("ended", 3, "beagle"))
    started, updated, ended = capsys.readouterr().out.splitlines()
    assert "▶ Dog           87%" in started
    assert "▷ Dog (beagle)  87%  updated" in updated
    assert "■ Dog (beagle)  87%  gone after 1.0 s" in ended
    assert printer.labels == {"Dog": 1}, "one event, however many messages"
