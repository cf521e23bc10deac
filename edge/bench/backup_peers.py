"""What a backup is measured beside: rclone with loose files, restic, and an S3 server of rclone's that tells what it was asked."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from edge.backup.target import Target, rclone_config, rclone_path
from edge.errors import BackupError

_ASKED = re.compile(rb"serve s3: [A-Z]{3,} [A-Z]")
"""A line of the server's log, one a request."""


class Loose:
    """The same pictures as loose files, by rclone's own commands, encrypted alike."""

    def __init__(self, pictures: Path, config: Path, target: Target) -> None:
        self._pictures = str(pictures)
        self._config = config
        config.write_text(rclone_config(target), encoding="utf-8")

    def copy(self) -> float:
        return self._run("copy", self._pictures, "edge:")

    def sync(self) -> float:
        return self._run("sync", self._pictures, "edge:")

    def copy_new(self, paths: Iterable[str]) -> float:
        """Of a client that knows what is new."""
        names = self._config.with_suffix(".names")
        names.write_text("".join(f"{path}\n" for path in paths), encoding="ascii")
        return self._run("copy", self._pictures, "edge:", "--files-from-raw", str(names), "--no-traverse")

    def copy_back(self, target: Path) -> float:
        return self._run("copy", "edge:", str(target))

    def _run(self, *words: str) -> float:
        return timed([rclone_path(), *words, "--config", str(self._config)])


class Restic:
    """restic, into a folder."""

    def __init__(self, pictures: Path, folder: Path) -> None:
        self._pictures = str(pictures)
        self._variables = {
            "RESTIC_REPOSITORY": str(folder / "repository"),
            "RESTIC_CACHE_DIR": str(folder / "cache"),
            "RESTIC_PASSWORD": "bench",
        }
        timed(["restic", "init", "--quiet"], self._variables)

    @staticmethod
    def is_installed() -> bool:
        return which("restic") is not None

    def backup(self) -> float:
        return timed(["restic", "backup", "--quiet", self._pictures], self._variables)


def timed(command: Sequence[str], variables: dict[str, str] | None = None) -> float:
    """Seconds, after everybody's writes are on the disk.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    os.sync()
    begin_s = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **(variables or {})})
    return time.perf_counter() - begin_s


class S3:
    """A server over a folder. `options`: of a remote that reaches it."""

    def __init__(self, address: str, log: Path) -> None:
        self._log = log
        self.options = {
            "type": "s3", "provider": "Rclone", "endpoint": f"http://{address}", "access_key_id": "bench",
            "secret_access_key": "benchbench", "region": "us-east-1", "force_path_style": "true",
        }  # fmt: skip

    def requests(self) -> int:
        """So far."""
        return len(_ASKED.findall(self._log.read_bytes()))


@contextmanager
def served_s3(folder: Path, *, tells: bool = False) -> Iterator[S3]:
    """
    Args:
        tells: what it is asked, which takes its time.
    """
    (folder / "bucket").mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [rclone_path(), "serve", "s3", str(folder), "--addr", address, "--auth-key", "bench,benchbench"]
    log = folder.with_suffix(".log")
    with log.open("wb") as file:
        server = subprocess.Popen(
            [*command, "--config", os.devnull, *(["-vv"] if tells else [])], stdout=file, stderr=file
        )
    try:
        _wait_for(address)
        yield S3(address, log)
    finally:
        server.kill()
        server.wait()


def _wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise BackupError("rclone serve s3 does not begin")
