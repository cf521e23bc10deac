"""A certificate authority for tests, made with openssl."""

import subprocess
from pathlib import Path

EXTENSIONS = "subjectAltName=DNS:localhost,IP:127.0.0.1"


class Authority:
    """Issues certificates in `folder`: `<name>.pem` and `<name>.key`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        self._run("req", "-x509", *KEY, "-keyout", self.path(name, "key"), "-out", self.certificate, "-days", 30,
                  "-subj", f"/CN=test {name}", "-addext", "basicConstraints=critical,CA:TRUE")  # fmt: skip

    @property
    def certificate(self) -> Path:
        return self.path(self._name)

    def path(self, name: str, kind: str = "pem") -> Path:
        return self._folder / f"{name}.{kind}"

    def issue(self, name: str, *, days: int = 30, alternative_names: str = EXTENSIONS) -> tuple[Path, Path]:
        """Certificate and key. `days` below 0: it has expired."""
        request = self.path(name, "csr")
        self._run("req", *KEY, "-keyout", self.path(name, "key"), "-out", request, "-subj", f"/CN={name}")
        extensions = self.path(name, "ext")
        extensions.write_text(alternative_names + "\n")
        self._run("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.path(self._name, "key"),
                  "-CAcreateserial", "-out", self.path(name), "-days", days, "-extfile", extensions)  # fmt: skip
        return self.path(name), self.path(name, "key")

    def _run(self, *arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
