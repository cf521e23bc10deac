// What every page does: asks for actions, hears news, keeps what it shows fresh. Everything is readable without it.
const AGAIN_MS = 5000;

export const words = document.getElementById("words").dataset;
const health = document.getElementById("health");
const toast = document.getElementById("toast");
let csrf = document.querySelector('meta[name="csrf"]').content;
let toastTimer = 0, loggedOut = false;

export function say(text, kind = "well") {
  toast.textContent = text;
  toast.className = "shown " + kind;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.className = ""; }, 6000);
}

export class Refused extends Error {
  constructor(answer, status) {
    super(answer.hint ? `${answer.error} (${answer.hint})` : answer.error);
    this.problems = answer.problems ?? [];
    this.status = status;
  }
}

// What is written or drawn and not saved: while there is some, the page does not load itself anew.
export const draft = { unsaved: false };
addEventListener("beforeunload", (event) => { if (draft.unsaved) event.preventDefault(); });

const show = (kind, text) => { health.className = "health " + kind; health.lastElementChild.textContent = text; };

// The session is over: on to the login, or, with a draft, somebody logs in in another window.
function logOut() {
  loggedOut = true;
  if (!draft.unsaved) location.reload();
  show("trouble", words.out);
}

// The device or the session is back: a new page, or, with a draft, this one with the token and the state of now.
async function renew() {
  if (!draft.unsaved) { location.reload(); return; }
  const response = await fetch(location.href, { cache: "no-store" });
  if (response.redirected) { logOut(); return; }
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html"), now = fresh.getElementById("health");
  csrf = fresh.querySelector('meta[name="csrf"]').content;
  show(now.classList[1], now.textContent.trim());
  loggedOut = false;
}

// The answer of the interface; raises Refused with its reason.
export async function call(method, path, body) {
  if (loggedOut && method !== "GET") await renew();
  const headers = { "X-CSRF-Token": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.status === 401) { logOut(); throw new Refused({ error: words.again }, 401); }
  const text = await response.text();
  let answer;
  try { answer = JSON.parse(text); } catch { answer = { error: text.trim() || response.statusText }; }
  if (!response.ok || answer?.ok === false) throw new Refused(answer, response.status);
  return answer;
}

// `sure`: a person was asked again; actions that end something want that.
export function act(name, values = {}, sure = false) {
  const id = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);
  return call("POST", `/api/v1/actions/${name}`, { request_id: id, arguments: values, ...(sure ? { confirm: name } : {}) });
}

const sure = document.getElementById("sure");
export function confirmed(text) {
  sure.querySelector("h2").textContent = text;
  sure.returnValue = "no";
  sure.showModal();
  return new Promise((done) => sure.addEventListener("close", () => done(sure.returnValue === "yes"), { once: true }));
}

// Runs while the button can be pressed no second time; tells what went wrong.
export async function busy(button, task) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try { return await task(); } catch (error) { say(error.message, "trouble"); } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

export const pause = (ms) => new Promise((later) => setTimeout(later, ms));

// Until a camera has given a picture: after a start the first one takes a moment.
export async function firstPicture(camera) {
  for (;; await pause(1000)) {
    if (document.hidden) continue;
    try {
      const cameras = await call("GET", "/api/v1/cameras");
      if (cameras.some(({ name, width_px }) => name === camera && width_px !== null)) return;
    } catch { /* the device is away for a moment */ }
  }
}

// Ends the program, which its keeper starts again; the page waits until it answers.
export async function restart(notice) {
  await act("restart", {}, true);
  notice.textContent = words.restarting;
  let gone = false;
  for (let tries = 0; tries < 120; tries += 1) {
    await pause(500);
    try {
      const answer = await fetch("/healthz", { cache: "no-store" });
      if ((gone || tries > 10) && answer.ok) break;
    } catch { gone = true; }
  }
  location.reload();
}

