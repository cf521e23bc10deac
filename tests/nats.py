"""A nats-server with JetStream and its MQTT listener, alone or in a cluster."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from edge.demo.broker import HOST, free_port

START_S = 20.0

CONFIGURATION = """\
server_name: {name}
host: {host}
port: {client}
jetstream {{ store_dir: "{folder}/js" }}
mqtt {{ host: {host}, port: {mqtt}, {mqtt_extra} }}
websocket {{ host: {host}, port: {websocket}, no_tls: true }}
{cluster}
"""


class Nats:
    """Runs while it is entered. `port` is that of MQTT."""

    host = HOST

    def __init__(self, folder: Path, name: str = "n1", *, cluster: str = "", mqtt_extra: str = "") -> None:
        self._folder = folder
        self.name = name
        self.port = free_port()
        self.websocket_port = free_port()
        self._configuration = CONFIGURATION.format(
            name=name,
            websocket=self.websocket_port,
            host=HOST,
            client=free_port(),
            folder=folder,
            mqtt=self.port,
            cluster=cluster,
            mqtt_extra=mqtt_extra,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        self.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        program = shutil.which("nats-server", path="/usr/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            pytest.skip("needs nats-server: scripts/setup --dev installs it")
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "nats.conf"
        path.write_text(self._configuration)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_ready(self) -> None:
        deadline_s = time.monotonic() + START_S
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline_s, (self._folder / "log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0
