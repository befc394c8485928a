// The night as a picture: twilights, Moon, the plan with its targets' altitudes, what was done, and now.
import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { second, unixOf } from "../clock.js";
import { hourMinute } from "../format.js";
import { t, word } from "../i18n.js";
import { cell, under } from "../model.js";
import { path } from "./compass.js";
import { Panel } from "./panel.js";

const HEIGHT = 250;
const PLOT_TOP = 20;
const PLOT_HEIGHT = 136;
const LANE = 24;
const PLAN_TOP = PLOT_TOP + PLOT_HEIGHT + 12;
const DONE_TOP = PLAN_TOP + LANE + 6;
const LEFT = 34;
const RIGHT = 8;
const BANDS = [[-0.83, "day"], [-6, "civil"], [-12, "nautical"], [-18, "astronomical"], [-90, "night"]];
const DONE_LEVEL = { COMPLETED: "done", INTERRUPTED: "interrupted", FAILED: "failed" };

function bandOf(altitude) {
  return BANDS.find(([limit]) => altitude > limit)?.[1] ?? "night";
}

/** Runs of equal sky between noon and noon, as [name, from, to]. */
function skyBands(night, start) {
  const bands = [];
  night.sun_alt_deg.forEach((altitude, i) => {
    const name = bandOf(altitude);
    const at = start + i * night.step_s;
    if (bands.at(-1)?.[0] === name) bands.at(-1)[2] = at + night.step_s;
    else bands.push([name, at, at + night.step_s]);
  });
  const edges = Object.values(night.events).filter(Boolean).map(unixOf);
  for (let i = 1; i < bands.length; i += 1) {
    const exact = edges.find((edge) => Math.abs(edge - bands[i][1]) < night.step_s);
    if (exact) bands[i - 1][2] = bands[i][1] = exact;
  }
  return bands;
}

function useWidth() {
  const box = useRef(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  return [box, width];
}

function Axes({ from, to, x, y, width }) {
  const step = ((width - LEFT) * 3600) / (to - from) < 46 ? 7200 : 3600;
  const hours = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) hours.push(at);
  return html`<g class="axes">
    ${[30, 60].map((alt) => html`<path class="grid" d=${path([[LEFT, y(alt)], [width - RIGHT, y(alt)]])} />`)}
    ${[0, 30, 60, 90].map((alt) => html`<text x=${LEFT - 5} y=${y(alt) + 4} text-anchor="end">${alt}°</text>`)}
    ${hours.map((at) => html`<path class="grid" d=${path([[x(at), PLOT_TOP], [x(at), DONE_TOP + LANE]])} />
      ${x(at) < width - 16 && html`<text x=${x(at)} y=${HEIGHT - 6} text-anchor="middle">${hourMinute(at)}</text>`}`)}
  </g>`;
}

function Twilights({ night, x, from, to }) {
  const named = ["sunset", "astronomical_dusk", "astronomical_dawn", "sunrise", "moonrise", "moonset"];
  let last = -1e9;
  return named.map((name) => [name, unixOf(night.events[name])])
    .filter(([, at]) => at > from && at < to)
    .sort((a, b) => a[1] - b[1])
    .map(([name, at]) => {
      const room = x(at) - last > 62;
      if (room) last = x(at);
      return html`<g class="event"><path d=${path([[x(at), PLOT_TOP - 4], [x(at), PLOT_TOP + PLOT_HEIGHT]])} />
        ${room && html`<text x=${x(at)} y="12" text-anchor="middle">${word("sunEvent", name)}</text>`}</g>`;
    });
}

function Blocks({ plan, curves, x, y, unix, history }) {
  const done = new Map(history.map((item) => [item.sequence_id, item.state]));
  return plan.scheduled.map((item) => {
    const [start, end] = [unixOf(item.start_utc), unixOf(item.end_utc)];
    const altitudes = curves?.alt_deg?.[item.sequence_id];
    const points = altitudes?.map((alt, i) => [x(start + ((end - start) * i) / (altitudes.length - 1)), y(alt)]);
    const width = Math.max(1.5, x(end) - x(start) - 1);
    const running = unix >= start && unix < end && !done.has(item.sequence_id);
    const label = `${item.name} · ${item.programme_id} · ${hourMinute(start)}–${hourMinute(end)} · ${item.filters.join(" ")}`;
    return html`<g class="block ${running ? "running" : done.has(item.sequence_id) ? "past" : ""}" key=${item.sequence_id}>
      <title>${label}</title>
      ${points && html`<path class="target" d=${path(points)} />`}
      <rect x=${x(start)} y=${PLAN_TOP} width=${width} height=${LANE} rx="2" />
      ${width > 34 && html`<text x=${x(start) + 4} y=${PLAN_TOP + 16}>${item.name.slice(0, Math.floor((width - 6) / 6.6))}</text>`}
    </g>`;
  });
}

function Done({ history, running, x, unix }) {
  const blocks = history.map((item) => ({ ...item, level: DONE_LEVEL[item.state] ?? "failed", to: unixOf(item.ended_utc) }));
  if (running) {
    blocks.push({ ...running, level: "running", to: unix, state: "EXECUTING", reason: "", key: "now" });
  }
  return blocks.map((item) => {
    const start = unixOf(item.started_utc);
    const width = Math.max(2, x(item.to) - x(start) - 1);
    return html`<g class="done ${item.level} ${item.alert_id ? "burst" : ""}" key=${`${item.sequence_id}/${item.started_utc}`}>
      <title>${item.name} · ${word("sequence", item.state)} · ${hourMinute(start)}–${hourMinute(item.to)}${item.reason ? ` · ${item.reason}` : ""}</title>
      <rect x=${x(start)} y=${DONE_TOP} width=${width} height=${LANE} rx="2" />
      ${width > 13 && item.level !== "done" && item.level !== "running" && html`<text x=${x(start) + width / 2} y=${DONE_TOP + 17} text-anchor="middle">${item.level === "failed" ? "✕" : "▲"}</text>`}
    </g>`;
  });
}

