// The persistent bar: what an operator must know at a glance, and the orders that cannot wait.
import { html } from "../vendor/ui.js";
import { now, second, unixOf } from "../clock.js";
import { clockTime, fixed, isoDate, siderealTime, span } from "../format.js";
import { language, languages, setLanguage, t, word } from "../i18n.js";
import { ageMs, hello, phase } from "../link.js";
import { cell, devicesOf, good, under } from "../model.js";
import { setTheme, theme, themes } from "../theme.js";
import { askFor } from "./ask.js";
import { OrderButton } from "./orders.js";

const SIDEREAL = 360.98564736629 / 86400;
const SUN_EVENTS = [
  "sunset", "civil_dusk", "nautical_dusk", "astronomical_dusk",
  "astronomical_dawn", "nautical_dawn", "civil_dawn", "sunrise",
];

function Item({ label, value, note, kind = "", figures = false }) {
  return html`<div class="fact ${kind}">
    <span class="label">${label}</span>
    <span class="value ${figures ? "figures" : ""}">${value}</span>
    ${note !== undefined && html`<span class="note">${note}</span>`}
  </div>`;
}

/** The next event of the Sun, as [name, unix seconds]. */
export function nextTwilight(night, unix) {
  const events = SUN_EVENTS.map((name) => [name, unixOf(night?.events?.[name])]);
  return events.filter(([, at]) => at > unix).sort((a, b) => a[1] - b[1])[0];
}

/** How the verdict is to be taken: closed by day is normal, open without consent is not. */
export function verdictLevel(safety, domes, sky) {
  if (!safety) return "unknown";
  if (safety.safety === "SAFE") return "ok";
  const open = domes.some((dome) => good(dome, "shutter") && good(dome, "shutter") !== "closed");
  if (open) return "abnormal";
  const bySun = safety.reasons.length > 0 && safety.reasons.every((r) => r.code.startsWith("SUN"));
  return bySun || sky === "DAY" ? "ok" : "attention";
}

function Times() {
  const unix = second.value;
  const sky = cell("sky").value;
  const sidereal = sky ? sky.lst_deg + (unix - unixOf(sky.time_utc)) * SIDEREAL : undefined;
  const speed = hello.value?.speed ?? 1;
  return html`<${Item} label=${"UTC " + isoDate(unix)} value=${clockTime(unix)} figures
      note=${speed > 1.01 ? t("bar.speed", { n: Math.round(speed) }) : t("bar.realTime")} />
    <${Item} label=${t("bar.lst")} value=${sidereal === undefined ? "–" : siderealTime(sidereal)} figures
      note=${t("bar.sunAt", { deg: sky ? sky.sun[1].toFixed(1).replace("-", "−") : "–" })} />`;
}

function NightPhase() {
  const unix = second.value;
  const next = nextTwilight(cell("night").value, unix);
  const known = cell("phase").value?.phase;
  const altitude = cell("sky").value?.sun?.[1];
  const guess = altitude === undefined ? undefined : altitude > -0.83 ? "DAY" : altitude < -18 ? "NIGHT" : "TWILIGHT";
  return html`<${Item} label=${t("bar.phase")} value=${word("phase", known ?? guess)}
    note=${next ? t("bar.next", { what: word("sunEvent", next[0]), span: span(next[1] - unix) }) : "–"} />`;
}

function ModeItem() {
  const mode = cell("mode").value;
  const kind = { EMERGENCY: "abnormal", PAUSED: "attention", MANUAL: "attention" }[mode?.mode] ?? "";
  const byHand = mode?.who && mode.who !== "majordome";
  const note = byHand ? `${mode.who}: ${mode.reason}` : mode?.reason;
  return html`<${Item} label=${t("bar.mode")} value=${word("mode", mode?.mode)} note=${note ?? "–"} kind=${kind} />`;
}

function VerdictItem() {
  const safety = cell("safety").value;
  const level = verdictLevel(safety, devicesOf("dome"), cell("phase").value?.phase);
  const kind = { abnormal: "abnormal", attention: "attention" }[level] ?? "";
  const reasons = safety?.reasons ?? [];
  const after = unixOf(safety?.safe_after_utc);
  const wait = after > second.value ? t("bar.safeIn", { span: span(after - second.value) }) : "";
  const note = reasons.map((reason) => reason.text).join(" · ") || wait || t("bar.noVeto");
  const value = !safety ? "?" : safety.safety === "SAFE" ? `✓ ${t("bar.go")}` : `✕ ${t("bar.noGo")}`;
  return html`<div class="fact verdict ${kind}" title=${note}>
    <span class="label">${t("bar.verdict")}</span>
    <span class="value">${value}${safety?.safety === "UNKNOWN" ? ` (${t("bar.unknown")})` : ""}</span>
    <span class="note">${note}</span>
  </div>`;
}

