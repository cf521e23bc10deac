"""rclone's remote control, over the Unix socket of a running rclone: how far it is, how fast it may be, and its end."""

import json
import os
import socket
from pathlib import Path
from typing import Any, NamedTuple

TIMEOUT_S = 2.0


class Transfer(NamedTuple):
    """What has moved in one command."""

    done_bytes: int
    total_bytes: int
    bytes_per_s: float


class Rc:
    """Thread: any."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stats(self) -> Transfer | None:
        """None: it does not answer (any more, or yet)."""
        said = self._call("core/stats", {})
        if said is None:
            return None
        return Transfer(int(said.get("bytes", 0)), int(said.get("totalBytes", 0)), float(said.get("speed", 0.0)))

    def limit(self, kb_per_s: int) -> bool:
        """At once; 0: no limit."""
        return self._call("core/bwlimit", {"rate": f"{kb_per_s}k" if kb_per_s else "off"}) is not None

    def quit(self) -> bool:
        """It puts away what it has half done, and ends within two seconds."""
        return self._call("core/quit", {"exitCode": 130}) is not None

    def _call(self, command: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        import http.client  # it brings a megabyte along, and most commands end before they are asked

        connection = http.client.HTTPConnection("localhost", timeout=TIMEOUT_S)
        try:
            connection.sock = self._connected()
            headers = {"Content-Type": "application/json"}
            connection.request("POST", f"/{command}", json.dumps(arguments), headers)
            said: dict[str, Any] = json.loads(connection.getresponse().read())
            return said
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def _connected(self) -> socket.socket:
        # By the folder's descriptor: the path of a socket may have 107 bytes only.
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(TIMEOUT_S)
            connection.connect(f"/proc/self/fd/{folder}/{self._path.name}")
            return connection
        except OSError:
            connection.close()
            raise
        finally:
            os.close(folder)
