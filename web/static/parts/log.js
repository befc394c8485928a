// The log: newest first, filtered as one types; paused it does not move, and older lines come from the store.
import { computed, html, signal } from "../vendor/ui.js";
import { loadOlderLines, olderState } from "../history.js";
import { t, word } from "../i18n.js";
import { log } from "../model.js";
import { Panel } from "./panel.js";

const SEVERITIES = ["info", "notice", "warning", "alarm"];
const SHOWN = 250;
const text = signal("");
const least = signal("info");
const held = signal(null); // the lines as they stood when paused

const lines = computed(() => {
  const wanted = text.value.trim().toLowerCase();
  const floor = SEVERITIES.indexOf(least.value);
  const found = [];
  const all = held.value ?? log.value;
  for (let i = all.length - 1; i >= 0 && found.length < SHOWN; i -= 1) {
    const line = all[i];
    if (SEVERITIES.indexOf(line.severity) < floor) continue;
    if (wanted && !`${line.subject} ${line.text} ${line.who} ${line.kind}`.toLowerCase().includes(wanted)) continue;
    found.push(line);
  }
  return found;
});

function Line({ line }) {
  const mark = { warning: "▲", alarm: "✕", notice: "·", info: "" }[line.severity];
  return html`<li class="log-line ${line.severity}">
    <time class="figures">${line.time_utc.slice(11, 19)}</time>
    <span class="mark" role="img" aria-label=${word("severity", line.severity)}>${mark}</span>
    <span class="subject soft">${line.subject}</span>
    <span class="said">${line.text}</span></li>`;
}

/** The panel. */
export function Log() {
  const paused = held.value !== null;
  const tools = html`<label class="inline"><span class="hidden-label">${t("log.filter")}</span>
      <input id="log-filter" type="search" placeholder=${t("log.filter")} value=${text.value} onInput=${(e) => { text.value = e.target.value; }} /></label>
    <select aria-label=${t("log.least")} value=${least.value} onChange=${(e) => { least.value = e.target.value; }}>
      ${SEVERITIES.map((name) => html`<option value=${name}>${word("severity", name)}</option>`)}</select>
    <button type="button" class="quiet ${paused ? "on" : ""}" aria-pressed=${paused} onClick=${() => { held.value = paused ? null : log.peek(); }}>
      ${t(paused ? "log.follow" : "log.pause")}</button>`;
  return html`<${Panel} id="log" title=${t("log.title")} span="span-8" tools=${tools} state=${paused ? t("log.paused", { n: log.value.length - held.value.length }) : ""}>
    <div class="scroll log-box" tabindex="0" role="region" aria-label=${t("log.title")}>
      ${lines.value.length ? html`<ol class="log-lines">${lines.value.map((line) => html`<${Line} line=${line} />`)}</ol>`
        : html`<p class="empty">${t("log.none")}</p>`}
      <p class="line"><button type="button" class="quiet" onClick=${() => loadOlderLines()}>${t("log.older")}</button> <span class="soft" role="status">${olderState.value === "none" ? t("log.noOlder") : olderState.value}</span></p>
    </div>
  </${Panel}>`;
}
