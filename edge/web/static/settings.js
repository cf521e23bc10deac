// A section of the configuration as a form: filled from the interface, checked while it is written, saved when it is right.
import { busy, call, draft, restart, say } from "./app.js";

const form = document.getElementById("section"), section = form.dataset.section, several = form.hasAttribute("data-several");
const saveButton = document.getElementById("save"), state = document.getElementById("state"), notice = document.getElementById("notice");
const items = document.getElementById("items"), template = document.getElementById("item");
const texts = document.getElementById("setting-words").dataset;
let revision = "", checking = 0, numbers = 0;

const READ = {
  switch: (control) => control.checked,
  choice: (control) => (control.selectedOptions[0]?.hasAttribute("data-none") ? null : choices.get(control)?.[control.selectedIndex] ?? control.value),
  maybe: (control) => (control.value === "" ? null : control.value === "true"),
  integer: number, number,
  text: (control) => (control.value === "" && control.hasAttribute("data-optional") ? null : control.value),
  list: (control) => control.value.split("\n").map((line) => line.trim()).filter(Boolean),
  pairs: (control) => Object.fromEntries(control.value.split("\n").filter((line) => line.trim()).map(pair)),
  json: (control) => (control.value.trim() === "" ? (control.hasAttribute("data-optional") ? null : []) : parsed(control.value)),
};
const WRITE = {
  switch: (control, value) => { control.checked = value === true; },
  choice: (control, value) => { control.value = value ?? ""; },
  maybe: (control, value) => { control.value = value === null || value === undefined ? "" : String(value); },
  list: (control, value) => { control.value = (value ?? []).join("\n"); },
  pairs: (control, value) => { control.value = Object.entries(value ?? {}).map(([key, each]) => `${key} = ${each}`).join("\n"); },
  json: (control, value) => { control.value = value === null || value === undefined || value.length === 0 ? "" : JSON.stringify(value); },
};
const choices = new Map();

function number(control) {
  if (control.value === "") return control.hasAttribute("data-optional") && !control.validity.badInput ? null : control.value;
  return Number(control.value);
}
function pair(line) {
  const [key, ...rest] = line.split("="), value = rest.join("=").trim();
  return [key.trim(), value !== "" && !Number.isNaN(Number(value)) ? Number(value) : value];
}
function parsed(text) { try { return JSON.parse(text); } catch { return text; } }

function prepare(root) {
  root.querySelectorAll("[data-kind]").forEach((control) => {
    const id = `f${(numbers += 1)}`, field = control.closest(".field"), problem = field.querySelector(".problem"), help = field.querySelector(".help");
    control.id = id;
    field.querySelector("label:not(.check)")?.setAttribute("for", id);
    problem.id = `${id}-problem`;
    if (help) help.id = `${id}-help`;
    control.setAttribute("aria-describedby", [help?.id, problem.id].filter(Boolean).join(" "));
    // A select gives words; the interface wants numbers where they are numbers.
    if (control.dataset.kind === "choice") choices.set(control, [...control.options].map((option) => (option.value !== "" && !Number.isNaN(Number(option.value)) ? Number(option.value) : option.value)));
  });
}
function fill(root, value) {
  root.querySelectorAll("[data-kind]").forEach((control) => {
    const found = control.name in value ? value[control.name] : control.name.split(".").reduce((inner, key) => inner?.[key], value);
    (WRITE[control.dataset.kind] ?? ((each, text) => { each.value = text ?? ""; }))(control, found);
  });
}
function read(root) {
  const value = {};
  root.querySelectorAll("[data-kind]").forEach((control) => {
    const found = READ[control.dataset.kind](control), path = control.name.split(".");
    if (found === null) return;
    let inner = value;
    for (const key of path.slice(0, -1)) inner = inner[key] ??= {};
    inner[path.at(-1)] = found;
  });
  return value;
}

const value = () => (several ? [...items.children].map(read) : read(form));
const heading = (item) => {
  const wanted = ["name", "label", "model", "pin", "start"].map((name) => item.querySelector(`[name="${name}"]`)?.value).find(Boolean);
  item.querySelector("summary").textContent = wanted || texts.new;
};

