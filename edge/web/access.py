"""Who may see and do what: one password made by the device, sessions that outlive a restart, tokens for machines."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

import msgspec

from edge.actions.performer import Allowance
from edge.actions.port import Permission
from edge.clock import Clock
from edge.errors import StoreError
from edge.files import make_folder, write_durably

FOLDER, FILE, FIRST = "web", "access.json", "first-password"
SESSION_S = 30 * 86_400
TRIES_PER_S, TRIES = 0.05, 5.0
"""Wrong passwords from one address, over time and at once."""
ADDRESSES = 1000
PASSWORD_CHARS = 8
SHORTEST = 8
"""Of a password that a person chooses."""
# No letters that are read for others: it is typed from a label or a screen.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 1


class Token(msgspec.Struct, frozen=True):
    """For a machine. Only the hash is kept; it was shown once."""

    name: str
    sha256: str
    granted: Permission


class _File(msgspec.Struct):
    key: str
    password: str
    tokens: list[Token] = []


class Session(msgspec.Struct, frozen=True):
    """Somebody who is logged in. `csrf` must come back with everything that changes something; empty where no browser asks."""

    granted: Permission
    csrf: str


class Access:
    """Thread: any; `log_in` takes a tenth of a second and belongs into a thread.

    Raises:
        StoreError: the file cannot be read or written.
    """

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._folder = data_dir / FOLDER
        self._clock = clock
        self._trying = threading.Lock()
        self._tries: OrderedDict[str, Allowance] = OrderedDict()
        self._read: tuple[int, int] | None = None
        self._file = self._load() or self._make()

    @property
    def first_password(self) -> Path | None:
        """Where the password that the device made stands, until somebody has logged in with it."""
        path = self._folder / FIRST
        return path if path.exists() else None

    def set_password(self, password: str) -> None:
        """A new one; whoever is logged in is so no more."""
        self._file.password = _hashed(password)
        self._file.key = secrets.token_hex(32)
        self._save()
        (self._folder / FIRST).unlink(missing_ok=True)

    def add_token(self, name: str, granted: Permission) -> str:
        """A token for a machine: shown now and never again."""
        token = f"edge_{secrets.token_urlsafe(24)}"
        self._file.tokens = [each for each in self._file.tokens if each.name != name]
        self._file.tokens.append(Token(name, _sha256(token), granted))
        self._save()
        return token

    def remove_token(self, name: str) -> bool:
        before = len(self._file.tokens)
        self._file.tokens = [each for each in self._file.tokens if each.name != name]
        self._save()
        return len(self._file.tokens) < before

    def tokens(self) -> list[Token]:
        return list(self._file.tokens)

    def log_in(self, password: str, address: str) -> str | None:
        """The cookie of a new session; None: wrong, or too many tries from there."""
        if not self.confirms(password, address):
            return None
        # A card that has turned read-only refuses even where there is nothing to remove: just then somebody has to look.
        with suppress(OSError):
            (self._folder / FIRST).unlink()
        return self._signed(f"{int(time.time()) + SESSION_S}.{secrets.token_hex(16)}")

    def confirms(self, password: str, address: str) -> bool:
        """Whether this is the password; False also after too many tries from there. One at a time: each takes 16 MB."""
        with self._trying:
            self._look_again()
            origin = _origin_of(address)
            if not self._may_try(origin) or not _matches(password, self._file.password):
                return False
            self._tries.pop(origin, None)
            return True

    def session(self, cookie: str) -> Session | None:
        """The session of a cookie, None when it is not ours or over."""
        self._look_again()
        body, _, _ = cookie.rpartition(".")
        if not hmac.compare_digest(self._signed(body).encode(), cookie.encode(errors="replace")):
            return None
        ends, _, _ = body.partition(".")
        if not ends.isdigit() or int(ends) < time.time():
            return None
        return Session("admin", self._mac(f"csrf.{body}"))

    def bearer(self, token: str) -> Session | None:
        """What a machine with this token may."""
        self._look_again()
        wanted = _sha256(token)
        for known in self._file.tokens:
            if hmac.compare_digest(known.sha256, wanted):
                return Session(known.granted, "")
        return None

    def _may_try(self, address: str) -> bool:
        if address not in self._tries:
            self._tries[address] = Allowance(self._clock, TRIES_PER_S, TRIES)
            if len(self._tries) > ADDRESSES:
                self._tries.popitem(last=False)
        return self._tries[address].take()

    def _signed(self, body: str) -> str:
        return f"{body}.{self._mac(body)}"

    def _mac(self, text: str) -> str:
        return hmac.new(bytes.fromhex(self._file.key), text.encode(errors="replace"), "sha256").hexdigest()

    def _look_again(self) -> None:
        """`edge web` may have changed the file while the page runs."""
        if self._stamp() != self._read and (loaded := self._load()) is not None:
            self._file = loaded

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = (self._folder / FILE).stat()
        except OSError:
            return self._read
        return status.st_mtime_ns, status.st_ino

    def _load(self) -> _File | None:
        self._read = self._stamp()
        try:
            return msgspec.json.decode((self._folder / FILE).read_bytes(), type=_File)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            hint = "remove it, and a new password is made at the next start"
            raise StoreError(f"{self._folder / FILE}: {error}", hint=hint) from error

    def _make(self) -> _File:
        password = "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_CHARS + 4))
        shown = "-".join(password[at : at + 4] for at in range(0, len(password), 4))
        made = _File(secrets.token_hex(32), _hashed(shown))
        self._file = made
        self._write(FIRST, f"{shown}\n".encode())
        self._save()
        return made

    def _save(self) -> None:
        self._write(FILE, json.dumps(msgspec.to_builtins(self._file), indent=1).encode())

    def _write(self, name: str, content: bytes) -> None:
        before = os.umask(0o077)
        try:
            make_folder(self._folder)
            write_durably(self._folder / name, content)
        except OSError as error:
            raise StoreError(f"{self._folder / name}: {error.strerror}", hint="free some space") from error
        finally:
            os.umask(before)


def _origin_of(address: str) -> str:
    """Who has one IPv6 address has all of its network. IPv4 comes in the clothes of IPv6 to a socket that takes both."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(known.ipv4_mapped or ip_network(f"{known}/64", strict=False))


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{base64.b64encode(salt).decode()}${_scrypt(password, salt)}"


def _matches(password: str, hashed: str) -> bool:
    salt, _, wanted = hashed.partition("$")
    return hmac.compare_digest(_scrypt(password, base64.b64decode(salt)), wanted)


def _scrypt(password: str, salt: bytes) -> str:
    clean = password.strip().encode(errors="replace")[:1000]
    key = hashlib.scrypt(clean, salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, maxmem=64 * 2**20, dklen=32)
    return base64.b64encode(key).decode()


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
