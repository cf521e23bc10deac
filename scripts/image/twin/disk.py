"""A disk that loses power: what was written and not flushed may be gone, any part of it, as on a card.

An NBD server for the emulator. Killing the emulator alone keeps all that the host's cache took; here unflushed writes stay in memory, and a
cut keeps an arbitrary part of them, in units of a page.
"""

import random
import socket
import struct
import threading
from pathlib import Path
from typing import NamedTuple

PAGE_BYTES = 4096
HELLO = b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3)
OPTION, REPLY = b"IHAVEOPT", 0x3E889045565A9
ABORT, INFO, GO = 2, 6, 7
ACK, IS_INFO, UNSUPPORTED = 1, 3, 0x80000001
FLAGS = 1 | 4 | 8
"""It flushes, and takes writes that are to be durable at once."""
REQUEST, ANSWER = 0x25609513, 0x67446698
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
FUA = 1
INVALID = 22


class _Request(NamedTuple):
    flags: int
    kind: int
    handle: int
    offset: int
    length: int


class LosingDisk:
    """Serves an image on a Unix socket. One client at a time, served in a thread of its own.

    Args:
        image: raw; its size is the disk's.
    """

    def __init__(self, image: Path, address: Path) -> None:
        self._file = image.open("r+b", buffering=0)
        self._size = image.stat().st_size
        self._unflushed: dict[int, bytes] = {}
        self._lock = threading.Lock()
        address.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(address))
        self._listener.listen(1)
        self.drive = f"driver=raw,file.driver=nbd,file.server.type=unix,file.server.path={address},cache.direct=off,cache.no-flush=off"
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def unflushed_bytes(self) -> int:
        with self._lock:
            return len(self._unflushed) * PAGE_BYTES

    def cut(self, chance: random.Random) -> tuple[int, int]:
        """Power is lost: of what was not flushed an arbitrary part is on the disk.

        Returns:
            Pages kept and pages lost.
        """
        with self._lock:
            share = chance.random()
            kept = [page for page in self._unflushed if chance.random() < share]
            for page in kept:
                self._file.seek(page * PAGE_BYTES)
                self._file.write(self._unflushed[page])
            lost = len(self._unflushed) - len(kept)
            self._unflushed.clear()
            return len(kept), lost

    def close(self) -> None:
        """In order: everything that was written is there."""
        self._listener.close()
        self._flush()
        self._file.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            with client:
                try:
                    if self._agree(client):
                        self._answer_all(client)
                except (OSError, EOFError):
                    pass  # the emulator is gone: that is what this is for

    def _agree(self, client: socket.socket) -> bool:
        """The handshake, as far as the emulator goes."""
        client.sendall(HELLO)
        _take(client, 4)
        while True:
            magic, option, length = struct.unpack(">8sII", _take(client, 16))
            _take(client, length)
            if magic != OPTION or option == ABORT:
                return False
            if option not in (INFO, GO):
                client.sendall(struct.pack(">QIII", REPLY, option, UNSUPPORTED, 0))
                continue
            client.sendall(struct.pack(">QIII", REPLY, option, IS_INFO, 12) + struct.pack(">HQH", 0, self._size, FLAGS))
            client.sendall(struct.pack(">QIII", REPLY, option, ACK, 0))
            if option == GO:
                return True

    def _answer_all(self, client: socket.socket) -> None:
        while True:
            magic, *fields = struct.unpack(">IHHQQI", _take(client, 28))
            request = _Request(*fields)
            if magic != REQUEST or request.kind == DISCONNECT:
                return
            error, data = self._do(request, _take(client, request.length) if request.kind == WRITE else b"")
            client.sendall(struct.pack(">IIQ", ANSWER, error, request.handle) + data)

    def _do(self, request: _Request, data: bytes) -> tuple[int, bytes]:
        with self._lock:
            if request.kind == READ:
                return 0, self._read(request.offset, request.length)
            if request.kind == WRITE:
                self._write(request.offset, data)
                if request.flags & FUA:
                    self._flush_pages(
                        range(request.offset // PAGE_BYTES, (request.offset + len(data) - 1) // PAGE_BYTES + 1)
                    )
                return 0, b""
            if request.kind == FLUSH:
                self._flush_pages(list(self._unflushed))
                return 0, b""
        return INVALID, b""

    def _flush(self) -> None:
        with self._lock:
            self._flush_pages(list(self._unflushed))

    def _flush_pages(self, pages: "range | list[int]") -> None:
        for page in pages:
            if page in self._unflushed:
                self._file.seek(page * PAGE_BYTES)
                self._file.write(self._unflushed.pop(page))

    def _read(self, offset: int, length: int) -> bytes:
        first, last = offset // PAGE_BYTES, (offset + length - 1) // PAGE_BYTES
        self._file.seek(first * PAGE_BYTES)
        found = bytearray(self._file.read((last - first + 1) * PAGE_BYTES))
        for page in self._unflushed.keys() & set(range(first, last + 1)):
            found[(page - first) * PAGE_BYTES : (page - first + 1) * PAGE_BYTES] = self._unflushed[page]
        start = offset - first * PAGE_BYTES
        return bytes(found[start : start + length])

    def _write(self, offset: int, data: bytes) -> None:
        first, last = offset // PAGE_BYTES, (offset + len(data) - 1) // PAGE_BYTES
        whole = bytearray(self._read(first * PAGE_BYTES, (last - first + 1) * PAGE_BYTES))
        start = offset - first * PAGE_BYTES
        whole[start : start + len(data)] = data
        for page in range(first, last + 1):
            self._unflushed[page] = bytes(whole[(page - first) * PAGE_BYTES : (page - first + 1) * PAGE_BYTES])


def _take(client: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = client.recv(length - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
