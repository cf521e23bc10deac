// The live view: a picture after the other, each with what was recognised in it, each asked for when the one before has come. So it is never
// faster than the network, and costs nothing while nobody looks. (A stream for each camera would use up the browser's connections.)
import { firstPicture, pause } from "./app.js";
import { drawPlaces, drawThings, fit } from "./overlay.js";

const PAUSE_MS = 190, HIDDEN_MS = 1000, AWAY_MS = 2000;

const visible = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.isIntersecting ? visible.add(entry.target) : visible.delete(entry.target);
});

async function follow(stage) {
  const image = stage.querySelector("img"), svg = stage.querySelector("svg.overlay"), empty = stage.querySelector(".empty");
  const places = JSON.parse(stage.dataset.places);
  const path = `/cameras/${encodeURIComponent(stage.dataset.camera)}/now.jpg`;
  let tag = "", things = [];
  const draw = () => {
    const size = fit(svg, image);
    drawPlaces(svg.querySelector(".places"), places, size);
    drawThings(svg.querySelector(".things"), things, size);
  };
  new ResizeObserver(draw).observe(stage);
  if (image.hidden) await firstPicture(stage.dataset.camera);
  for (;;) {
    await pause(document.hidden || !visible.has(stage) ? HIDDEN_MS : PAUSE_MS);
    if (document.hidden || !visible.has(stage)) continue;
    try {
      const response = await fetch(path, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (response.redirected) { location.reload(); return; }  // to the login
      if (response.status === 200) {
        tag = response.headers.get("ETag") ?? "";
        things = JSON.parse(response.headers.get("X-Things") ?? "[]");
        const next = new Image();
        next.src = URL.createObjectURL(await response.blob());
        try { await next.decode(); } catch (error) { URL.revokeObjectURL(next.src); throw error; }
        const before = image.src;
        image.src = next.src;
        image.hidden = false;
        empty.hidden = true;
        await image.decode();
        draw();
        stage.dataset.pictures = Number(stage.dataset.pictures ?? 0) + 1;
        if (before.startsWith("blob:")) URL.revokeObjectURL(before);
      } else if (response.status !== 304) await pause(AWAY_MS);
    } catch { await pause(AWAY_MS); }
  }
}
document.querySelectorAll(".stage[data-camera]").forEach((stage) => { watcher.observe(stage); follow(stage); });

// What is drawn is the reader's choice, and kept in this browser.
document.querySelectorAll("button[data-draw]").forEach((button) => {
  const name = `no-${button.dataset.draw}`;
  const apply = (hidden) => {
    document.getElementById("cameras").classList.toggle(name, hidden);
    button.setAttribute("aria-pressed", String(!hidden));
    hidden ? localStorage.setItem(name, "1") : localStorage.removeItem(name);
  };
  apply(localStorage.getItem(name) !== null);
  button.addEventListener("click", () => apply(button.getAttribute("aria-pressed") === "true"));
});

const cameras = document.getElementById("cameras");
function enlarge(button, on) {
  document.querySelectorAll(".camera.large").forEach((camera) => camera.classList.remove("large"));
  document.querySelectorAll("[data-enlarge]").forEach((each) => each.setAttribute("aria-pressed", "false"));
  cameras.classList.toggle("chosen", on);
  if (on) { button.closest(".camera").classList.add("large"); button.setAttribute("aria-pressed", "true"); }
}
cameras.addEventListener("click", (click) => {
  const button = click.target.closest("[data-enlarge]");
  if (button) enlarge(button, button.getAttribute("aria-pressed") !== "true");
});
document.addEventListener("keydown", (key) => { if (key.key === "Escape" && cameras.classList.contains("chosen")) enlarge(null, false); });
