"""TLS towards the broker. The certificate is always verified."""

import ssl

from edge import config
from edge.errors import ConfigError


def make_context(settings: config.Mqtt) -> ssl.SSLContext | None:
    """None: no TLS is wanted.

    Raises:
        ConfigError: a file cannot be read or is not what it should be.
    """
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"mqtt.ca_file: {settings.ca_file}: {_words(error)}",
            hint="name a PEM file with the certificate of the authority",
        ) from error
    context.sslsocket_class = _ClosedAfterFailure
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert_file:
        _load_own(context, settings)
    return context


def _load_own(context: ssl.SSLContext, settings: config.Mqtt) -> None:
    def refuse() -> str:
        raise ConfigError(
            f"mqtt.key_file: {settings.key_file}: is encrypted", hint="the device starts alone: use a key without one"
        )

    try:
        context.load_cert_chain(settings.cert_file, settings.key_file or None, password=refuse)
    except (OSError, ssl.SSLError) as error:
        place = f"mqtt.cert_file: {settings.cert_file}"
        place += f", key_file: {settings.key_file}" if settings.key_file else ""
        raise ConfigError(
            f"{place}: {_words(error)}", hint="name PEM files with the certificate and its own key"
        ) from error


class _ClosedAfterFailure(ssl.SSLSocket):
    """paho leaves a socket open whose handshake failed."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        if "KEY_VALUES_MISMATCH" in str(error):
            return "the key does not belong to the certificate"
        return "is not a PEM file"
    return error.strerror or str(error)