async function ask(button) {
  if (button.dataset.confirm && !(await confirmed(button.dataset.confirm))) return;
  await busy(button, async () => {
    await act(button.dataset.ask, JSON.parse(button.dataset.arguments ?? "{}"), Boolean(button.dataset.confirm));
    if (button.hasAttribute("data-reload")) location.reload();
    else say(button.dataset.said ?? `${button.textContent.trim()}: ${words.done}`);
    freshen();
  });
}

document.addEventListener("click", async (click) => {
  const button = click.target.closest("button");
  if (!button) return;
  if (button.dataset.ask) await ask(button);
  if (button.dataset.post) await busy(button, async () => { await fetch(button.dataset.post, { method: "POST", headers: { "X-CSRF-Token": csrf } }); location.assign("/"); });
  if (button.id === "boxes") {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    document.getElementById("view").classList.toggle("bare", !shown);
  }
});

document.addEventListener("change", async (change) => {
  const box = change.target;
  if (box.dataset.on && box.dataset.off) {
    try { await act(box.checked ? box.dataset.on : box.dataset.off, JSON.parse(box.dataset.arguments)); freshen(); }
    catch (error) { box.checked = !box.checked; say(error.message, "trouble"); }
  }
  const form = box.closest("form[data-submits]");
  if (form) form.requestSubmit();
});

// Filters that say nothing stay out of the address.
document.querySelectorAll("form[data-submits]").forEach((form) => form.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
}));

// What is marked data-fresh is replaced by what the server says now, child by child, so that focus and pictures stay.
function adopt(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const focus = old.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  const children = [...fresh.childNodes].map((child) => {
    const before = child.id ? known.get(child.id) : undefined;
    return before && before.isEqualNode(child) ? before : child;
  });
  old.replaceChildren(...children);
  if (focus) old.querySelector(`[aria-label="${CSS.escape(focus)}"]`)?.focus();
}

let fetching = false, again = false;
export async function freshen() {
  const parts = [...document.querySelectorAll("[data-fresh]")];
  if (!parts.length || document.hidden) return;
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    const response = await fetch(location.href, { cache: "no-store" });
    if (response.redirected) { location.reload(); return; }
    if (response.ok) {
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const part of parts) {
        const now = fresh.getElementById(part.id);
        if (now) adopt(part, now);
      }
      const missing = [...fresh.querySelectorAll("[data-fresh]")].some((part) => !document.getElementById(part.id));
      if (missing && !document.querySelector("dialog[open]")) location.reload();
    }
  } catch { /* the device is away: the stream says so */ }
  setTimeout(() => { fetching = false; if (again) { again = false; freshen(); } }, 900);
}
// A drawing that is wider than the screen shows its newest part first.
document.querySelectorAll(".plot").forEach((plot) => {
  const last = [...plot.querySelectorAll("svg > rect")].pop();
  if (last) plot.scrollLeft += last.getBoundingClientRect().left - plot.getBoundingClientRect().left - plot.clientWidth * 0.75;
});
document.querySelector(".sections [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("visibilitychange", () => { if (!document.hidden) freshen(); });
if (document.querySelector("[data-every]")) setInterval(freshen, 5000);

if (document.body.hasAttribute("data-session")) {
  let news, away = false;
  const listen = () => {
    news = new EventSource("/api/v1/stream");
    news.addEventListener("open", () => { if (away) { away = false; renew().catch(() => show("trouble", words.lost)); } });
    news.addEventListener("error", () => {
      away = true;
      if (news.readyState === EventSource.CLOSED) refused(); else show("trouble", words.lost);
    });
    for (const kind of ["health", "event", "work"]) news.addEventListener(kind, freshen);
    news.addEventListener("health", (message) => { const told = JSON.parse(message.data); show(told.kind, told.text); });
  };
  // A browser asks no second time: the session is over, or too many pages listen.
  const refused = async () => {
    try {
      const { status } = await fetch("/api/v1/state", { cache: "no-store" });
      if (status === 401) logOut(); else freshen();
    } catch { show("trouble", words.lost); }
    await pause(AGAIN_MS);
    listen();
  };
  listen();
  addEventListener("pagehide", () => news.close());
}
