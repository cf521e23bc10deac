"""The Debian packages of the root: what is wanted (packages.txt), and the versions that were tried (packages.lock)."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from scripts.image.running import ImageError, run

FOLDER = Path(__file__).parent
WANTED = FOLDER / "packages.txt"
LOCK = FOLDER / "packages.lock"
SUITE = "trixie"
HEAD = "# Made by `scripts/image/lock`. All packages of the root with their versions; the date is that of the newest package list.\n"
SHOWN = 8


def wanted() -> list[str]:
    lines = (line.split("#")[0].strip() for line in WANTED.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def sources(mirror: str = "") -> str:
    """One-line apt sources of the suite.

    Args:
        mirror: of Debian; empty: as the system's own configuration has it. The security archive is taken from that configuration too where
            there is one, else it is expected beside the mirror as `…-security`.

    Raises:
        ImageError: the system knows no mirror.
    """
    main = mirror.rstrip("/") or _configured("Debian")
    if not main:
        raise ImageError("apt knows no Debian mirror", hint="name one with --mirror")
    security = "" if mirror else _configured("Debian-Security")
    security = security or f"{main}-security"
    return f"deb {main} {SUITE} main\ndeb {main} {SUITE}-updates main\ndeb {security} {SUITE}-security main\n"


def _configured(label: str) -> str:
    lines = run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI)",
            "Created-By: Packages",
            "Origin: Debian",
            f"Label: {label}",
        ]
    )
    return lines.splitlines()[0].rstrip("/") if lines.strip() else ""


def resolve(apt_sources: str) -> tuple[dict[str, str], int]:
    """What would be installed today.

    Returns:
        Versions by name, and the date of the newest package list, seconds since 1970.

    Raises:
        ImageError: the mirror cannot be reached, or a wanted package is not there.
    """
    with private_apt(apt_sources) as (options, lists):
        essential = ["?essential", "?priority(required)", "apt"]
        lines = run(["apt-get", *options, "--simulate", "--no-install-recommends", "install", *essential, *wanted()])
        versions = dict(re.findall(r"^Inst (\S+) \((\S+) ", lines, re.MULTILINE))
        dates = [_date(path) for path in lists.glob("*_InRelease")]
    if not versions or not dates:
        raise ImageError("apt resolved nothing", hint="check the mirror")
    return versions, max(dates)


@contextmanager
def private_apt(apt_sources: str) -> Iterator[tuple[list[str], Path]]:
    """Options of an apt for another architecture, with fresh lists and a state of its own; and where the lists lie.

    Raises:
        ImageError: the mirror cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="edge-apt-") as name:
        folder = Path(name)
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(apt_sources, encoding="utf-8")
        settings = {
            "APT::Architecture": "arm64",
            "APT::Architectures": "arm64",
            "Dir::State::Lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
        }
        options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        run(["apt-get", *options, "update"], hint="check the network, or name another mirror with --mirror")
        yield options, folder / "lists"


def _date(release: Path) -> int:
    found = re.search(r"^Date: (.+)$", release.read_text(encoding="utf-8"), re.MULTILINE)
    return int(parsedate_to_datetime(found[1]).timestamp()) if found else 0


def write_lock(versions: dict[str, str], date: int, path: Path = LOCK) -> None:
    lines = "".join(f"{name}={version}\n" for name, version in sorted(versions.items()))
    stamp = datetime.fromtimestamp(date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    path.write_text(f"{HEAD}# date: {stamp}\n{lines}", encoding="utf-8")


def read_lock(path: Path = LOCK) -> tuple[dict[str, str], int]:
    """Versions by name, and their date, seconds since 1970."""
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^# date: (\S+)$", text, re.MULTILINE)
    if not found:
        raise ImageError(f"{path}: has no date", hint="make it anew: scripts/image/lock")
    versions = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return versions, int(datetime.fromisoformat(found[1]).timestamp())


def differences(locked: dict[str, str], there: dict[str, str]) -> list[str]:
    """Package by package, in words."""
    names = sorted(locked.keys() | there.keys())
    return [
        f"{name}: locked {locked.get(name, 'not')}, there {there.get(name, 'not')}"
        for name in names
        if locked.get(name) != there.get(name)
    ]


def check_against_lock(there: dict[str, str]) -> None:
    """Before the long part of the build.

    Raises:
        ImageError: the mirror has other versions than the lock.
    """
    if found := differences(read_lock()[0], there):
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise ImageError(
            f"the mirror has other packages than packages.lock: {'; '.join(found[:SHOWN])}{more}",
            hint="take a mirror that still has them with --mirror (a snapshot), or make the lock anew: scripts/image/lock",
        )
