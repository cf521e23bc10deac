"""What `scripts/screenshots` does."""

import io
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import WAIT_S, Device, Window, chromium
from tests.support import until

LOOKS = (("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark"))
PAGES = {
    "live": "/",
    "events": "/events",
    "counts": "/counts",
    "work": "/work",
    "backup": "/backup",
    "device": "/device",
    "models": "/models",
    "places": "/places/street",
    "settings": "/settings/tracking",
}
SEEN = 12
"""Events that are waited for, so that the gallery is no empty one."""
QUALITY = 82


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edge-screenshots-") as place, chromium() as browser:
        device = Device(Path(place), Path(os.environ["EDGE_DATA"]))
        device.start()
        try:
            password, token = device.password, device.token("admin")
            draw_a_zone(device, token)
            until(lambda: len(ended(device, token)) >= SEEN, 180, f"{SEEN} events")
            for size, scheme in LOOKS:
                shoot(browser, device, password, token, size, scheme, folder)
        finally:
            device.stop()


def draw_a_zone(device: Device, token: str) -> None:
    area = [[0.02, 0.5], [0.98, 0.5], [1.0, 1.0], [0.0, 1.0]]
    device.ask("PUT", "/api/v1/cameras/street/places", token, {"zone": [{"name": "road", "area": area}]})
    device.ask("POST", "/api/v1/actions/restart", token, {"request_id": "zone", "confirm": "restart"})
    until(lambda: not device.answers("/healthz"), WAIT_S, "a device that restarts")
    until(lambda: device.answers("/healthz"), WAIT_S, "a device that is back")


def ended(device: Device, token: str) -> list[str]:
    events = device.ask("GET", "/api/v1/events?limit=50&camera=street", token)["events"]
    return [event["id"] for event in events if event["end_reason"] == "left" and event["zones"]]


def shoot(browser: Browser, device: Device, password: str, token: str, size: str, scheme: str, folder: Path) -> None:
    window = Window(browser, device.url, size, scheme)
    save(window.go("/login"), folder / f"login-{size}-{scheme}.webp")
    window.log_in(password)
    for name, path in {**PAGES, "event": f"/events/{ended(device, token)[-1]}"}.items():
        page = window.go(path)
        settle(page, name)
        save(page, folder / f"{name}-{size}-{scheme}.webp")
        if name == "live":
            page.get_by_role("region", name="street").get_by_role("button", name="Enlarge").click()
            settle(page, name)
            save(page, folder / f"camera-{size}-{scheme}.webp")
    window.close()


def settle(page: Page, name: str) -> None:
    """Until what comes late is there."""
    if name == "live":
        expect(page.locator(".thing text", has_text="Bicycle").first).to_be_visible(timeout=WAIT_S * 1000)
    if name in ("places", "settings"):
        expect(page.locator("[data-ready]")).to_be_attached()
    if name == "models":
        expect(page.locator("#models section").first).to_be_visible()
    page.wait_for_function(
        """[...document.images].every((image) => image.hidden || (image.complete && image.naturalWidth)
            || image.getBoundingClientRect().top > innerHeight || !image.getBoundingClientRect().width)"""
    )


def save(page: Page, path: Path) -> None:
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, quality=QUALITY, method=6)
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
