"""The page in a real Chromium, before a device that runs."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.events.port import Scene, Thing
from edge.geometry import Box
from edge.work.observe import WorkInfo
from edge.work.states import StopReason, WorkState
from tests.browser import WAIT_S, Device, Window, axe, chromium, coordinates
from tests.support import edge, until
from tests.web_rig import HOSTILE, PASSWORD, Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
expect.set_options(timeout=WAIT_S * 1000)
FIRST_PAGE_BYTES = 100_000
BACKUP_MS = 240_000
"""Heavy work gives way to everything else on a busy machine."""
REFUSED = "the server responded with a status of 422"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Known:
    """A device, and who may use it."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.password = device.password
        self.token = device.token("admin")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, base_dir: Path) -> Iterator[Known]:
    device = Device(tmp_path_factory.mktemp("page"), base_dir)
    try:
        device.start()
        yield Known(device)
    finally:
        device.stop()


@pytest.fixture
def window(browser: Browser, known: Known) -> Iterator[Window]:
    window = Window(browser, known.device.url)
    window.log_in(known.password)
    yield window
    window.close()
    assert window.complaints == []


def test_the_first_login(browser: Browser, known: Known) -> None:
    window = Window(browser, known.device.url, "phone", "dark")
    window.expect("a status of 403")
    page = window.go("/events")
    assert page.url == f"{known.device.url}/login?next=/events"
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("That is not the password")
    page.get_by_label("Password").fill(known.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Events", exact=True)).to_be_visible()
    assert window.complaints == []
    window.close()


def test_the_live_view_moves_and_has_boxes_lines_and_masks(window: Window) -> None:
    page = window.go("/")
    street = page.get_by_role("region", name="street")
    stage = street.locator(".stage")
    expect(stage.locator(".thing text").first).to_have_text(re.compile(r"^\w[\w ]* \d+ %$"))
    expect(stage.locator("polyline.line")).to_have_count(1)
    expect(stage.locator("polygon.mask")).to_have_count(1)
    # Two cameras are looked at, and each picture is another one.
    for camera in ("street", "pattern"):
        picture = page.locator(f'.stage[data-camera="{camera}"] img')
        for _ in range(3):
            expect(picture).not_to_have_attribute("src", picture.get_attribute("src") or "")
    page.get_by_role("button", name="Boxes").click()
    expect(stage.locator(".things")).to_be_hidden()
    street.get_by_role("button", name="Enlarge").click()
    expect(page.get_by_role("region", name="pattern")).to_be_hidden()


def test_an_event_appears_in_the_gallery_without_a_reload(window: Window, known: Known) -> None:
    page = window.go("/events")
    expect(page.locator("[data-fresh] > li").first).to_be_visible()
    page.evaluate("window.sameDocument = true")
    answer = known.device.ask(
        "POST", "/api/v1/actions/snapshot", known.token, {"request_id": "here", "arguments": {"camera": "pattern"}}
    )
    (taken,) = answer["result"]
    expect(page.locator(f"#e-{taken['event']}")).to_be_visible()
    assert page.evaluate("window.sameDocument") is True
    page = window.go("/events")
    page.get_by_label("What").select_option("snapshot")
    page.wait_for_url("**label=snapshot")
    expect(page.locator(f"#e-{taken['event']}")).to_be_visible()
    page.get_by_label("Camera").select_option("street")
    expect(page.get_by_text("Nothing was seen.")).to_be_visible()


def test_a_clip_plays(window: Window, known: Known) -> None:
    def with_clip() -> str | None:
        events = known.device.ask("GET", "/api/v1/events?limit=100&camera=street", known.token)["events"]
        for event in events:
            if window.context.request.get(f"{known.device.url}/events/{event['id']}/clips/0.mp4").ok:
                return str(event["id"])
        return None

    page = window.go(f"/events/{until(with_clip, 90, 'an event with a clip')}")
    video = page.locator("video").first
    video.evaluate("video => video.play()")
    until(lambda: video.evaluate("video => video.currentTime") > 0.3, WAIT_S, "a clip that plays")
    assert video.evaluate("video => video.error") is None


def tap(page: Page, across: float, down: float) -> None:
    box = page.locator("#board").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def test_a_zone_is_drawn_and_takes_effect(window: Window, known: Known) -> None:
    window.expect(REFUSED, "net::ERR_")  # the program is away for a moment
    page = window.go("/places/street")
    expect(page.locator("#draw[data-ready]")).to_be_attached()
    # Without a pointer a new shape stands in the middle.
    page.get_by_role("group", name="Add").get_by_role("button", name="Line").click()
    page.get_by_role("button", name="Finish the shape").press("Enter")
    expect(page.locator("polyline.shape.line")).to_have_count(2)
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("group", name="Add").get_by_role("button", name="Zone").click()
    for across, down in ((0.01, 0.2), (0.99, 0.2), (0.99, 0.7), (0.5, 0.7)):
        tap(page, across, down)
    page.get_by_role("button", name="Undo").click()
    for across, down in ((0.99, 0.99), (0.01, 0.99)):
        tap(page, across, down)
    page.get_by_role("button", name="Finish the shape").click()
    # The keyboard moves a point, adds one and takes it away again.
    outline = page.locator("polygon.shape.zone")
    before = coordinates(outline.get_attribute("points") or "")
    point = page.get_by_role("button", name="Point 1")
    point.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert len(coordinates(outline.get_attribute("points") or "")) == len(before) + 1
    page.get_by_role("button", name="Point 2").focus()
    page.keyboard.press("Delete")
    after = coordinates(outline.get_attribute("points") or "")
    assert (len(after), after[0][0] > before[0][0]) == (len(before), True)

    page.get_by_label("Name").fill("Not A Name")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#name-problem")).to_be_visible()
    page.get_by_label("Name").fill("yard")
    page.get_by_role("button", name="Save").click()
    with page.expect_navigation(timeout=90_000):  # the page loads itself when the device is back
        page.get_by_role("button", name="Restart now").click()
    expect(page.get_by_role("button", name="yard")).to_be_visible()
    assert 'name = "yard"' in known.device.config.read_text()
    assert known.device.ask("GET", "/api/v1/cameras/street/places", known.token)["zone"][0]["name"] == "yard"

    def entered() -> Any:
        return known.device.ask("GET", "/api/v1/events?zone=yard", known.token).get("events")

    until(entered, 90, "an event in the new zone")
    page = window.go("/")
    expect(page.locator('.stage[data-camera="street"] polygon.zone')).to_have_count(1)


def test_a_work_is_run_and_its_bar_moves(window: Window) -> None:
    page = window.go("/work")
    page.evaluate(
        """() => {
            window.bars = new Set();
            const look = () => { for (const bar of document.querySelectorAll("progress[value]")) window.bars.add(bar.value); };
            new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
        }"""
    )
    work = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="steps", exact=True))
    expect(work).to_contain_text(re.compile("waiting until|Waiting until"))
    work.get_by_role("button", name="Run now").click()
    until(lambda: len(page.evaluate("[...window.bars]")) >= 2, 90, "a bar that moves")
    expect(work).to_contain_text("runs so far: 1", timeout=90_000)


