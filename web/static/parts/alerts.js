// Alerts: what came in, what was decided and why, and how many milliseconds each stage took.
import { html } from "../vendor/ui.js";
import { second, unixOf } from "../clock.js";
import { declination, fixed, milliseconds, rightAscension, span } from "../format.js";
import { t, word } from "../i18n.js";
import { cell, under } from "../model.js";
import { ExpertButton, ExpertTools } from "./expert.js";
import { Badge, Panel } from "./panel.js";

const ORDER = ["received", "parsed", "judged", "planned", "interrupted", "slew-command", "stored",
  "on-target", "first-photon", "frame-on-disk", "ended"];
const LEVEL = { accepted: "burst", deferred: "burst", ignored: "idle", merged: "ok", held: "attention",
  retracted: "attention", retraction: "attention" };

/** A radius in the unit it is read in. */
function radius(deg) {
  if (deg >= 1) return `${fixed(deg, 1)}°`;
  return deg * 60 >= 1 ? `${fixed(deg * 60, 1)}′` : `${fixed(deg * 3600, 1)}″`;
}

/** Share of the stage bar: 1 ms at the left, 1000 s at the right, logarithmic. */
function place(ms) {
  return Math.min(1, Math.max(0, Math.log10(Math.max(ms, 1)) / 6));
}

function Stages({ stages }) {
  const reached = ORDER.filter((name) => stages[name] !== undefined && stages[name] !== null);
  if (!reached.length) return null;
  return html`<svg class="stages" viewBox="0 0 600 16" preserveAspectRatio="none" aria-hidden="true">
      <path class="rail" d="M4 8H596" />
      ${[1, 2, 3, 4, 5].map((decade) => html`<path class="decade" d="M${4 + (592 * decade) / 6} 4v8" />`)}
      ${reached.map((name) => html`<path class="stage" d="M${4 + 592 * place(stages[name])} 1v14" />`)}
    </svg>
    <ol class="stage-list">${reached.map((name) => html`<li><span class="soft">${word("stage", name)}</span> <span class="figures">${milliseconds(stages[name])}</span></li>`)}</ol>`;
}

function Alert({ alert }) {
  const age = second.value - unixOf(alert.received_utc ?? alert.t0_utc);
  return html`<li class="alert">
    <p class="line"><${Badge} level=${LEVEL[alert.decision] ?? "unknown"}>${word("decision", alert.decision)}</${Badge}>
      <b>${alert.stream ?? alert.alert_id}</b>
      <span class="soft">${word("alert", alert.state)}${alert.strategy && ` ${t("alerts.by", { name: alert.strategy })}`}</span>
      ${alert.injected && html`<span class="tag">${t("alerts.injected")}</span>`}
      <span class="soft push">${t("alerts.ago", { span: span(age) })}</span></p>
    <p class="ivorn figures soft">${alert.ivorn}</p>
    ${typeof alert.ra_deg === "number" && html`<p class="figures">${rightAscension(alert.ra_deg)} ${declination(alert.dec_deg)}
      ${typeof alert.error_deg === "number" && html` <span class="soft">± ${radius(alert.error_deg)}</span>`}</p>`}
    <ul class="reasons">${(alert.reasons ?? []).map((reason) => html`<li>${reason}</li>`)}</ul>
    <${Stages} stages=${alert.stages ?? {}} />
    <${ExpertTools} alert=${alert} />
  </li>`;
}

/** The panel. */
export function Alerts() {
  const alerts = under("alerts").sort((a, b) => (b.received_utc ?? "").localeCompare(a.received_utc ?? ""));
  const strategies = cell("strategies").value;
  const state = [alerts.length && t("alerts.count", { n: alerts.length }),
    strategies && t("alerts.default", { name: strategies.default })].filter(Boolean).join(" · ");
  const tools = strategies && html`<${ExpertButton} form="event" /><${ExpertButton} form="default" />`;
  return html`<${Panel} id="alerts" title=${t("alerts.title")} span="span-6" state=${state} tools=${tools}>
    ${alerts.length ? html`<div class="scroll tall" tabindex="0" role="region" aria-label=${t("alerts.title")}>
        <ul class="alerts">${alerts.map((alert) => html`<${Alert} alert=${alert} key=${alert.alert_id} />`)}</ul></div>`
      : html`<p class="empty">${t("alerts.none")}</p>`}
  </${Panel}>`;
}
