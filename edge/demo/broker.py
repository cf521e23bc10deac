"""A mosquitto of our own: a plain child process on the loopback interface, with its own configuration and folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.errors import MqttError
from edge.files import make_folder

HOST = "127.0.0.1"
START_S = 10.0
STOP_S = 5.0

CONFIGURATION = """\
listener {port} {host}
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
max_queued_messages 0
set_tcp_nodelay true
log_dest file {folder}/mosquitto.log
{user}
"""


class Broker:
    """Runs while it is entered; open to everybody on this machine and to nobody else.

    Args:
        folder: its configuration, log and kept messages.
        port: 0 takes a free one.
        configuration: of mosquitto, with places for port, host, folder and user.

    Raises:
        MqttError: on entering: mosquitto is not installed, the port is taken, or it does not start.
    """

    host = HOST

    def __init__(self, folder: Path, port: int = 0, configuration: str = CONFIGURATION) -> None:
        self._folder = folder.resolve()
        self.port = port or free_port()
        self._configuration = configuration
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
        if program is None:
            raise MqttError("mosquitto is not installed", hint="sudo apt-get install mosquitto")
        if _answers(self.port):
            raise MqttError(
                f"{HOST}:{self.port}: the port is in use",
                hint="choose another with --port, or leave --port out for a free one",
            )
        make_folder(self._folder)
        path = self._folder / "mosquitto.conf"
        user = "user root" if os.geteuid() == 0 else ""
        path.write_text(
            self._configuration.format(port=self.port, host=HOST, folder=self._folder, user=user), encoding="utf-8"
        )
        command = [program, "-c", str(path)]
        if setpriv := shutil.which("setpriv"):  # so that it does not outlive us when we are killed
            command = [setpriv, "--pdeathsig", "TERM", *command]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + START_S
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self.kill()
                raise MqttError(
                    f"mosquitto does not start on {HOST}:{self.port}", hint=f"see {self._folder / 'mosquitto.log'}"
                )
            time.sleep(0.02)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