function Picture({ night, width }) {
  const plan = cell("plan").value;
  const curves = cell("curves").value;
  const history = under("history");
  const running = cell("sequence").value;
  const unix = Math.floor(second.value / 10) * 10;
  const start = unixOf(night.start_utc);
  const from = (unixOf(night.events.sunset) ?? start) - 3000;
  const to = (unixOf(night.events.sunrise) ?? unixOf(night.end_utc)) + 3000;
  const x = (at) => LEFT + ((at - from) / (to - from)) * (width - LEFT - RIGHT);
  const y = (alt) => PLOT_TOP + PLOT_HEIGHT * (1 - Math.max(0, alt) / 90);
  const inside = (at) => at >= from && at <= to;
  const moon = night.moon_alt_deg.map((alt, i) => [start + i * night.step_s, alt]).filter(([at, alt]) => inside(at) && alt > -1);
  const pieces = [];
  moon.forEach(([at, alt]) => {
    if (pieces.length && at - pieces.at(-1).at(-1)[2] <= night.step_s * 1.5) pieces.at(-1).push([x(at), y(alt), at]);
    else pieces.push([[x(at), y(alt), at]]);
  });
  return html`<svg class="timeline" viewBox="0 0 ${width} ${HEIGHT}" width=${width} height=${HEIGHT} role="img" aria-label=${t("timeline.drawing")}>
    ${skyBands(night, start).filter(([, a, b]) => b > from && a < to).map(([name, a, b]) => {
      const [left, right] = [Math.max(x(a), LEFT), Math.min(x(b), width - RIGHT)];
      return html`<rect class="sky ${name}" x=${left} y=${PLOT_TOP} width=${Math.max(0, right - left)} height=${DONE_TOP + LANE - PLOT_TOP} />`;
    })}
    <${Axes} from=${from} to=${to} x=${x} y=${y} width=${width} />
    <${Twilights} night=${night} x=${x} from=${from} to=${to} />
    ${pieces.map((piece) => html`<path class="moon" d=${path(piece)} />`)}
    <text class="lane" x=${LEFT - 5} y=${PLAN_TOP + 16} text-anchor="end">${t("timeline.plan")}</text>
    <text class="lane" x=${LEFT - 5} y=${DONE_TOP + 16} text-anchor="end">${t("timeline.done")}</text>
    ${plan && plan.night === night.night && html`<${Blocks} plan=${plan} curves=${curves} x=${x} y=${y} unix=${unix} history=${history} />`}
    <${Done} history=${history} running=${running} x=${x} unix=${unix} />
    ${inside(unix) && html`<g class="now"><path d=${path([[x(unix), PLOT_TOP - 4], [x(unix), DONE_TOP + LANE + 4]])} />
      <path class="head" d="M${x(unix) - 5} ${PLOT_TOP - 8}h10l-5 7z" /></g>`}
  </svg>`;
}

/** The panel. */
export function Timeline() {
  const [box, width] = useWidth();
  const night = cell("night").value;
  const plan = cell("plan").value;
  const state = plan
    ? t("timeline.version", { night: plan.night, version: plan.version, trigger: plan.trigger, n: plan.scheduled.length, missing: plan.not_scheduled.length })
    : night && t("timeline.noPlan", { night: night.night });
  const key = ["planned", "running", "completed", "interrupted", "moon"];
  return html`<${Panel} id="night" title=${t("timeline.title")} state=${state} span="span-8"
    tools=${html`<ul class="key">${key.map((name) => html`<li><i class="swatch ${name}"></i>${t(`timeline.${name}`)}</li>`)}</ul>`}>
    <div ref=${box}>${night && html`<${Picture} night=${night} width=${Math.max(300, width)} />`}</div>
    <${Coming} />
  </${Panel}>`;
}

/** What was, what is, what comes: the plan around now in words. */
function Coming() {
  const unix = Math.floor(second.value / 5) * 5;
  const scheduled = cell("plan").value?.scheduled ?? [];
  const running = cell("sequence").value;
  const last = under("history").sort((a, b) => a.ended_utc.localeCompare(b.ended_utc)).at(-1);
  const next = scheduled.filter((item) => unixOf(item.start_utc) > unix && item.sequence_id !== running?.sequence_id).slice(0, 2);
  return html`<ol class="coming">
    <li><span class="soft">${t("timeline.prec")}</span> ${last ? html`<b>${last.name}</b> ${word("sequence", last.state)} ${hourMinute(unixOf(last.ended_utc))}` : "–"}</li>
    <li><span class="soft">${t("timeline.now")}</span> ${running ? html`<b>${running.name}</b> ${word("step", running.step)}` : "–"}</li>
    ${next.map((item, i) => html`<li><span class="soft">${i ? t("timeline.then") : t("timeline.succ")}</span> <b>${item.name}</b> ${hourMinute(unixOf(item.start_utc))}</li>`)}
  </ol>`;
}
