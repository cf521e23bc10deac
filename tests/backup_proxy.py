"""A line between a backup and its server that can be slow, go silent, or break."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK_BYTES = 16_384


class Line:
    """Passes everything on, both ways. `bytes_per_s`: of what goes up, 0: no limit. After `silent_after` bytes that went up nothing passes
    any more; after `broken_after` all connections end, and none is taken. 0: never."""

    def __init__(self, port: int, *, bytes_per_s: int = 0, silent_after: int = 0, broken_after: int = 0) -> None:
        self._server = port
        self._bytes_per_s = bytes_per_s
        self._silent_after = silent_after
        self._broken_after = broken_after
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.up_bytes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # A thread in accept() holds the socket open: it has to be woken.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._ends.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
            except OSError:
                return
            with self._lock:
                self._ends += [client, server]
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                if up:
                    self.up_bytes += len(chunk)
                    time.sleep(len(chunk) / self._bytes_per_s if self._bytes_per_s else 0)
                if self._silent_after and self.up_bytes > self._silent_after:
                    continue
                if self._broken_after and self.up_bytes > self._broken_after:
                    self.close()
                    return
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)


@contextmanager
def line(port: int, *, bytes_per_s: int = 0, silent_after: int = 0, broken_after: int = 0) -> Iterator[Line]:
    made = Line(port, bytes_per_s=bytes_per_s, silent_after=silent_after, broken_after=broken_after)
    try:
        yield made
    finally:
        made.close()
