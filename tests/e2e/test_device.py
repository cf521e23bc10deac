"""The daemon tells over MQTT how the device is, and `edge device` shows it."""

import json
import signal
from pathlib import Path
from typing import Any

from edge.demo.broker import Broker
from edge.mqtt.subscriber import Subscriber
from tests.device_nut import nut
from tests.support import Collector, edge, start_edge, until, write_pictures


def write_config(folder: Path, base_dir: Path, broker: Broker, ups: str) -> Path:
    write_pictures(folder / "inbox", 1)
    (folder / "edge.toml").write_text(
        f"""
        [device]
        id = "box"
        [paths]
        data = "{folder / "data"}"
        models = "{base_dir / "models"}"
        [mqtt]
        host = "{broker.host}"
        port = {broker.port}
        [[camera]]
        name = "inbox"
        source = "folder:{folder / "inbox"}"
        [power]
        nut = "{ups}"
        [limits]
        poll_s = 0.2
        settle_s = 0.2
        """
    )
    return folder / "edge.toml"


def test_power_over_mqtt(tmp_path: Path, base_dir: Path, broker: Broker) -> None:
    collector = Collector()

    def supply() -> dict[str, Any]:
        payload = collector.last("edge/box/state/power/supply")
        return json.loads(payload) if payload else {}

    with nut(tmp_path / "nut") as ups, Subscriber(broker.host, broker.port, ["edge/#"], collector):
        config = write_config(tmp_path, base_dir, broker, f"dummy@127.0.0.1:{ups.port}")
        program = start_edge("run", "--config", config, log=tmp_path / "log")
        try:
            until(lambda: supply().get("state") == "running", 40, "mains")
            ups.becomes("OB DISCHRG", 41)
            until(lambda: supply().get("cause", "").endswith(", 41 %"), 20, "battery")
            assert supply()["state"] == "degraded"
            assert supply()["cause"].startswith("on battery since ")
            ups.driver.kill()
            # The server may first list a UPS without a status; another cause is told 10 s later.
            until(lambda: "ERR DRIVER-NOT-CONNECTED" in supply()["cause"], 40, "the end of the driver")
            assert supply()["state"] == "failed"
        finally:
            program.send_signal(signal.SIGTERM)
            assert program.wait(30) == 0
        shown = json.loads(edge("device", "--config", config, "--json", check=True).stdout)
    assert shown["state"]["power"]["source"] == "unknown"
    (status,) = [source for source in shown["sources"] if source["name"] == "nut"]
    assert "ERR DRIVER-NOT-CONNECTED" in status["problem"]
    assert status["age_s"] < 10


def test_each_source_its_value_and_its_age(tmp_path: Path) -> None:
    printed = edge("device", "--data", tmp_path, check=True).stdout
    assert printed.splitlines()[0].split() == ["facet", "source", "age", "value"]
    assert " GB free" in printed