function DomeItem() {
  const domes = devicesOf("dome");
  const safety = cell("safety").value;
  const states = domes.map((dome) => good(dome, "shutter"));
  const open = states.some((state) => state && state !== "closed");
  const stuck = states.includes("stuck");
  const kind = stuck || (open && safety && safety.safety !== "SAFE") ? "abnormal" : "";
  const value = states.length ? states.map((state) => word("shutter", state ?? "unknown")).join(" · ") : "–";
  const order = cell("close_order").value;
  const lease = domes.some((dome) => good(dome, "closed_by_lease"));
  const note = lease ? t("bar.byLease") : open && safety?.safety !== "SAFE" && order ? t("bar.ordered") : domes.map((d) => d.unit).join(" · ") || "–";
  return html`<${Item} label=${t("bar.dome")} value=${value} kind=${kind} note=${note} />`;
}

function SequenceItem() {
  const running = cell("sequence").value;
  if (!running) return html`<${Item} label=${t("bar.sequence")} value="–" kind="wide" note=${t("bar.idle")} />`;
  const left = unixOf(running.expected_end_utc) - second.value;
  return html`<${Item} label=${t("bar.sequence")} value=${running.object_name || running.name} kind="wide ${running.alert_id ? "burst" : ""}"
    note=${`${word("step", running.step)} · ${running.frames_done}/${running.frames_asked} · ${t("bar.left", { span: span(left) })}`} />`;
}

function WeatherStrip() {
  const fused = cell("weather").value?.fused ?? {};
  const limits = cell("site").value?.limits ?? {};
  const shown = [["wind_m_s", 1, "m/s"], ["gust_m_s", 1, "m/s"], ["humidity_pct", 0, "%"], ["temperature_deg_C", 1, "°C"], ["dew_point_deg_C", 1, "°C"], ["cloud_fraction", 2, ""]];
  return html`<p class="strip">${shown.filter(([name]) => typeof fused[name] === "number").map(([name, digits, unit]) => {
    const over = limits[name] !== undefined && fused[name] >= limits[name];
    return html`<span class=${over ? "over" : ""}><span class="soft">${word("quantity", name)}</span> ${over ? "▲ " : ""}${fixed(fused[name], digits)}${unit && `\u202f${unit}`}</span>`;
  })}${fused.rain !== undefined && html`<span class=${fused.rain ? "over" : ""}><span class="soft">${t("weather.rain")}</span> ${fused.rain ? "▲ " : ""}${t(fused.rain ? "yes" : "no")}</span>`}</p>`;
}

function LinkItem() {
  const state = phase.value;
  const broker = cell("link").value?.broker;
  const kind = state === "live" && broker !== "down" ? "link" : "link abnormal";
  const note = broker === "down" ? t("bar.brokerDown") : t("bar.age", { s: (ageMs.value / 1000).toFixed(1) });
  return html`<${Item} label=${t("bar.link")} value=${word("link", state)} note=${note} kind=${kind} />`;
}

function Choices() {
  return html`<select class="quiet" aria-label=${t("bar.theme")} value=${theme.value} onChange=${(e) => setTheme(e.target.value)}>
      ${themes.map((name) => html`<option value=${name}>${word("theme", name)}</option>`)}
    </select>
    <select class="quiet" aria-label=${t("bar.language")} value=${language.value} onChange=${(e) => setLanguage(e.target.value)}>
      ${languages.map((code) => html`<option value=${code}>${code.toUpperCase()}</option>`)}
    </select>
    <button class="quiet" onClick=${() => askFor("keys")} aria-label=${t("keys.title")}>?</button>`;
}

function Banners() {
  const running = cell("sequence").value;
  const alert = under("alerts").find((item) => item.alert_id === running?.alert_id && running?.alert_id);
  const stale = phase.value !== "live";
  return html`${stale &&
    html`<p class="banner stale" role="alert">✕ ${t(`stale.${phase.value}`)}
      <span class="detail">${t("stale.detail", { at: clockTime(now()), s: (ageMs.value / 1000).toFixed(0) })}</span></p>`}
    ${alert &&
    html`<p class="banner burst" role="status">◆ ${t("bar.burst", { stream: alert.stream })}
      <span class="detail">${alert.ivorn}${alert.injected ? ` · ${t("alerts.injected")}` : ""}</span></p>`}`;
}

/** The bar. */
export function Bar() {
  const site = cell("site").value;
  return html`<div class="bar" role="region" aria-label=${t("bar.title")}>
    <div class="bar-row">
      <div class="fact name"><h1>PyROS</h1><span class="note">${site?.name || "–"}</span></div>
      <${Times} /><${NightPhase} /><${ModeItem} /><${VerdictItem} /><${DomeItem} /><${SequenceItem} /><${LinkItem} />
    </div>
    <div class="bar-row second">
      <${WeatherStrip} />
      <div class="orders">
        <${OrderButton} action="pause" /><${OrderButton} action="resume" /><${OrderButton} action="abort" />
        <${OrderButton} action="inject-alert" /><${OrderButton} action="close-dome" danger />
        <${Choices} />
      </div>
    </div>
    <${Banners} />
  </div>`;
}
