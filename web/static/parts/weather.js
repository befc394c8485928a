// Weather: what counts now with its limit, and the trends of every station.
import { effect, html, signal, useEffect, useRef } from "../vendor/ui.js";
import uPlot from "../vendor/uplot.js";
import { fixed, hourMinute } from "../format.js";
import { language, t, word } from "../i18n.js";
import { cell, onTrend } from "../model.js";
import { colour, painted } from "../theme.js";
import { Panel } from "./panel.js";

const CHARTS = [
  { id: "wind", quantity: "wind_m_s", limit: "wind_m_s", unit: "m/s", digits: 1, floor: [0, 10] },
  { id: "humidity", quantity: "humidity_pct", limit: "humidity_pct", unit: "%", digits: 0, floor: [0, 100] },
  { id: "temperature", quantity: "temperature_deg_C", limit: null, unit: "°C", digits: 1, floor: null },
  { id: "cloud", quantity: "cloud_fraction", limit: "cloud_fraction", unit: "", digits: 2, floor: [0, 1] },
];
const CURVES = ["--curve", "--curve-2", "--curve-3"];
const DASHES = [[], [6, 3], [2, 3]];
const hours = signal(3);
const trends = signal(null); // { time_unix_s, stations }
let loading = false;

async function load() {
  if (loading) return;
  loading = true;
  try {
    const answer = await fetch(`/api/1/trends?hours=${hours.peek()}&points=500`);
    if (answer.ok) trends.value = await answer.json();
  } catch {
    trends.value = trends.peek(); // the next point of the stream asks again
  } finally {
    loading = false;
  }
}

function take(point) {
  const known = trends.peek();
  if (point === null || !known || Object.keys(point.stations).some((name) => !known.stations[name])) {
    load();
    return;
  }
  const times = [...known.time_unix_s, point.t];
  const first = times.findIndex((at) => at >= point.t - hours.peek() * 3600);
  const stations = {};
  for (const [station, columns] of Object.entries(known.stations)) {
    stations[station] = {};
    for (const { quantity } of CHARTS) {
      stations[station][quantity] = [...columns[quantity], point.stations[station]?.[quantity] ?? null].slice(first);
    }
  }
  trends.value = { time_unix_s: times.slice(first), stations };
}

function limitLine(limit, hue) {
  return (plot) => {
    if (limit === undefined || limit === null) return;
    const y = Math.round(plot.valToPos(limit, "y", true));
    const { ctx, bbox } = plot;
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.save();
    ctx.strokeStyle = hue;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([8, 4]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  };
}

function options(chart, stations, limit, width) {
  const ink = colour("--ink-soft");
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: ink, grid, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const range = (plot, low, high) => {
    const [floorLow, floorHigh] = chart.floor ?? [low - 1, high + 1];
    return [Math.min(low ?? floorLow, floorLow), Math.max(high ?? floorHigh, floorHigh, (limit ?? -Infinity) * 1.08)];
  };
  return {
    width,
    height: 118,
    legend: { show: false },
    cursor: { show: false },
    tzDate: (unix) => uPlot.tzDate(new Date(unix * 1000), "Etc/UTC"),
    scales: { y: { range } },
    axes: [
      { ...axis, size: 22, space: 60, values: (plot, splits) => splits.map(hourMinute) },
      { ...axis, size: 38, space: 26 },
    ],
    series: [{}, ...stations.map((_, i) => ({
      stroke: colour(CURVES[i % 3]), width: 1.6, dash: DASHES[i % 3], points: { show: false }, spanGaps: false,
    }))],
    hooks: { draw: [limitLine(limit, colour("--alarm"))] },
  };
}

function Chart({ chart }) {
  const box = useRef(null);
  useEffect(() => {
    let plot = null;
    let made = "";
    const paint = () => {
      const data = trends.value;
      const limit = cell("site").value?.limits?.[chart.limit];
      const width = box.current.clientWidth;
      if (!data || !width) return;
      const stations = Object.keys(data.stations).sort();
      const columns = [data.time_unix_s, ...stations.map((name) => data.stations[name][chart.quantity])];
      const wanted = `${stations}/${limit}/${width}/${painted.value}`;
      if (made !== wanted) {
        plot?.destroy();
        plot = new uPlot(options(chart, stations, limit, width), columns, box.current);
        made = wanted;
      } else plot.setData(columns);
    };
    const stop = effect(paint);
    const watcher = new ResizeObserver(paint);
    watcher.observe(box.current);
    return () => { stop(); watcher.disconnect(); plot?.destroy(); };
  }, []);
  const fused = cell("weather").value?.fused ?? {};
  const limit = cell("site").value?.limits?.[chart.limit];
  const value = fused[chart.quantity];
  const over = typeof value === "number" && limit !== undefined && value >= limit;
  return html`<figure class="chart">
    <figcaption><span>${t(`weather.${chart.id}`)}</span>
      <b class=${over ? "over" : ""}>${over ? "▲ " : ""}${fixed(value, chart.digits)} <span class="unit">${chart.unit}</span></b>
      ${limit !== undefined && html`<span class="soft">${t("weather.limit", { n: limit, unit: chart.unit })}</span>`}</figcaption>
    <div ref=${box} class="canvas" role="img" aria-label=${t("weather.curve", { what: t(`weather.${chart.id}`), hours: hours.value, value: fixed(value, chart.digits), unit: chart.unit })}></div>
  </figure>`;
}

function Now() {
  const fused = cell("weather").value?.fused ?? {};
  const shown = [["dew_point_deg_C", 1, "°C"], ["gust_m_s", 1, "m/s"], ["sky_temperature_deg_C", 0, "°C"], ["pressure_hPa", 0, "hPa"], ["seeing_arcsec", 2, "″"]];
  return html`<p class="line">${shown.filter(([name]) => typeof fused[name] === "number").map(([name, digits, unit]) =>
      html`<span><span class="soft">${word("quantity", name)}</span> ${fixed(fused[name], digits)} ${unit}</span>`)}
    ${fused.rain !== undefined && html`<span class=${fused.rain ? "attention" : ""}><span class="soft">${t("weather.rain")}</span> ${fused.rain ? `▲ ${t("yes")}` : t("no")}</span>`}</p>`;
}

/** The panel. */
export function Weather() {
  useEffect(() => {
    load();
    return onTrend(take);
  }, []);
  void language.value;
  const stations = Object.keys(trends.value?.stations ?? {}).sort();
  const tools = html`<ul class="key">${stations.map((name, i) => html`<li><i class="swatch curve-${(i % 3) + 1}"></i>${name}</li>`)}</ul>
    ${[1, 3, 12, 24].map((n) => html`<button type="button" class="quiet small ${hours.value === n ? "on" : ""}" aria-pressed=${hours.value === n}
      onClick=${() => { hours.value = n; load(); }}>${n} h</button>`)}`;
  return html`<${Panel} id="weather" title=${t("weather.title")} tools=${tools}>
    <${Now} />
    <div class="charts">${CHARTS.map((chart) => html`<${Chart} chart=${chart} key=${chart.id} />`)}</div>
  </${Panel}>`;
}
