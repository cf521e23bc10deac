"""`rtsp://…`, `rtsps://…`, `http://…`, `https://…` — network cameras, HTTP ones with MJPEG too."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from edge.camera.address import redacted, with_credentials
from edge.camera.decoding import DecodingError, open_video, pictures, rgb, translated
from edge.camera.port import Frame
from edge.clips.packets import PacketTap
from edge.clock import Clock
from edge.errors import CameraError, CameraStalledError

log = logging.getLogger(__name__)

OPEN_LIMIT_S = 8.0
READ_LIMIT_S = 5.0
WAITED_S = 0.002
"""A picture for which the network made us wait at least so long is the newest one that there is."""
BURST = 8
"""So many pictures may come at once (those that refer to later ones do) before the rest is taken for a backlog and skipped."""
CATCH_UP_S = 0.25
"""While old pictures are being skipped, one is given so often all the same."""

PROTOCOLS = "rtsp,rtsps,rtp,udp,tcp,tls,http,https,httpproxy,crypto,data"
"""What a stream's own redirections and play-lists may lead to: the network, no file of this machine."""


class Login(NamedTuple):
    """Who asks; the first line of `password_file` is the password, read at each opening so that a changed one is taken up."""

    username: str = ""
    password_file: str = ""


class StreamCamera:
    """A network stream, at the pace at which it comes; no old frame is given while a newer one waits.

    A stream is decoded wholly, because its pictures build on each other, but only the newest is converted. `read` returns after one
    picture. It looks at its `timeout_s` between packets only, not while the network is silent: leaving FFmpeg in the middle of a packet
    would damage the stream. It ends with `CameraStalledError` after `read_limit_s`.

    Args:
        address: with or without credentials.
        login: before those in the address.
        transport: of RTSP.
        open_limit_s: bound of `open`; name resolution, which cannot be interrupted, comes on top.
        read_limit_s: silence that ends `read`.
        tap: is given every packet before it is decoded.
    """

    live = True

    def __init__(
        self,
        name: str,
        address: str,
        clock: Clock,
        *,
        login: Login = Login(),  # noqa: B008 - a frozen value
        transport: str = "tcp",
        open_limit_s: float = OPEN_LIMIT_S,
        read_limit_s: float = READ_LIMIT_S,
        tap: PacketTap | None = None,
    ) -> None:
        self.name = name
        self.ended = False
        self._address = address
        self._clock = clock
        self._login = login
        self._options = options_for(address, transport)
        self._limits_s = (open_limit_s, read_limit_s)
        self._tap = tap
        self._container: Any = None
        self._pictures: Iterator[Any | None] = iter(())
        self._sequence = 0
        self._burst = 0

    def open(self) -> None:
        self.close()
        begin_s = time.monotonic()
        try:
            self._container = open_video(
                self._full_address(), options=self._options, timeout_s=self._limits_s, threads="SLICE"
            )
        except DecodingError as error:
            slow = time.monotonic() - begin_s >= self._limits_s[0]
            reason = f"no answer in {self._limits_s[0]:g} s" if slow else str(error)
            raise CameraError(f"{self}: cannot be opened: {reason}", hint=_HINT) from error
        self._pictures = pictures(self._container, self._tap, lambda: self._clock.now().boot_s)
        self._sequence, self._burst = 0, 0

    def read(self, timeout_s: float) -> Frame | None:
        begin_s = asked_s = time.monotonic()
        while True:
            picture = self._next_picture()
            came_s = time.monotonic()
            if picture is None:
                if came_s - begin_s >= timeout_s:
                    return None
                continue
            self._sequence += 1
            self._burst = 0 if came_s - asked_s >= WAITED_S else self._burst + 1
            if self._burst <= BURST or came_s - begin_s >= CATCH_UP_S:
                return Frame(self.name, self._sequence - 1, rgb(picture), self._clock.now())
            asked_s = time.monotonic()

    def close(self) -> None:
        self._pictures = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def __str__(self) -> str:
        return f"camera {self.name}: {redacted(self._address)}"

    def _next_picture(self) -> Any | None:
        """None: a packet came, but no picture."""
        begin_s = time.monotonic()
        try:
            with translated():
                picture = next(self._pictures, _END)
        except DecodingError as error:
            if time.monotonic() - begin_s >= self._limits_s[1]:
                raise CameraStalledError(f"{self}: nothing came for {self._limits_s[1]:g} s", hint=_HINT) from error
            raise CameraError(f"{self}: broke off: {error}", hint=_HINT) from error
        if picture is _END:
            raise CameraError(f"{self}: the other side ended it", hint=_HINT)
        return picture

    def _full_address(self) -> str:
        if not self._login.username:
            return self._address
        return with_credentials(self._address, self._login.username, self._password())

    def _password(self) -> str:
        path = self._login.password_file
        if not path:
            return ""
        try:
            return Path(path).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is no text"
            raise CameraError(
                f"camera {self.name}: {path}: {reason}", hint="write the password into it, or correct password_file"
            ) from error


def options_for(address: str, transport: str) -> dict[str, str]:
    """FFmpeg's options for a live stream: a short analysis, nothing but the network.

    Not `fflags=nobuffer`: it throws away what the analysis read, and with it the key picture that the first seconds build on.
    """
    common = {"protocol_whitelist": PROTOCOLS, "analyzeduration": "1000000"}
    return {**common, "rtsp_transport": transport} if address.startswith("rtsp") else common


_END = object()
_HINT = "it is tried again; try the address with another player, and check camera.source and the network"
