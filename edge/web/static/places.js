// Zones, lines and masks drawn on a still of a camera: with mouse, finger or keyboard. Points are in 0..1 of the picture.
import { busy, call, draft, firstPicture, restart, say } from "./app.js";
import { fit, make } from "./overlay.js";

const draw = document.getElementById("draw"), board = document.getElementById("board");
const image = board.querySelector("img"), svg = board.querySelector("svg");
const list = document.getElementById("shapes"), details = document.getElementById("details");
const nameInput = document.getElementById("name"), labelsInput = document.getElementById("labels");
const saveButton = document.getElementById("save"), undoButton = document.getElementById("undo"), finishButton = document.getElementById("finish");
const notice = document.getElementById("notice");
const texts = document.getElementById("place-words").dataset;
const path = `/api/v1/cameras/${encodeURIComponent(draw.dataset.camera)}/places`;
const CLASSES = { zone: "zone", line: "line", privacy: "privacy", motion_masks: "mask" };
const STEP = 0.005, NEAR_PX = 14;

let shapes = [], chosen = -1, drawing = false, revision = "", past = [], problems = [];
// How many zones and lines of other cameras stand before ours in the file, by whose number a problem names its place.
const others = { zone: 0, line: 0 };

const least = (shape) => (shape.kind === "line" ? 2 : 3);
const copy = (value) => JSON.parse(JSON.stringify(value));
const clamp = (value) => Math.min(1, Math.max(0, Math.round(value * 1e4) / 1e4));
const titled = (shape, index) => shape.value.name || `${texts[shape.kind]} ${shapes.slice(0, index + 1).filter((each) => each.kind === shape.kind).length}`;

function remember() { past.push(copy({ shapes, chosen, drawing })); if (past.length > 100) past.shift(); }
function changed() { draft.unsaved = true; problems = []; saveButton.disabled = drawing; render(); }

// --- what is shown
function render() {
  const size = fit(svg, image), px = size.unit;
  const at = ([x, y]) => [x * size.width, y * size.height];
  const focus = svg.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const drawn = [];
  shapes.forEach((shape, index) => {
    const open = shape.kind === "line" || (drawing && index === chosen);
    const outline = make(open ? "polyline" : "polygon", { class: `shape ${CLASSES[shape.kind]}${index === chosen ? " chosen" : ""}`, points: shape.points.map((point) => at(point).join(",")).join(" ") });
    outline.dataset.shape = index;
    drawn.push(outline);
    if (shape.value.name && shape.points.length) {
      const [x, y] = at(shape.points[0]);
      drawn.push(make("text", { class: "place-name", x: x + 8 * px, y: y + 18 * px, "font-size": 13 * px }, shape.value.name));
    }
  });
  const shape = shapes[chosen];
  if (shape) {
    if (!drawing) sides(shape).forEach(([from, to], index) => {
      const [x, y] = at([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]);
      const dot = make("circle", { class: "middle", cx: x, cy: y, r: 6 * px, "aria-hidden": "true" });
      dot.dataset.between = index;
      drawn.push(dot);
    });
    shape.points.forEach((point, index) => {
      const [x, y] = at(point);
      const handle = make("circle", { class: "handle", cx: x, cy: y, r: 9 * px, tabindex: "0", role: "button", "aria-label": `${texts.point} ${index + 1}` });
      handle.dataset.point = index;
      handle.dataset.key = `p${index}`;
      drawn.push(handle);
    });
  }
  svg.replaceChildren(...drawn);
  if (focus) svg.querySelector(`[data-key="${focus}"]`)?.focus();
  renderPanel(shape);
}