def test_a_backup_runs_to_the_end_and_a_restore_is_planned(window: Window, known: Known) -> None:
    page = window.go("/backup")
    # A device whose backup is set up takes the first one by itself.
    snapshot = page.locator(".tile").filter(has_text="Last snapshot").locator("time")
    expect(snapshot).to_be_visible(timeout=BACKUP_MS)
    first = snapshot.get_attribute("datetime") or ""
    work = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="backup", exact=True))
    expect(work.locator(".chip")).to_have_text("enqueued", timeout=BACKUP_MS)
    page.get_by_role("button", name="Back up now", exact=True).click()
    expect(snapshot).not_to_have_attribute("datetime", first, timeout=BACKUP_MS)
    expect(work.locator(".chip")).to_have_text("enqueued", timeout=BACKUP_MS)
    page.get_by_role("button", name="Show what it would fetch").click()
    planned = page.locator("#planned")
    expect(planned).to_be_visible()
    assert int(planned.locator('[data-of="files"]').inner_text()) > 0
    page.get_by_label("Password of this page, once more").fill(known.password)
    page.get_by_role("button", name="Show the kit").click()
    expect(page.locator(".kit")).to_contain_text("[options]")
    assert page.locator(".code-picture").evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 0


def save(page: Page) -> int:
    """What the interface says to it."""
    with page.expect_response(lambda response: response.request.method == "PUT") as answer:
        page.get_by_role("button", name="Save").click()
    return answer.value.status


