"""The disk that loses power: what was flushed is there, what was not may be there in part."""

import contextlib
import random
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.image.twin import disk
from scripts.image.twin.disk import PAGE_BYTES, LosingDisk

PAGES = 64


class Client:
    """As the emulator speaks."""

    def __init__(self, address: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(address))
        assert self._take(18)[:16] == b"NBDMAGICIHAVEOPT"
        self._socket.sendall(
            struct.pack(">I", 3) + b"IHAVEOPT" + struct.pack(">II", disk.GO, 6) + struct.pack(">IH", 0, 0)
        )
        _, _, kind, length = struct.unpack(">QIII", self._take(20))
        assert kind == disk.IS_INFO
        self.size = struct.unpack(">HQH", self._take(length))[1]
        self._take(20)

    def do(self, kind: int, offset: int = 0, data: bytes = b"", length: int = 0, flags: int = 0) -> bytes:
        length = len(data) or length
        self._socket.sendall(struct.pack(">IHHQQI", disk.REQUEST, flags, kind, 7, offset, length) + data)
        magic, error, handle = struct.unpack(">IIQ", self._take(16))
        assert (magic, error, handle) == (disk.ANSWER, 0, 7)
        return self._take(length) if kind == disk.READ else b""

    def close(self) -> None:
        self._socket.close()

    def _take(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            data += self._socket.recv(length - len(data))
        return data


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(b"o" * PAGES * PAGE_BYTES)
    return path


@pytest.fixture
def served(image: Path, tmp_path: Path) -> Iterator[tuple[LosingDisk, Client]]:
    losing = LosingDisk(image, tmp_path / "s")
    client = Client(tmp_path / "s")
    with contextlib.closing(losing), contextlib.closing(client):
        yield losing, client


def page(image: Path, number: int) -> bytes:
    content = image.read_bytes()[number * PAGE_BYTES : (number + 1) * PAGE_BYTES]
    assert len(set(content)) == 1, "a page is never torn"
    return content[:1]


def test_what_was_written_is_read(served: tuple[LosingDisk, Client]) -> None:
    _, client = served
    assert client.size == PAGES * PAGE_BYTES
    client.do(disk.WRITE, PAGE_BYTES - 3, b"abcdef")
    assert client.do(disk.READ, PAGE_BYTES - 4, length=8) == b"oabcdefo"


def test_flushed_and_durable_writes_outlive_a_cut(served: tuple[LosingDisk, Client], image: Path) -> None:
    losing, client = served
    client.do(disk.WRITE, 0, b"f" * PAGE_BYTES)
    client.do(disk.FLUSH)
    client.do(disk.WRITE, PAGE_BYTES, b"d" * PAGE_BYTES, flags=disk.FUA)
    client.do(disk.WRITE, 2 * PAGE_BYTES, b"u" * PAGE_BYTES)
    for seed in range(20):
        losing.cut(random.Random(seed))
    assert (page(image, 0), page(image, 1)) == (b"f", b"d")


def test_of_what_was_not_flushed_a_part_is_lost(served: tuple[LosingDisk, Client], image: Path) -> None:
    losing, client = served
    for number in range(PAGES):
        client.do(disk.WRITE, number * PAGE_BYTES, b"u" * PAGE_BYTES)
    assert losing.unflushed_bytes == PAGES * PAGE_BYTES
    kept, lost = losing.cut(random.Random(3))
    assert kept + lost == PAGES
    assert kept
    assert lost
    assert [page(image, number) for number in range(PAGES)].count(b"u") == kept
    assert client.do(disk.READ, 0, length=PAGE_BYTES) == image.read_bytes()[:PAGE_BYTES]


@pytest.mark.skipif(shutil.which("qemu-io") is None, reason="qemu-utils is not installed")
def test_the_emulators_own_client_agrees(image: Path, tmp_path: Path) -> None:
    with contextlib.closing(LosingDisk(image, tmp_path / "s")):
        commands = ["-c", "write -P 0x41 4096 8192", "-c", "read -P 0x41 4096 8192", "-c", "flush"]
        address = f"nbd+unix:///?socket={tmp_path}/s"
        done = subprocess.run(["qemu-io", "-f", "raw", *commands, address], capture_output=True, text=True, check=True)
        assert "wrote 8192/8192" in done.stdout
        assert "failed" not in done.stdout
    assert page(image, 1) == b"A"