function renderPanel(shape) {
  list.replaceChildren(...shapes.map((each, index) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const swatch = Object.assign(document.createElement("span"), { className: `swatch ${each.kind}` });
    const kind = Object.assign(document.createElement("span"), { className: "chip", textContent: texts[each.kind] });
    button.append(swatch, titled(each, index), kind);
    button.type = "button";
    button.setAttribute("aria-pressed", String(index === chosen));
    button.addEventListener("click", () => { choose(index); });
    item.append(button);
    return item;
  }));
  undoButton.disabled = !past.length;
  details.hidden = !shape;
  finishButton.hidden = !drawing;
  if (!shape) return;
  const named = shape.kind === "zone" || shape.kind === "line";
  document.getElementById("name-field").hidden = document.getElementById("labels-field").hidden = !named;
  if (document.activeElement !== nameInput) nameInput.value = shape.value.name ?? "";
  if (document.activeElement !== labelsInput) labelsInput.value = (shape.value.labels ?? []).join(", ");
  const mine = problems.filter((problem) => problem.shape === chosen);
  for (const [id, key, control] of [["name-problem", "name", nameInput], ["labels-problem", "labels", labelsInput], ["shape-problem", "", null]]) {
    const texts_ = mine.filter((problem) => (key ? problem.key === key : !["name", "labels"].includes(problem.key)));
    const place = document.getElementById(id);
    place.textContent = texts_.map((problem) => problem.text).join("; ");
    place.hidden = !texts_.length;
    if (control) texts_.length ? control.setAttribute("aria-invalid", "true") : control.removeAttribute("aria-invalid");
  }
}

const sides = (shape) => shape.kind === "line" ? [] : shape.points.map((point, index) => [point, shape.points[(index + 1) % shape.points.length]]);
function choose(index) { if (drawing) finish(); chosen = index; render(); }

// --- what is drawn
document.querySelectorAll("[data-add]").forEach((button) => button.addEventListener("click", () => {
  if (drawing) finish();
  remember();
  const kind = button.dataset.add;
  let number = 1;
  while (shapes.some((shape) => shape.value.name === `${kind}-${number}`)) number += 1;
  shapes.push({ kind, points: [], value: kind === "zone" || kind === "line" ? { name: `${kind}-${number}` } : {} });
  chosen = shapes.length - 1;
  drawing = true;
  changed();
}));

function finish() {
  drawing = false;
  if (shapes[chosen] && shapes[chosen].points.length < least(shapes[chosen])) {
    shapes.splice(chosen, 1);
    chosen = -1;
    say(texts.few, "trouble");
  }
  changed();
}
finishButton.addEventListener("click", finish);

function place(event) {
  const box = image.getBoundingClientRect();
  return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
}

function put(point) {
  const shape = shapes[chosen];
  const box = image.getBoundingClientRect();
  const [first] = shape.points;
  const closes = shape.points.length >= 3 && Math.hypot((first[0] - point[0]) * box.width, (first[1] - point[1]) * box.height) < NEAR_PX;
  if (closes) { finish(); return; }
  remember();
  shape.points.push(point);
  if (shape.kind === "line" && shape.points.length === 2) finish();
  else changed();
}

let dragged = -1;
svg.addEventListener("pointerdown", (event) => {
  const target = event.target, shape = shapes[chosen];
  event.preventDefault();
  if (drawing) { put(place(event)); return; }
  if (target.dataset.point !== undefined || target.dataset.between !== undefined) {
    remember();
    dragged = Number(target.dataset.point ?? target.dataset.between);
    if (target.dataset.between !== undefined) { dragged += 1; shape.points.splice(dragged, 0, place(event)); changed(); }
    svg.setPointerCapture(event.pointerId);
    svg.querySelector(`[data-key="p${dragged}"]`)?.focus();
  } else choose(target.dataset.shape !== undefined ? Number(target.dataset.shape) : -1);
});
svg.addEventListener("pointermove", (event) => {
  if (dragged < 0) return;
  shapes[chosen].points[dragged] = place(event);
  changed();
});
for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { dragged = -1; });

const MOVES = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
svg.addEventListener("keydown", (event) => {
  if (event.target.dataset.point === undefined) return;
  const index = Number(event.target.dataset.point), shape = shapes[chosen], point = shape.points[index];
  const move = MOVES[event.key];
  if (move) {
    remember();
    const far = event.shiftKey ? 5 : 1;
    shape.points[index] = [clamp(point[0] + move[0] * far), clamp(point[1] + move[1] * far)];
  } else if (event.key === "Enter" && shape.kind !== "line") {
    remember();
    const next = shape.points[(index + 1) % shape.points.length];
    shape.points.splice(index + 1, 0, [clamp((point[0] + next[0]) / 2), clamp((point[1] + next[1]) / 2)]);
  } else if (["Delete", "Backspace"].includes(event.key) && shape.points.length > least(shape)) {
    remember();
    shape.points.splice(index, 1);
  } else return;
  event.preventDefault();
  changed();
});
// A keyboard has no place to tap: the first points of a new shape stand in the middle.
svg.tabIndex = -1;
finishButton.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !drawing || shapes[chosen].points.length) return;
  event.preventDefault();
  remember();
  shapes[chosen].points = shapes[chosen].kind === "line" ? [[0.5, 0.3], [0.5, 0.7]] : [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]];
  finish();
});

