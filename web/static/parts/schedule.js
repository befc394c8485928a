// What the plan could not place, and why; and how the night's sequences ended.
import { html, signal } from "../vendor/ui.js";
import { hourMinute } from "../format.js";
import { unixOf } from "../clock.js";
import { t, word } from "../i18n.js";
import { cell, under } from "../model.js";
import { Badge, Panel } from "./panel.js";

const shown = signal("missing");
const LEVEL = { COMPLETED: "ok", INTERRUPTED: "attention", FAILED: "abnormal" };
const VIEWS = ["missing", "planned", "ended"];

function Missing() {
  const items = cell("plan").value?.not_scheduled ?? [];
  if (!items.length) return html`<p class="empty">${t("schedule.allPlaced")}</p>`;
  return html`<table><caption class="hidden-label">${t("schedule.missing")}</caption>
    <thead><tr><th scope="col">${t("schedule.name")}</th><th scope="col">${t("schedule.programme")}</th><th scope="col">${t("schedule.reason")}</th></tr></thead>
    <tbody>${items.map((item) => html`<tr key=${item.sequence_id}><th scope="row">${item.name}</th><td>${item.programme_id}</td>
      <td><span class="code">${item.code}</span> ${item.text}</td></tr>`)}</tbody></table>`;
}

function Planned() {
  const items = cell("plan").value?.scheduled ?? [];
  if (!items.length) return html`<p class="empty">${t("schedule.nonePlanned")}</p>`;
  return html`<table><caption class="hidden-label">${t("schedule.planned")}</caption>
    <thead><tr><th scope="col">${t("schedule.from")}</th><th scope="col">${t("schedule.to")}</th><th scope="col">${t("schedule.name")}</th>
      <th scope="col">${t("schedule.programme")}</th><th scope="col" class="n">${t("schedule.priority")}</th><th scope="col">${t("schedule.filters")}</th></tr></thead>
    <tbody>${items.map((item) => html`<tr key=${item.sequence_id}><td>${hourMinute(unixOf(item.start_utc))}</td><td>${hourMinute(unixOf(item.end_utc))}</td>
      <th scope="row">${item.name}</th><td>${item.programme_id}</td><td class="n">${item.priority}</td><td>${item.filters.join(" ")}</td></tr>`)}</tbody></table>`;
}

function Ended() {
  const items = under("history").sort((a, b) => b.ended_utc.localeCompare(a.ended_utc));
  if (!items.length) return html`<p class="empty">${t("schedule.noneEnded")}</p>`;
  return html`<table><caption class="hidden-label">${t("schedule.ended")}</caption>
    <thead><tr><th scope="col">${t("schedule.to")}</th><th scope="col">${t("schedule.name")}</th><th scope="col">${t("schedule.state")}</th>
      <th scope="col" class="n">${t("schedule.frames")}</th><th scope="col">${t("schedule.reason")}</th></tr></thead>
    <tbody>${items.map((item) => html`<tr key=${item.sequence_id + item.started_utc}><td>${hourMinute(unixOf(item.ended_utc))}</td><th scope="row">${item.name}</th>
      <td><${Badge} level=${item.alert_id ? "burst" : LEVEL[item.state] ?? "unknown"}>${word("sequence", item.state)}</${Badge}></td>
      <td class="n">${item.frames}</td><td>${item.reason}</td></tr>`)}</tbody></table>`;
}

/** The panel. */
export function Schedule() {
  const plan = cell("plan").value;
  const counts = { missing: plan?.not_scheduled.length ?? 0, planned: plan?.scheduled.length ?? 0, ended: under("history").length };
  const view = { missing: Missing, planned: Planned, ended: Ended }[shown.value];
  return html`<${Panel} id="schedule" title=${t("schedule.title")} span="span-6"
    tools=${VIEWS.map((name) => html`<button type="button" class="quiet small ${shown.value === name ? "on" : ""}" aria-pressed=${shown.value === name}
      onClick=${() => { shown.value = name; }}>${t(`schedule.${name}`)} ${counts[name]}</button>`)}>
    <div class="scroll tall" tabindex="0" role="region" aria-label=${t("schedule.title")}><${view} /></div>
  </${Panel}>`;
}
