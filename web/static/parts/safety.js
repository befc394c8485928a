// The safety verdict: may we be open, why not, and what each weather station says.
import { html } from "../vendor/ui.js";
import { second, unixOf } from "../clock.js";
import { clockTime, fixed, span } from "../format.js";
import { t, word } from "../i18n.js";
import { cell, devicesOf, good, under } from "../model.js";
import { verdictLevel } from "./bar.js";
import { Badge, Panel } from "./panel.js";

const VOTES = { safe: "ok", unsafe: "attention", stale: "unknown", suspect: "attention", lost: "unknown" };

function Reasons({ reasons }) {
  return html`<ul class="reasons">
    ${reasons.map((reason) => html`<li><span class="code">${reason.code}</span> ${reason.text}
      ${reason.source && html` <span class="soft">(${reason.source})</span>`}</li>`)}
  </ul>`;
}

function reading(station, name, digits) {
  const found = station.readings?.[name];
  if (!found || found.v === null) return html`<td class="soft">–</td>`;
  const text = typeof found.v === "boolean" ? t(found.v ? "yes" : "no") : fixed(found.v, digits);
  return html`<td class=${found.q === "good" ? "" : "untrusted"} title=${found.q}>${text}</td>`;
}

function Stations() {
  const votes = new Map((cell("weather").value?.votes ?? []).map((vote) => [vote.station, vote]));
  const stations = under("stations");
  if (!stations.length) return html`<p class="empty">${t("safety.noStation")}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("safety.stations")}><table>
    <caption class="hidden-label">${t("safety.stations")}</caption>
    <thead><tr><th scope="col">${t("safety.station")}</th><th scope="col">${t("safety.vote")}</th>
      <th scope="col" class="n">${word("quantity", "wind_m_s")}</th><th scope="col" class="n">${word("quantity", "gust_m_s")}</th>
      <th scope="col" class="n">${word("quantity", "humidity_pct")}</th><th scope="col" class="n">${word("quantity", "cloud_fraction")}</th>
      <th scope="col">${t("weather.rain")}</th><th scope="col" class="n">${t("safety.age")}</th></tr></thead>
    <tbody>${stations.map((station) => {
      const vote = votes.get(station.station);
      const age = second.value - unixOf(station.time_utc);
      return html`<tr class=${vote && vote.vote !== "safe" && vote.vote !== "unsafe" ? "excluded" : ""}>
        <th scope="row">${station.station}</th>
        <td><${Badge} level=${VOTES[vote?.vote] ?? "unknown"} title=${vote?.text}>${word("vote", vote?.vote)}</${Badge}></td>
        ${reading(station, "wind_m_s", 1)}${reading(station, "gust_m_s", 1)}${reading(station, "humidity_pct", 0)}
        ${reading(station, "cloud_fraction", 2)}${reading(station, "rain", 0)}
        <td class="n">${span(age)}</td></tr>`;
    })}</tbody></table></div>
    <ul class="reasons votes">${[...votes.values()].filter((vote) => vote.vote !== "safe").map(
      (vote) => html`<li><b>${vote.station}</b> ${vote.text}</li>`)}</ul>`;
}

function Plc() {
  const plc = devicesOf("plc")[0];
  if (!plc) return null;
  const shown = ["mains", "ups_charge_pct", "rain", "door_closed", "lights_on"];
  return html`<p class="line"><b>PLC</b> ${shown.map((name) => {
    const value = good(plc, name);
    const text = value === undefined ? "–" : typeof value === "boolean" ? t(value ? "yes" : "no") : `${Math.round(value)} %`;
    const wrong = (name === "mains" && value === false) || (name === "rain" && value === true);
    return html`<span class=${wrong ? "attention" : ""}><span class="soft">${word("plc", name)}</span> ${text}</span>`;
  })}</p>`;
}

/** The panel. */
export function Safety() {
  const safety = cell("safety").value;
  const weather = cell("weather").value;
  const level = verdictLevel(safety, devicesOf("dome"), cell("phase").value?.phase);
  const after = unixOf(safety?.safe_after_utc);
  const waiting = after && after > second.value;
  return html`<${Panel} id="safety" title=${t("safety.title")} span="span-4"
    state=${safety && t("safety.formed", { at: clockTime(unixOf(safety.time_utc)) })}>
    <p class="verdict-line ${level}">
      <span class="big">${!safety ? "?" : safety.safety === "SAFE" ? `✓ ${t("bar.go")}` : `✕ ${t("bar.noGo")}`}</span>
      <span>${t("safety.weatherSays", { verdict: word("safety", weather?.safety) })}</span>
      ${waiting && html`<span>${t("safety.holdOff", { span: span(after - second.value) })}</span>`}
    </p>
    ${safety?.reasons.length ? html`<${Reasons} reasons=${safety.reasons} />` : null}
    <${Stations} /><${Plc} />
  </${Panel}>`;
}
