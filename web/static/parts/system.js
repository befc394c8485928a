// The tree of actors: who runs, who was restarted, whose mailbox fills.
import { html, signal } from "../vendor/ui.js";
import { t, word } from "../i18n.js";
import { cell } from "../model.js";
import { Badge, Panel } from "./panel.js";

const FINE = new Set(["running", "stopped"]); // a temporary child that has done its work is stopped
const everything = signal(true);

function level(actor) {
  if (!FINE.has(actor.state)) return actor.state === "backoff" ? "abnormal" : "attention";
  return actor.restarts ? "attention" : "ok";
}

function Actor({ actor }) {
  const parts = actor.path.split("/").filter(Boolean);
  return html`<tr class=${level(actor)}>
    <th scope="row"><span class="indent" style=${{ paddingInlineStart: `${Math.max(0, parts.length - 1) * 14}px` }}>
      <${Badge} level=${level(actor)} title=${actor.path}>${parts.at(-1) ?? "/"}</${Badge}></span></th>
    <td>${word("actor", actor.state)}</td>
    <td class="n">${actor.restarts || ""}</td>
    <td class="n">${actor.depth || ""}</td>
    <td class="n">${actor.handled}</td></tr>
    ${actor.last_error && html`<tr class=${level(actor)}><td class="error" colspan="5">${t("system.error", { error: actor.last_error })}</td></tr>`}`;
}

/** The panel. */
export function System() {
  const system = cell("system").value;
  const actors = system?.actors ?? [];
  const odd = actors.filter((actor) => level(actor) !== "ok");
  const shown = everything.value ? actors : odd;
  const state = system && t("system.state", { n: actors.length, odd: odd.length, dead: system.dead_letters });
  return html`<${Panel} id="system" title=${t("system.title")} span="span-4" state=${state}
    tools=${html`<button type="button" class="quiet small ${everything.value ? "on" : ""}" aria-pressed=${everything.value}
      onClick=${() => { everything.value = !everything.value; }}>${t("system.all")}</button>`}>
    ${shown.length ? html`<div class="scroll log-box" tabindex="0" role="region" aria-label=${t("system.title")}><table class="tree">
      <caption class="hidden-label">${t("system.title")}</caption>
      <thead><tr><th scope="col">${t("system.actor")}</th><th scope="col">${t("system.stateOf")}</th><th scope="col" class="n">${t("system.restarts")}</th>
        <th scope="col" class="n">${t("system.depth")}</th><th scope="col" class="n">${t("system.handled")}</th></tr></thead>
      <tbody>${shown.map((actor) => html`<${Actor} actor=${actor} key=${actor.path} />`)}</tbody></table></div>`
      : html`<p class="empty">${actors.length ? t("system.quiet") : t("system.none")}</p>`}
    <${Devices} />
  </${Panel}>`;
}

function Devices() {
  const link = cell("link").value;
  const journal = cell("journal").value;
  return html`<p class="line"><span><span class="soft">MQTT</span> ${word("broker", link?.broker)}</span>
    <span><span class="soft">${t("system.journal")}</span> ${journal?.seq ?? "–"}</span></p>`;
}
