"""The configuration over HTTP: shown without its secrets, checked, and changed."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from edge import config
from edge.config import Config, ConfigFile, Problem, Stored
from edge.errors import ConfigError, RefusedError
from edge.files import make_folder, write_durably
from edge.web.api.operation import BASE, Call, Operation, RefusedRequest
from edge.web.port import Rooms

SECRETS = "secrets"
"""Folder, in the data folder, of passwords that came over the page."""
Sections = dict[str, Any]
T = TypeVar("T")


class ShownConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """Every section with all its keys, `***` in place of secrets, as the file says it now.

    `revision` names this content. `restart_needed`: what runs began with another. `previous`: the file as it was before can be had back.
    """

    revision: str
    restart_needed: bool
    previous: bool
    configuration: Sections
    defaults: Sections


class Checked(msgspec.Struct, frozen=True):
    """Empty: it can be saved."""

    problems: list[Problem]


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole configuration, or one section in the configuration that there is."""

    configuration: Sections | None = None
    section: str = ""
    value: Any = None


class NewConfiguration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    configuration: Sections
    revision: str = ""
    """What it was made from; empty: whatever is there."""


class NewSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    value: Any
    """A table; a list of tables for `camera`, `zone` and the others of which there may be several."""
    revision: str = ""


class TakenBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    revision: str = ""
    """What the change to be taken back made; empty: whatever is there."""


class Saved(msgspec.Struct, frozen=True):
    revision: str
    restart_needed: bool


class NewSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]*$", max_length=1000)]


class SecretFile(msgspec.Struct, frozen=True):
    file: str


