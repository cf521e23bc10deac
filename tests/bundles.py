"""Real update bundles, made and signed with RAUC, and sources that offer them.

Installing needs dm-verity and slots, which only the card has: `stand_in` makes a `rauc` that hands every question to the real one, and says
itself what installing says.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edge.update.system import System
from tests.certificates import Authority

COMPATIBLE = "edge-test"
INSTALL = """#!/bin/sh
if [ "$1" = install ]; then
  echo installing
  for percent in 0 20 40 80 100; do echo " $percent% Copying image to system.1"; done
  [ ! -e "{marks}/fails" ] || {{ echo "LastError: Failed mounting bundle: dm-verity"; exit 1; }}
  cp "$2" "{marks}/installed"
  echo "Installing \\`$2\\` succeeded"
  exit 0
fi
exec {real} "$@"
"""


class Maker:
    """Makes bundles below `folder`; `authority` is whom the device trusts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder / "trusted")
        self._signer = self.authority.issue("release")

    def system(self, version: str = "1.0.0") -> System:
        return System(version=version, compatible=COMPATIBLE, keyring=self.authority.certificate)

    def conf(self) -> Path:
        """As it stands on the card."""
        path = self.folder / "system.conf"
        path.write_text(
            f"[system]\ncompatible={COMPATIBLE}\nbootloader=custom\n\n[keyring]\npath={self.authority.certificate}\n"
        )
        return path

    def bundle(
        self, name: str, version: str, *, compatible: str = COMPATIBLE, signer: tuple[Path, Path] | None = None
    ) -> Path:
        content = self.folder / f"{name}.content"
        content.mkdir()
        (content / "system.img").write_bytes(os.urandom(100_000))
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible={compatible}\nversion={version}\n\n[bundle]\nformat=verity\n\n[image.system]\nfilename=system.img\n"
        )
        certificate, key = signer or self._signer
        path = self.folder / f"{name}.raucb"
        subprocess.run(
            ["rauc", "bundle", f"--cert={certificate}", f"--key={key}", str(content), str(path)], check=True, capture_output=True
        )  # fmt: skip
        return path


def offer(folder: Path, bundles: Sequence[tuple[Path, str]], **changes: object) -> Path:
    """A source: the folder with these bundles and the versions that its index says."""
    folder.mkdir(exist_ok=True)
    listed = []
    for path, version in bundles:
        content = path.read_bytes()
        (folder / path.name).write_bytes(content)
        about = {"version": version, "compatible": COMPATIBLE, "file": path.name, "size_bytes": len(content)}
        listed.append({**about, "sha256": hashlib.sha256(content).hexdigest(), "notes": "Sees better", **changes})
    (folder / "index.json").write_text(json.dumps({"schema": 1, "bundles": listed}))
    return folder


def stand_in(folder: Path, real: str) -> Path:
    """A folder for PATH; `installed` in it is the bundle that was installed last, `fails` makes it fail."""
    folder.mkdir()
    program = folder / "rauc"
    program.write_text(INSTALL.format(marks=folder, real=real))
    program.chmod(0o755)
    return folder
