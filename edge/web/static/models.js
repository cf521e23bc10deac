// The models of the catalogue, each tried on a still of a camera.
import { busy, call, say } from "./app.js";
import { drawThings, fit } from "./overlay.js";

const COLOURS = ["#56b4e9", "#e69f00", "#2fd3a0", "#f0e442", "#ff9a6b", "#d9a3d9", "#9fc5ff", "#c8e06a"];
const texts = document.getElementById("model-words").dataset;
const camera = document.getElementById("camera");

async function tryOut(model, part) {
  const still = await fetch(`/cameras/${encodeURIComponent(camera.value)}/now.jpg`, { cache: "no-store" });
  if (!still.ok) throw new Error((await still.text()).trim());
  const answer = await call("POST", `/api/v1/models/${encodeURIComponent(model.name)}/try?camera=${encodeURIComponent(camera.value)}`);
  const tried = part.querySelector(".tried"), image = tried.querySelector("img");
  image.src = URL.createObjectURL(await still.blob());
  await image.decode();
  tried.hidden = false;
  const labels = [...new Set(answer.detections.map((found) => found.label))];
  const things = answer.detections.map((found) => [found.label, found.score, found.box, COLOURS[labels.indexOf(found.label) % COLOURS.length], true]);
  drawThings(tried.querySelector(".things"), things, fit(tried.querySelector("svg"), image));
  const found = answer.detections.map((each) => `${each.label} ${Math.round(each.score * 100)} %`).join(", ") || texts.nothing;
  part.querySelector(".found").textContent = `${found} · ${texts.took} ${Math.round(answer.took_ms)} ms`;
}

function show(model) {
  const part = document.getElementById("model").content.firstElementChild.cloneNode(true);
  const chip = part.querySelector(".chip"), button = part.querySelector("[data-try]");
  part.querySelector("h2").textContent = model.name;
  chip.textContent = model.in_use ? texts.inUse : texts[model.state];
  chip.className = `chip ${model.in_use ? "news" : model.state === "here" ? "well" : model.state === "damaged" ? "trouble" : ""}`;
  part.querySelector(".summary").textContent = model.summary;
  part.querySelector(".facts-of").textContent = [model.task, model.size_bytes ? `${(model.size_bytes / 1e6).toFixed(1)} MB` : "", model.licence].filter(Boolean).join(" · ");
  button.hidden = !camera || model.state !== "here";
  button.setAttribute("aria-label", `${button.textContent.trim()}: ${model.name}`);
  button.addEventListener("click", () => busy(button, () => tryOut(model, part)));
  return part;
}

try {
  const models = await call("GET", "/api/v1/models");
  models.sort((a, b) => Number(b.in_use) - Number(a.in_use) || (b.state === "here") - (a.state === "here"));
  document.getElementById("models").replaceChildren(...models.map(show));
} catch (error) { say(error.message, "trouble"); }
