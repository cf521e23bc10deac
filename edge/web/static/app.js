// What makes the page live. Everything is readable without it; doing something needs it.
"use strict";

const csrf = document.querySelector('meta[name="csrf"]').content;
const toast = document.getElementById("toast");
let toastTimer = 0;

function say(text, kind) {
  toast.textContent = text;
  toast.className = "shown " + kind;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.className = ""; }, 5000);
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "X-CSRF-Token": csrf, "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  const text = await response.text();
  let answer;
  try { answer = JSON.parse(text); } catch { answer = { error: text.trim() || response.statusText }; }
  if (!response.ok || answer.ok === false) throw new Error(answer.hint ? `${answer.error} (${answer.hint})` : answer.error);
  return answer;
}

async function ask(button) {
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
  button.disabled = true;
  try {
    await post(`/api/v1/actions/${button.dataset.ask}`, {
      request_id: crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2),
      arguments: JSON.parse(button.dataset.arguments ?? "{}"),
    });
    if (button.hasAttribute("data-reload")) location.reload();
    else say(button.textContent + " ✓", "well");
  } catch (error) {
    say(error.message, "trouble");
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("click", async (click) => {
  const button = click.target.closest("button");
  if (!button) return;
  if (button.dataset.ask) await ask(button);
  if (button.dataset.post) {
    try { await post(button.dataset.post); location.assign("/"); } catch (error) { say(error.message, "trouble"); }
  }
  if (button.id === "boxes") {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    document.getElementById("view").classList.toggle("bare", !shown);
  }
});

// A picture after the other, each asked for when the one before has come: never faster than the network, and nothing while nobody looks.
async function follow(image) {
  const path = image.getAttribute("src");
  let tag = "";
  for (;;) {
    await new Promise((later) => setTimeout(later, document.hidden ? 1000 : 180));
    if (document.hidden) continue;
    try {
      const response = await fetch(path, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (response.status === 200) {
        tag = response.headers.get("ETag") ?? "";
        const before = image.src;
        image.src = URL.createObjectURL(await response.blob());
        await image.decode();
        if (before.startsWith("blob:")) URL.revokeObjectURL(before);
      } else if (response.status !== 304) {
        await new Promise((later) => setTimeout(later, 2000));
      }
    } catch {
      await new Promise((later) => setTimeout(later, 2000));
    }
  }
}
document.querySelectorAll("img[data-live]").forEach(follow);

if (document.body.hasAttribute("data-live")) {
  const news = new EventSource("/api/v1/stream");
  news.addEventListener("health", (message) => {
    const health = JSON.parse(message.data);
    document.getElementById("health").className = "health " + health.kind;
    document.getElementById("health-text").textContent = health.text;
    if (location.pathname === "/device") location.reload();
  });
  news.addEventListener("error", () => {
    document.getElementById("health").className = "health trouble";
  });
}
