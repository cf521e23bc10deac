"""Why a broker cannot be used, in words that a person can act on. Never a secret."""

import errno
import socket
import ssl
from typing import Literal

from edge.errors import MqttError
from edge.mqtt.port import Address

AUTHORITY_CODES = frozenset({2, 18, 19, 20, 21})
NAME_CODES = frozenset({62, 63, 64})
NOT_YET_VALID, EXPIRED = 9, 10
ALERTS = {
    "CERTIFICATE_REQUIRED": "the broker wants a client certificate: set cert_file and key_file",
    "HANDSHAKE_FAILURE": "the broker refuses the TLS handshake: it may want a client certificate (cert_file, key_file)",
    "EOF_OCCURRED": "it closes the encrypted connection: it may want a client certificate (cert_file, key_file)",
    "CERTIFICATE_EXPIRED": "the broker refuses our certificate: it has expired",
    "UNKNOWN_CA": "the broker refuses our certificate: it does not know its authority",
    "BAD_CERTIFICATE": "the broker refuses our certificate",
    "WRONG_VERSION_NUMBER": "no TLS is spoken there: is it the port for TLS?",
    "UNEXPECTED_EOF_WHILE_READING": "no TLS is spoken there: is it the port for TLS?",
}
REFUSALS = {
    "Bad user name or password": "wrong user name or password",
    "Not authorized": "not authorised: wrong user name or password, or none is set",
    "Unsupported protocol version": "it does not speak this version of MQTT",
    "Client identifier not valid": "it does not take our client id: is the device id in its list?",
    "Session taken over": "another client uses the same device id",
    "Server shutting down": "the broker is stopping",
    "Keep alive timeout": "nothing was heard of the broker",
}
UNREACHABLE = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.ENETUNREACH: "there is no network",
    errno.EHOSTUNREACH: "there is no way to it",
    errno.ECONNRESET: "it closed the connection",
    errno.EPIPE: "it closed the connection",
}


class BrokerTroubleError(MqttError):
    """A broker could not be used. `state`: `absent` nobody is there, `failed` it is and does not want us.

    `version`: another version of MQTT may help.
    """

    def __init__(
        self, state: Literal["absent", "failed"], address: Address, cause: str, *, version: bool = False
    ) -> None:
        super().__init__(f"{address}: {cause}")
        self.state: Literal["absent", "failed"] = state
        self.version = version


def trouble_of(error: OSError, address: Address, *, tls: bool = False) -> BrokerTroubleError:
    """What opening a connection raised, in words."""
    if tls and isinstance(error, ConnectionResetError):
        return BrokerTroubleError("failed", address, ALERTS["WRONG_VERSION_NUMBER"])
    if isinstance(error, ssl.SSLError):
        return BrokerTroubleError("failed", address, tls_cause(error))
    if isinstance(error, socket.gaierror):
        return BrokerTroubleError("absent", address, "name not found")
    if isinstance(error, TimeoutError):
        return BrokerTroubleError("absent", address, "no answer")
    return BrokerTroubleError("absent", address, UNREACHABLE.get(error.errno or 0, error.strerror or str(error)))


def tls_cause(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_cause(error)
    return alert_cause(error.reason or "") or f"TLS failed: {error.reason or error}"


def _certificate_cause(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == EXPIRED:
        return "the broker's certificate has expired (or this clock is wrong)"
    if error.verify_code == NOT_YET_VALID:
        return "the broker's certificate is not valid yet: is this clock right?"
    if error.verify_code in AUTHORITY_CODES:
        return "the broker's certificate is of an unknown authority: set ca_file"
    if error.verify_code in NAME_CODES:
        return "the broker's certificate is for another name"
    return f"the broker's certificate is not accepted: {error.verify_message}"


def alert_cause(text: str) -> str:
    """The remedy for what OpenSSL or paho's log says; empty when there is nothing known to say."""
    plain = text.upper().replace(" ", "_")
    return next((words for alert, words in ALERTS.items() if alert in plain), "")


def refusal_cause(reason: str) -> str:
    """For a reason code's name."""
    return REFUSALS.get(reason, reason)
