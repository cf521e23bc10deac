"""Signed updates: a certificate to try with, and RAUC bundles."""

import shutil
from pathlib import Path

from scripts.image.running import run

DAYS = "3650"


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate of one's own and its key, to sign with and to bake in as the keyring. For trials: a maker keeps the key elsewhere.

    Returns:
        Certificate and key; those that are there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / f"{name}.cert.pem", folder / f"{name}.key.pem"
    if not certificate.exists():
        run(["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", DAYS, "-subj", f"/CN=Edge appliance {name}",
             "-addext", "keyUsage=critical,digitalSignature,keyCertSign", "-addext", "basicConstraints=critical,CA:TRUE",
             "-keyout", key, "-out", certificate])  # fmt: skip
        key.chmod(0o600)
    return certificate, key


def make(
    bundle: Path,
    boot: Path,
    system: Path,
    *,
    version: str,
    compatible: str,
    certificate: Path,
    key: Path,
    keyring: Path | None = None,
) -> Path:
    """A verity bundle with both images of a slot.

    Args:
        keyring: what it is checked against when it is made; default: the certificate itself.
    """
    work = bundle.with_suffix(".content")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "boot.vfat").hardlink_to(boot)
    (work / "system.img").hardlink_to(system)
    manifest = (
        f"[update]\ncompatible={compatible}\nversion={version}\n\n[bundle]\nformat=verity\n\n"
        "[image.boot]\nfilename=boot.vfat\n\n[image.system]\nfilename=system.img\n"
    )
    (work / "manifest.raucm").write_text(manifest, encoding="utf-8")
    bundle.unlink(missing_ok=True)
    run(["rauc", "bundle", "--cert", certificate, "--key", key, "--keyring", keyring or certificate, work, bundle])
    shutil.rmtree(work)
    return bundle
