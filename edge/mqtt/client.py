"""paho's client, with what it does not say."""

import socket
from collections.abc import Callable

import paho.mqtt.client as paho


class Client(paho.Client):
    """Knows its plain socket, which paho leaves open when a WebSocket's handshake fails.

    `on_death`: called in its thread, as the last thing, with what that died of; paho would end without a word, its connection open.
    """

    opened: socket.socket | None = None
    on_death: Callable[[Exception], None]

    def _create_socket_connection(self) -> socket.socket:
        self.opened = super()._create_socket_connection()
        return self.opened

    def _thread_main(self) -> None:
        try:
            super()._thread_main()
        except Exception as error:  # noqa: BLE001 - whatever a packet or a callback made it raise
            self.on_death(error)