def test_a_wrong_setting_is_refused_beside_its_field(window: Window, known: Known) -> None:
    window.expect(REFUSED)
    before = known.device.config.read_text()
    page = window.go("/settings/tracking")
    expect(page.locator("#section[data-ready]")).to_be_attached()
    field = page.locator('[data-field="min_frames"]')
    field.get_by_label("Min frames").fill("1000")
    expect(field.locator(".problem")).to_contain_text("100")
    expect(field.get_by_label("Min frames")).to_have_attribute("aria-invalid", "true")
    assert save(page) == 422
    assert known.device.config.read_text() == before
    field.get_by_label("Min frames").fill("4")
    expect(field.locator(".problem")).to_be_hidden()
    assert save(page) == 200
    expect(page.get_by_text("It counts after a restart")).to_be_visible()
    assert "min_frames = 4" in known.device.config.read_text()
    # A list of tables: the mistake stands in the right one.
    page = window.go("/settings/camera")
    expect(page.locator("#section[data-ready]")).to_be_attached()
    page.get_by_role("button", name="Add", exact=True).click()
    new = page.locator("#items > details").nth(2)
    new.get_by_label("Name", exact=True).fill("street")
    new.get_by_label("Source", exact=True).fill("test:")
    expect(page.locator("#items .problem:visible, #state:not(:empty)").first).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())


def test_a_model_is_tried_on_a_still(window: Window) -> None:
    page = window.go("/models")
    model = page.locator("#models section").filter(has_text="ssd_mobilenet_v2_oid")
    model.get_by_role("button", name="Try").click()
    expect(model.locator(".found")).to_have_text(re.compile(r"· took \d+ ms$"))


PAGES = (
    "/",
    "/events",
    "/events?day=2026-01-01",
    "/counts",
    "/work",
    "/backup",
    "/device",
    "/models",
    "/places/street",
    "/settings/camera",
    "/settings/mqtt",
    "/settings/work",
)


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_no_page_shuts_anybody_out(browser: Browser, known: Known, size: str, scheme: str) -> None:
    window = Window(browser, known.device.url, size, scheme)
    found = faults(window.go("/login"))
    window.log_in(known.password)
    event = known.device.ask("GET", "/api/v1/events?limit=1", known.token)["events"][0]["id"]
    for path in (*PAGES, f"/events/{event}"):
        page = window.go(path)
        for ready in page.locator("#section, #draw").all():
            expect(ready).to_have_attribute("data-ready", "")
        found += [f"{path}: {fault}" for fault in faults(page)]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"
    assert found == []
    assert window.complaints == []
    window.close()


