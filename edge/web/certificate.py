"""The device's own certificate: made by the device at its first start, renewed before it is over, never anybody else's.

openssl makes it, as a process of its own: a library would stay in the program's memory for what is done once in two years.
"""

import logging
import ssl
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from edge.config import Web
from edge.errors import EdgeError
from edge.files import make_folder, write_durably

log = logging.getLogger(__name__)

FOLDER, CERTIFICATE, KEY = "tls", "certificate.pem", "key.pem"
DAYS = 800
"""What Apple's browsers accept at the most is 825."""
RENEW_DAYS = 60
OPENSSL_S = 60.0


def is_encrypted(settings: Web) -> bool:
    """Whether the page is served over TLS."""
    return settings.tls == "on" or (settings.tls == "auto" and not is_loopback(settings.host))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def names_of(device: str, host: str) -> tuple[str, ...]:
    """What the device is called in the network: by its host name, and by its own."""
    return f"{host.partition('.')[0]}.local", f"{device}.local", device, "localhost"


class Pair(NamedTuple):
    """PEM files."""

    certificate: Path
    key: Path


def check_pair(certificate: Path, key: Path) -> None:
    """Raises EdgeError: they cannot be read, or do not belong together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise EdgeError(f"web: {certificate}: {error}", hint="look at web.cert_file and web.key_file") from error


class Certificate:
    """Args:
        folder: the web room's own.
        names: what the device is called in the network; the first is the certificate's own.

    Thread: one caller at a time; waits.
    """

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder = folder / FOLDER
        self._names = tuple(dict.fromkeys(names))
        self.pair = Pair(self._folder / CERTIFICATE, self._folder / KEY)

    def ensure(self) -> bool:
        """Have one that holds for `RENEW_DAYS` yet; True: it is new. A key that can be read stays as it is.

        Raises:
            EdgeError: openssl is missing or failed, or nothing can be written.
        """
        if self._holds():
            return False
        try:
            make_folder(self._folder)
            self._folder.chmod(0o700)
            if not self._has_key():
                key = _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
                write_durably(self.pair.key, key.encode(), mode=0o600)
            names = ",".join([*(f"DNS:{name}" for name in self._names), "IP:127.0.0.1"])
            made = _openssl(
                "req", "-x509", "-key", str(self.pair.key), "-days", str(DAYS), "-subj", f"/CN={self._names[0]}",
                "-addext", f"subjectAltName={names}", "-addext", "extendedKeyUsage=serverAuth",
            )  # fmt: skip
            write_durably(self.pair.certificate, made.encode(), mode=0o644)
        except OSError as error:
            raise EdgeError(f"{self._folder}: {error.strerror}", hint="free some space") from error
        log.info("certificate made names=%s fingerprint=%s", ",".join(self._names), self.fingerprint())
        return True

    def fingerprint(self) -> str:
        """SHA-256, in pairs of digits, as browsers show it."""
        told = _openssl("x509", "-in", str(self.pair.certificate), "-noout", "-fingerprint", "-sha256")
        return told.strip().rpartition("=")[2]

    def _has_key(self) -> bool:
        try:
            return self.pair.key.is_file() and bool(_openssl("pkey", "-in", str(self.pair.key), "-pubout"))
        except EdgeError:
            return False

    def _holds(self) -> bool:
        try:
            check_pair(*self.pair)
            _openssl("x509", "-in", str(self.pair.certificate), "-noout", "-checkend", str(RENEW_DAYS * 86_400))
            told = _openssl("x509", "-in", str(self.pair.certificate), "-noout", "-checkhost", self._names[0])
        except EdgeError:
            return False
        return "does match" in told


def _openssl(*arguments: str) -> str:
    """Without a shell; what is in `arguments` is ours."""
    try:
        done = subprocess.run(
            ["openssl", *arguments],
            capture_output=True,
            text=True,
            timeout=OPENSSL_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise EdgeError(
            "openssl is missing", hint="apt install openssl, or set web.cert_file and web.key_file"
        ) from error
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", "") or "").strip().splitlines()
        raise EdgeError(
            f"openssl {arguments[0]}: {said[-1] if said else error}", hint="is it installed as it should be?"
        ) from error
    return done.stdout
