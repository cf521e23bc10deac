// The doctor's findings, and the language of this browser.
import { busy, call } from "./app.js";

const KINDS = { ok: "well", warn: "warn", fail: "trouble" };
const findings = document.getElementById("findings");
const element = (name, className, text) => Object.assign(document.createElement(name), { className, textContent: text ?? "" });

document.getElementById("doctor").addEventListener("click", (click) => busy(click.currentTarget, async () => {
  const answer = await call("GET", "/api/v1/doctor");
  findings.replaceChildren(...answer.findings.map((finding) => {
    const line = document.createElement("li");
    const words = [finding.value, finding.remedy].filter(Boolean).join(" — ");
    line.append(element("span", "", finding.what), element("span", `chip ${KINDS[finding.level]}`, finding.level), element("span", "why", words));
    return line;
  }));
  findings.hidden = false;
}));

document.getElementById("language").addEventListener("change", (change) => {
  document.cookie = `edge_language=${change.target.value}; path=/; max-age=31536000; samesite=strict`;
  location.reload();
});
