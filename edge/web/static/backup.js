// What a restore would fetch, and the recovery kit.
import { busy, call } from "./app.js";

const bytes = (size) => {
  let unit = 0;
  while (size >= 1000 && unit < 3) { size /= 1000; unit += 1; }
  return `${unit && size < 100 ? size.toFixed(1) : Math.round(size)} ${["B", "kB", "MB", "GB"][unit]}`;
};
const SHOWN = { size_bytes: bytes, packs_bytes: bytes };

const plan = document.getElementById("plan");
if (plan) {
  const list = document.getElementById("snapshot");
  let asked = false;
  list.addEventListener("focus", async () => {
    if (asked) return;
    asked = true;
    try {
      for (const each of await call("GET", "/api/v1/backup/snapshots")) list.append(new Option(new Date(each.made_at).toLocaleString(document.documentElement.lang), each.stamp));
    } catch { asked = false; }
  });
  plan.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(plan.querySelector("button"), async () => {
      const body = { snapshot: plan.snapshot.value, day: plan.day.value, labels: [], database_only: plan.database_only.checked };
      const answer = await call("POST", "/api/v1/backup/restore/plan", body);
      const shown = document.getElementById("planned");
      shown.querySelectorAll("[data-of]").forEach((place) => {
        const key = place.dataset.of, value = answer[key];
        place.textContent = (SHOWN[key] ?? String)(value);
      });
      shown.hidden = false;
    });
  });

  const kit = document.getElementById("kit");
  kit.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(kit.querySelector("button"), async () => {
      const password = document.getElementById("kit-password");
      const answer = await call("POST", "/api/v1/backup/kit", { password: password.value });
      password.value = "";
      const shown = document.getElementById("kit-shown");
      shown.querySelector("pre").textContent = answer.text;
      // Made to stand in a page: as a picture of its own it has to say what it is.
      const svg = answer.svg.replace(/^<svg(?! xmlns)/, '<svg xmlns="http://www.w3.org/2000/svg"');
      shown.querySelector("img").src = "data:image/svg+xml," + encodeURIComponent(svg);
      shown.hidden = false;
      kit.hidden = true;
    });
  });
  document.getElementById("print").addEventListener("click", () => print());
}
