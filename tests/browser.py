"""A real Chromium, and a device with a page for it."""

import http.client
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from edge.cli.run import RESTART_CODE
from edge.demo.broker import free_port
from edge.demo.samples import VIDEO, samples_dir
from tests.support import edge, start_edge, until

WAIT_S = 40.0
"""For whatever a page is waited for, on a busy machine."""
SIZES = {"phone": (390, 844), "desktop": (1440, 900)}
FLAGS = (
    "--no-sandbox",  # the tests of a container run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program is not None, "chromium is not installed: scripts/setup --dev"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def axe() -> str:
    """The script of axe-core."""
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


class Window:
    """One browser of its own: cookies, size, colours."""

    def __init__(
        self, browser: Browser, url: str, size: str = "desktop", scheme: Any = "light", language: str = "en-GB"
    ) -> None:
        width, height = SIZES[size]
        self.url = url
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=size == "phone", locale=language
        )
        self.context.set_default_timeout(WAIT_S * 1000)
        self.page: Page = self.context.new_page()
        self._complaints: list[str] = []
        self._expected: list[str] = []
        self.page.on("console", lambda told: self._complaints.append(told.text) if told.type == "error" else None)
        self.page.on("pageerror", lambda error: self._complaints.append(str(error)))

    def expect(self, *complaints: str) -> None:
        """What the console may say: a part of its words. Chromium writes there what was refused, as the test asked for."""
        self._expected += complaints

    @property
    def complaints(self) -> list[str]:
        """Other errors on the console, and scripts that died."""
        return [text for text in self._complaints if not any(each in text for each in self._expected)]

    def go(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def log_in(self, password: str) -> Page:
        self.go("/login")
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"{self.url}/")
        return self.page

    def close(self) -> None:
        self.context.close()


class Device:
    """The program with a page, two cameras, a work and a backup; started again when it asks for that, as systemd does."""

    def __init__(self, folder: Path, base_dir: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "edge.toml"
        workers = folder / "steps.py"
        workers.write_text(_WORKERS)
        self.config.write_text(_CONFIGURATION.format(
            data=folder / "data", models=base_dir / "models", video=samples_dir(base_dir) / VIDEO, workers=workers, port=self.port,
        ))  # fmt: skip
        edge(
            "backup",
            "setup",
            "--type",
            "local",
            "--path",
            folder / "remote",
            "--plain",
            "--config",
            self.config,
            check=True,
        )
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep)

    def start(self) -> None:
        self._keeper.start()
        until(lambda: self.answers("/healthz"), WAIT_S, "a device that is well")

    def stop(self) -> None:
        self._stopping = True
        if self._process is not None:
            self._process.terminate()
        self._keeper.join(30)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def password(self) -> str:
        return (self.folder / "data/web/first-password").read_text().strip()

    def token(self, may: str) -> str:
        return edge("web", "token", f"tests-{may}", "--may", may, "--config", self.config, check=True).stdout.strip()

    def ask(self, method: str, path: str, token: str, body: object = None) -> Any:
        """The interface's answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            encoded = json.dumps(body).encode() if body is not None else None
            connection.request(method, path, encoded, {"Authorization": f"Bearer {token}"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def answers(self, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _keep(self) -> None:
        while not self._stopping:
            self._process = start_edge("run", "--config", self.config, log=self.folder / "log")
            if self._process.wait() != RESTART_CODE:
                return


def coordinates(points: str) -> list[tuple[float, float]]:
    """Of an SVG's polygon."""
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", points)]


_WORKERS = """\
import asyncio

from edge.work.worker import Success, worker


@worker("steps")
async def steps(run):
    for done in range(20):
        run.progress(done=done, of=20)
        await asyncio.sleep(0.3)
    return Success()
"""
_CONFIGURATION = """\
[device]
id = "porch"
[paths]
data = "{data}"
models = "{models}"
[[camera]]
name = "street"
source = "file:{video}"
loop = true
clips = "encode"
motion_masks = [[[0.75, 0.0], [1.0, 0.0], [1.0, 0.2], [0.85, 0.25]]]
[[camera]]
name = "pattern"
source = "test:"
fps = 5.0
[[line]]
name = "crossing"
camera = "street"
start = [0.5, 0.35]
end = [0.5, 0.98]
[clips]
pre_s = 1.0
post_s = 1.0
max_s = 6.0
[web]
host = "127.0.0.1"
port = {port}
[network]
metered = "no"
[backup]
wait = "network"
[workers]
files = ["{workers}"]
grace_s = 2.0
[[work]]
name = "steps"
worker = "steps"
every_s = 86400
delay_s = 86400.0
"""