class Configuration:
    """Thread: the one that runs asyncio; files are read and written beside it, one change at a time."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._file = ConfigFile(rooms.config_file) if rooms.config_file is not None else None
        self._running = self._file.read().revision if self._file is not None else ""
        self._secrets = rooms.data_dir / SECRETS
        self._lock = asyncio.Lock()

    def operations(self) -> list[Operation]:
        place = f"{BASE}/configuration"
        return [
            Operation(path=place, summary="The configuration without its secrets", run=self.show, answer=ShownConfiguration, may="admin",
                      refusals=(409, 422)),
            Operation(method="PUT", path=place, summary="Save a whole configuration", run=self.put, body=NewConfiguration, answer=Saved,
                      may="admin", refusals=(409, 422)),
            Operation(method="POST", path=f"{place}/check", summary="Check a configuration, or a section; nothing is saved", run=self.check,
                      body=Check, answer=Checked, may="admin", refusals=(409, 422)),
            Operation(method="POST", path=f"{place}/previous", summary="Take the last change back", run=self.take_back, body=TakenBack,
                      answer=Saved, may="admin", refusals=(409, 422)),
            Operation(method="PUT", path=f"{place}/{{section}}", summary="Save one section", run=self.put_section, body=NewSection,
                      answer=Saved, may="admin", refusals=(409, 422)),
            Operation(method="PUT", path=f"{BASE}/secrets/{{name}}", summary="Keep a password in a file of its own", run=self.put_secret,
                      body=NewSecret, answer=SecretFile, may="admin", refusals=(409, 422)),
        ]  # fmt: skip

    async def show(self, _: Call) -> ShownConfiguration:
        return await self._with_file(lambda file: self._shown(file, file.read()))

    def _shown(self, file: ConfigFile, stored: Stored) -> ShownConfiguration:
        return ShownConfiguration(
            revision=stored.revision,
            restart_needed=stored.revision != self._running,
            previous=file.has_previous,
            configuration=config.hidden(_plain(stored.raw)),
            defaults=msgspec.to_builtins(Config()),
        )

    async def check(self, call: Call) -> Checked:
        asked: Check = call.body
        if asked.configuration is None:
            changes = {asked.section: asked.value}
            return Checked(await self._with_file(lambda file: self._judged(file.read(), changes)[1]))
        whole = asked.configuration
        return Checked(await self._with_file(lambda file: self._judged(file.read(), _all(whole))[1]))

    async def put(self, call: Call) -> Saved:
        asked: NewConfiguration = call.body
        return await self.save(lambda _: _all(asked.configuration), asked.revision)

    async def put_section(self, call: Call) -> Saved:
        asked: NewSection = call.body
        return await self.save(lambda _: {call.part("section"): asked.value}, asked.revision)

    async def save(self, changes_of: Callable[[Sections], Sections], revision: str) -> Saved:
        """Check and save.

        Args:
            changes_of: called with all sections as they are, with their secrets; gives those that change, whole.

        Raises:
            RefusedRequest: with every problem. EdgeError: the file cannot be read or written, or has changed.
        """

        def save(file: ConfigFile) -> Stored:
            stored = file.read()
            changes, problems = self._judged(stored, changes_of(_plain(stored.raw)))
            _refuse(problems)
            return file.save(changes, revision or stored.revision)

        return self._saved(await self._with_file(save))

    async def take_back(self, call: Call) -> Saved:
        asked: TakenBack = call.body

        def take_back(file: ConfigFile) -> Stored:
            # The files and programs that it names are the device's own, not the page's: it stood there once.
            _refuse(config.problems_of(file.previous().raw, lambda new: self._rooms.check(self._resolved(new))))
            return file.take_back(asked.revision)

        return self._saved(await self._with_file(take_back))

    async def put_secret(self, call: Call) -> SecretFile:
        name, asked = call.part("name"), call.body
        if not config.SECRET_NAME.fullmatch(name):
            problem = Problem("name", "is no name for a secret", "a-z, 0-9, - and _")
            raise RefusedRequest(422, problem.problem, hint=problem.hint, problems=(problem,))
        path = self._secrets / name
        await asyncio.to_thread(_write_secret, path, asked.value)
        return SecretFile(str(path))

    def _judged(self, stored: Stored, changes: Sections) -> tuple[Sections, list[Problem]]:
        """The changes with their secrets, and what is wrong with the configuration that they would make."""
        before = _plain(stored.raw)
        try:
            changes = config.unhidden(changes, before)
        except ConfigError as error:
            return changes, [config.problem_of(error)]
        whole = {**stored.raw, **changes}
        old = config.parse(stored.raw, place="")
        refused = list[Problem]()

        def further(new: Config) -> None:
            refused.extend(config.refused_names(new, old, self._secrets))
            if not refused:
                self._rooms.check(self._resolved(new))

        problems = config.problems_of(whole, further)
        return changes, problems or refused

    def _resolved(self, new: Config) -> Config:
        assert self._rooms.config_file is not None
        return config.resolve_paths(new, self._rooms.config_file.resolve().parent)

    def _saved(self, stored: Stored) -> Saved:
        return Saved(stored.revision, stored.revision != self._running)

    async def _with_file(self, do: Callable[[ConfigFile], T]) -> T:
        if self._file is None:
            raise RefusedError("the program runs without a configuration file", hint="start it with --config FILE")
        async with self._lock:
            return await asyncio.to_thread(do, self._file)


def _refuse(problems: list[Problem]) -> None:
    if problems:
        first = problems[0]
        text = f"{first.place}: {first.problem}" if first.place else first.problem
        raise RefusedRequest(422, text, hint=first.hint, problems=tuple(problems))


def _plain(raw: Sections) -> Sections:
    """All sections with all their keys."""
    plain: Sections = msgspec.to_builtins(config.parse(raw, place="configuration"))
    return plain


def _all(whole: Sections) -> Sections:
    """A section that is left out has its defaults."""
    return {**msgspec.to_builtins(Config()), **whole}


def _write_secret(path: Path, value: str) -> None:
    try:
        make_folder(path.parent)
        path.parent.chmod(0o700)
        write_durably(path, f"{value}\n".encode(), mode=0o600)
    except (OSError, UnicodeEncodeError) as error:
        raise RefusedError(f"{path}: cannot be written: {error}", hint="free some space") from error