function add(content, open) {
  const item = template.content.firstElementChild.cloneNode(true);
  prepare(item);
  fill(item, content);
  item.open = open;
  items.append(item);
  heading(item);
  return item;
}

function clear() {
  form.querySelectorAll(".problem").forEach((place) => { place.hidden = true; place.textContent = ""; });
  form.querySelectorAll("[aria-invalid]").forEach((control) => control.removeAttribute("aria-invalid"));
}

// Each problem beside its field; what belongs to none stands beside the button.
function mark(problems) {
  clear();
  const elsewhere = [];
  for (const { place, problem, hint } of problems) {
    const match = place.match(/^([a-z_]+)(?:\[(\d+)\])?\.?(.*)$/);
    const root = match?.[1] === section ? (several ? items.children[Number(match[2] ?? 0)] : form) : null;
    const text = [problem, hint].filter(Boolean).join(" — ");
    const name = (match?.[3] ?? "").replace(/\[.*$/, "");
    const control = root?.querySelector(`[name="${CSS.escape(name)}"]`) ?? (root && name.includes(".") ? root.querySelector(`[name="${CSS.escape(name.split(".")[0])}"]`) : null);
    if (!control) { elsewhere.push(`${place}: ${text}`); continue; }
    if (several) root.open = true;
    control.setAttribute("aria-invalid", "true");
    const shown = control.closest(".field").querySelector(".problem");
    shown.textContent = text;
    shown.hidden = false;
  }
  state.textContent = elsewhere.join("; ") || (problems.length ? texts.wrong : draft.unsaved ? texts.changed : "");
  return form.querySelector('[aria-invalid="true"]');
}

function told() {
  draft.unsaved = true;
  saveButton.disabled = false;
  state.textContent = texts.changed;
  clearTimeout(checking);
  checking = setTimeout(check, 500);
}
async function check() {
  try {
    const answer = await call("POST", "/api/v1/configuration/check", { section, value: value() });
    mark(answer.problems ?? []);
  } catch (error) { mark(error.problems ?? []); }
}

function restartNotice() {
  const button = Object.assign(document.createElement("button"), { textContent: texts.restart, id: "restart" });
  notice.className = "notice";
  notice.replaceChildren(Object.assign(document.createElement("span"), { textContent: texts.saved }), button);
  button.addEventListener("click", () => busy(button, () => restart(notice)));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(checking);
  busy(saveButton, async () => {
    try {
      const answer = await call("PUT", `/api/v1/configuration/${section}`, { value: value(), revision });
      revision = answer.revision;
      draft.unsaved = false;
      clear();
      state.textContent = "";
      restartNotice();
    } catch (error) {
      if (!error.problems?.length) { state.textContent = error.message; throw error; }
      mark(error.problems)?.focus();
    }
  }).then(() => { saveButton.disabled = !draft.unsaved; });
});
form.addEventListener("input", (event) => { const item = event.target.closest("details"); if (item) heading(item); told(); });
document.getElementById("add")?.addEventListener("click", () => { add(JSON.parse(form.dataset.defaults), true).querySelector("input, select, textarea").focus(); told(); });
items?.addEventListener("click", (click) => { if (click.target.closest("[data-remove]")) { click.target.closest("details").remove(); told(); } });

const previous = document.getElementById("previous");
previous.addEventListener("click", () => busy(previous, async () => { await call("POST", "/api/v1/configuration/previous", { revision }); draft.unsaved = false; location.reload(); }));

try {
  const answer = await call("GET", "/api/v1/configuration");
  revision = answer.revision;
  const current = answer.configuration[section];
  if (several) current.forEach((each) => add(each, current.length === 1));
  else { prepare(form); fill(form, current); }
  previous.hidden = !answer.previous;
  if (answer.restart_needed) restartNotice();
} catch (error) { say(error.message, "trouble"); state.textContent = error.message; }
form.dataset.ready = "";