def faults(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    page.evaluate(axe())
    result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {each['nodes'][0]['html']}"
        for each in result["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def test_the_first_page_is_light(window: Window) -> None:
    page = window.go("/")
    page.wait_for_load_state("load")
    loaded = page.evaluate(
        """() => performance.getEntriesByType("resource").filter((entry) => !["img", "fetch"].includes(entry.initiatorType))
            .map((entry) => new URL(entry.name).pathname).filter((path) => !path.endsWith("/stream"))"""
    )
    assert {"/static/base.css", "/static/live.js", "/static/overlay.js"} <= set(loaded)
    sizes = {path: len(window.context.request.get(window.url + path).body()) for path in {"/", *loaded}}
    assert sum(sizes.values()) < FIRST_PAGE_BYTES, sizes


def test_what_comes_from_outside_is_text(browser: Browser, data_dir: Path, tmp_path: Path) -> None:
    """Label, file, remote, work and setting that are meant to run in the page."""
    remote = tmp_path / HOSTILE.replace("/", "")
    config_file = tmp_path / "edge.toml"
    config_file.write_text(f"[mqtt]\nhost = {json.dumps(HOSTILE)}\n[[camera]]\nname = 'door'\nsource = 'test:'\n")
    edge("backup", "setup", "--type", "local", "--path", remote, "--data", data_dir, check=True)
    site = Site(data_dir, config_file)
    window = Window(browser, f"http://127.0.0.1:{site.server.port}")
    try:
        site.take()
        site.scenes["door"] = Scene(site.frames["door"], (Thing(HOSTILE, 0.5, Box(0.1, 0.2, 0.9, 0.8), True, False),))
        site.works = [hostile_work()]
        site.health.report("camera", "door", "failed", HOSTILE)
        window.page.on("dialog", lambda _: window.page.evaluate("throw new Error('a script from outside has run')"))
        window.log_in(PASSWORD)
        for path in ("/", "/events", "/counts", "/work", "/backup", "/device", "/settings/mqtt", "/places/door",
                     *(f"/events/{event.id}" for event in site.events)):  # fmt: skip
            page = window.go(path)
            site.server.hub.publish("event", {})  # what is fetched anew is text, too
            if path == "/settings/mqtt":
                expect(page.get_by_label("Host", exact=True)).to_have_value(HOSTILE)
            elif path == "/":
                expect(page.locator(".thing text")).to_have_text(f"{HOSTILE} 50 %")
            elif not path.startswith(("/places", "/events/")):
                text = HOSTILE.replace("/", "") if path == "/backup" else HOSTILE
                expect(page.get_by_text(text).locator("visible=true").first).to_be_visible()
            assert page.locator("script:not([src])").count() == 0, path
        assert window.complaints == []
    finally:
        window.close()
        site.close()


@pytest.fixture
def site(data_dir: Path, tmp_path: Path) -> Iterator[Site]:
    config_file = tmp_path / "edge.toml"
    config_file.write_text("[[camera]]\nname = 'door'\nsource = 'test:'\n")
    site = Site(data_dir, config_file)
    site.take()
    yield site
    site.close()


def test_what_is_drawn_and_not_saved_outlasts_the_news_and_the_session(browser: Browser, site: Site) -> None:
    window = Window(browser, f"http://127.0.0.1:{site.server.port}")
    window.expect("a status of 401")
    window.log_in(PASSWORD)
    page = window.go("/places/door")
    expect(page.locator("#draw[data-ready]")).to_be_attached()
    page.get_by_role("group", name="Add").get_by_role("button", name="Line").click()
    page.get_by_role("button", name="Finish the shape").press("Enter")
    lamp = page.locator("#health")
    before = lamp.inner_text()

    site.cut()
    expect(lamp).to_have_text("The device does not answer")
    expect(lamp).to_have_text(before)
    expect(page.locator("polyline.shape.line")).to_have_count(1)

    asked = list[str]()
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("setTimeout(() => location.reload())")
    until(lambda: page.title() and asked == ["beforeunload"], WAIT_S, "a page that asks before it goes")

    site.server.access.set_password(PASSWORD)
    site.cut()
    expect(lamp).to_have_text("Logged out")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Log in in another window")
    other = window.context.new_page()
    other.goto(f"{window.url}/login")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Log in").click()
    other.wait_for_url(f"{window.url}/")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It counts after a restart")).to_be_visible()
    assert window.complaints == []
    window.close()


@pytest.mark.parametrize("path", ["/", "/events"])
def test_who_is_no_longer_logged_in_is_sent_to_the_login(browser: Browser, site: Site, path: str) -> None:
    window = Window(browser, f"http://127.0.0.1:{site.server.port}")
    window.expect("a status of 401")
    window.log_in(PASSWORD)
    page = window.go(path)
    expect(page.locator("#health")).to_be_visible()
    site.server.access.set_password("another one")
    if path == "/events":  # the live view notices by its pictures
        until(lambda: site.server.hub._listeners, WAIT_S, "a page that listens")
        site.cut()
    page.wait_for_url(f"{window.url}/login?next={path}")
    assert window.complaints == []
    window.close()


@pytest.mark.parametrize("path", ["/", "/places/door"])
def test_a_camera_without_a_picture_is_waited_for(browser: Browser, data_dir: Path, tmp_path: Path, path: str) -> None:
    """As just after a start. The browser's console is silent: nothing is asked for that is not there."""
    config_file = tmp_path / "edge.toml"
    config_file.write_text("[[camera]]\nname = 'door'\nsource = 'test:'\n")
    with closing(Site(data_dir, config_file)) as site:
        window = Window(browser, f"http://127.0.0.1:{site.server.port}")
        window.log_in(PASSWORD)
        page = window.go(path)
        still = page.locator("img[alt$=door]")
        expect(page.get_by_text("No picture yet").locator("visible=true")).to_be_visible()
        expect(still).to_be_hidden()
        page.wait_for_timeout(2500)  # it has asked more than once
        site.take()
        expect(still).to_be_visible()
        expect(page.get_by_text("No picture yet").locator("visible=true")).to_have_count(0)
        page.wait_for_function("document.querySelector('img[alt$=door]').naturalWidth === 128")
        assert window.complaints == []
        window.close()


def hostile_work() -> WorkInfo:
    return WorkInfo(
        id="7", name=HOSTILE, worker="recognise-folder", tags=(), state=WorkState.RUNNING, attempts=0, periods=2, generation=0,
        stop_reason=StopReason.NOT_STOPPED, message=HOSTILE, progress={"step": HOSTILE}, output={}, next_run_wall_s=None, waits_for="",
    )  # fmt: skip


def test_the_page_speaks_german_to_germans(browser: Browser, known: Known) -> None:
    window = Window(browser, known.device.url, language="de-DE")
    page = window.go("/login")
    page.get_by_label("Passwort").fill(known.password)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("heading", name="Eben gesehen")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "de"
    page = window.go("/device")
    page.get_by_label("Sprache").select_option("fr")
    expect(page.get_by_role("link", name="En direct")).to_be_visible()
    assert window.complaints == []
    window.close()