document.getElementById("remove").addEventListener("click", () => { remember(); shapes.splice(chosen, 1); chosen = -1; drawing = false; changed(); });
undoButton.addEventListener("click", () => { ({ shapes, chosen, drawing } = past.pop()); changed(); });
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !["INPUT", "TEXTAREA"].includes(document.activeElement.tagName) && past.length) { event.preventDefault(); undoButton.click(); }
  if (event.key === "Escape" && drawing) finish();
});
nameInput.addEventListener("input", () => { shapes[chosen].value.name = nameInput.value.trim(); changed(); });
labelsInput.addEventListener("input", () => { shapes[chosen].value.labels = labelsInput.value.split(",").map((label) => label.trim()).filter(Boolean); changed(); });

// --- what is kept
const of = (kind) => shapes.filter((shape) => shape.kind === kind);
const body = () => ({
  zone: of("zone").map((shape) => ({ ...shape.value, area: shape.points })),
  line: of("line").map((shape) => ({ ...shape.value, start: shape.points[0], end: shape.points[1] })),
  privacy: of("privacy").map((shape) => shape.points),
  motion_masks: of("motion_masks").map((shape) => shape.points),
  revision,
});

function refused(error) {
  problems = error.problems.map(({ place: at, problem, hint }) => {
    const [, kind, number, key] = at.match(/(zone|line|privacy|motion_masks)\[(\d+)\]\.?([a-z_]*)/) ?? [];
    const wanted = kind ? of(kind)[Number(number) - (others[kind] ?? 0)] : undefined;
    return { shape: shapes.indexOf(wanted), key: key ?? "", text: [problem, hint].filter(Boolean).join(" — ") };
  });
  const first = problems.find((problem) => problem.shape >= 0);
  if (first) chosen = first.shape;
  render();
  if (!first) throw error;
}

saveButton.addEventListener("click", () => busy(saveButton, async () => {
  try {
    const answer = await call("PUT", path, body());
    revision = answer.revision;
    past = [];
    draft.unsaved = false;
    render();
    const button = Object.assign(document.createElement("button"), { textContent: texts.restart, id: "restart" });
    notice.className = "notice";
    notice.replaceChildren(Object.assign(document.createElement("span"), { textContent: texts.saved }), button);
    button.addEventListener("click", () => busy(button, () => restart(notice)));
  } catch (error) { if (error.problems?.length) refused(error); else throw error; }
}));

async function load() {
  const answer = await call("GET", path);
  revision = answer.revision;
  const { configuration } = await call("GET", "/api/v1/configuration");
  for (const kind of Object.keys(others)) others[kind] = configuration[kind].filter((each) => each.camera !== draw.dataset.camera).length;
  const areas = (kind) => answer[kind].map((points) => ({ kind, points, value: {} }));
  shapes = [
    ...answer.zone.map(({ area, ...value }) => ({ kind: "zone", points: area, value })),
    ...answer.line.map(({ start, end, ...value }) => ({ kind: "line", points: [start, end], value })),
    ...areas("privacy"), ...areas("motion_masks"),
  ];
  render();
}

async function still() {
  await firstPicture(draw.dataset.camera);
  image.src = `/cameras/${encodeURIComponent(draw.dataset.camera)}/now.jpg`;
  image.hidden = false;
  board.querySelector(".empty").remove();
}

if (image.complete && image.naturalWidth) render(); else image.addEventListener("load", render);
if (image.hidden) still();
new ResizeObserver(render).observe(board);
try { await load(); } catch (error) { say(error.message, "trouble"); }
draw.dataset.ready = "";
