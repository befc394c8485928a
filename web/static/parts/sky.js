// The sky as it stands above the dome: stars, Moon, targets of the plan, and where the telescope looks.
import { html } from "../vendor/ui.js";
import { clockTime } from "../format.js";
import { unixOf } from "../clock.js";
import { t } from "../i18n.js";
import { cell, devicesOf, good, under } from "../model.js";
import { lookingUp, path } from "./compass.js";
import { Panel } from "./panel.js";

const R = 150;

function Horizon({ points }) {
  if (!points?.length) return null;
  const sorted = [...points, [points[0][0] + 360, points[0][1]]];
  const line = [];
  for (let i = 0; i + 1 < sorted.length; i += 1) {
    const [[az, alt], [nextAz, nextAlt]] = [sorted[i], sorted[i + 1]];
    const steps = Math.max(1, Math.ceil((nextAz - az) / 4));
    for (let k = 0; k < steps; k += 1) {
      const part = k / steps;
      line.push(lookingUp(az + (nextAz - az) * part, alt + (nextAlt - alt) * part, R));
    }
  }
  const rim = Array.from({ length: 90 }, (_, i) => lookingUp(-i * 4, 0, R));
  return html`<path class="horizon" fill-rule="evenodd" d=${path(rim, true) + path(line, true)} />`;
}

function Moon({ direction, lit, phase }) {
  const [x, y] = lookingUp(...direction, R);
  const waxing = phase < 180;
  const bulge = 7 * Math.abs(1 - 2 * lit);
  const outer = `A7 7 0 0 ${waxing ? 1 : 0} 0 7`;
  const inner = `A${bulge.toFixed(2)} 7 0 0 ${(lit > 0.5) === waxing ? 1 : 0} 0 -7`;
  return html`<g class="moon-disc" transform="translate(${x.toFixed(1)} ${y.toFixed(1)})">
    <circle r="7" /><path d="M0 -7${outer}${inner}Z" /><text x="10" y="4">${t("sky.moon")}</text></g>`;
}

function Targets({ directions, done, running }) {
  const names = new Map((cell("plan").value?.scheduled ?? []).map((item) => [item.sequence_id, item.name]));
  return Object.entries(directions).filter(([, [, alt]]) => alt > 0).map(([id, direction]) => {
    const [x, y] = lookingUp(...direction, R);
    if (id.startsWith("alert/")) {
      return html`<path class="sky-alert" key=${id} d="M${x.toFixed(1)} ${(y - 8).toFixed(1)}l8 8l-8 8l-8 -8z" />`;
    }
    const kind = id === running?.sequence_id ? "running" : done.has(id) ? "past" : "";
    return html`<circle class="sky-target ${kind}" key=${id} cx=${x.toFixed(1)} cy=${y.toFixed(1)} r=${kind === "running" ? 6 : 3.6}>
      <title>${names.get(id) ?? id} · ${direction[1].toFixed(0)}°</title></circle>`;
  });
}

function Telescopes() {
  return devicesOf("telescope").map((telescope) => {
    const [az, alt] = [good(telescope, "az_deg"), good(telescope, "alt_deg")];
    if (az === undefined || alt === undefined) return null;
    const [x, y] = lookingUp(az, Math.max(0, alt), R);
    return html`<g class="reticle" transform="translate(${x.toFixed(1)} ${y.toFixed(1)})" key=${telescope.unit}>
      <circle r="9" /><path d="M-15 0h9M6 0h9M0 -15v9M0 6v9" /></g>`;
  });
}

function Disc() {
  const sky = cell("sky").value;
  const site = cell("site").value;
  const done = new Set(under("history").map((item) => item.sequence_id));
  const limit = site?.min_altitude_deg;
  const names = [["N", 0, -R - 6], ["E", -R - 10, 5], ["S", 0, R + 16], ["W", R + 11, 5]];
  return html`<svg class="drawing sky-disc" viewBox="-176 -172 352 346" role="img" aria-label=${t("sky.drawing")}>
    <circle class="disc" r=${R} />
    ${[30, 60].map((alt) => html`<circle class="ring" r=${(R * (90 - alt)) / 90} /><text class="ring-name" x="3" y=${-(R * (90 - alt)) / 90 + 11}>${alt}°</text>`)}
    <path class="ring" d="M-${R} 0h${2 * R}M0 -${R}v${2 * R}" />
    ${limit && html`<circle class="limit" r=${(R * (90 - limit)) / 90} />`}
    ${sky?.stars.map(([az, alt, mag]) => {
      const [x, y] = lookingUp(az, alt, R);
      return html`<circle class="star" cx=${x} cy=${y} r=${Math.max(0.7, 2.5 - 0.55 * mag).toFixed(2)} />`;
    })}
    <${Horizon} points=${site?.horizon} />
    ${sky && sky.sun[1] > -1 && html`<${Sun} direction=${sky.sun} />`}
    ${sky && sky.moon[1] > 0 && html`<${Moon} direction=${sky.moon} lit=${sky.moon_illumination} phase=${sky.moon_phase_deg} />`}
    ${sky && html`<${Targets} directions=${sky.targets} done=${done} running=${cell("sequence").value} />`}
    <${Telescopes} />
    ${names.map(([name, x, y]) => html`<text class="cardinal" x=${x} y=${y} text-anchor="middle">${t(`compass.${name}`)}</text>`)}
  </svg>`;
}

function Sun({ direction }) {
  const [x, y] = lookingUp(direction[0], Math.max(0, direction[1]), R);
  return html`<g class="sun-disc" transform="translate(${x.toFixed(1)} ${y.toFixed(1)})"><circle r="7" /><circle r="1.6" class="point" /><text x="11" y="4">${t("sky.sun")}</text></g>`;
}

/** The panel. */
export function Sky() {
  const sky = cell("sky").value;
  const moon = sky && t("sky.moonState", { lit: Math.round(sky.moon_illumination * 100), alt: sky.moon[1].toFixed(0).replace("-", "−") });
  return html`<${Panel} id="sky" title=${t("sky.title")} state=${sky && `${clockTime(unixOf(sky.time_utc))} UTC`} span="span-4">
    <${Disc} />
    <p class="line soft">${moon}</p>
  </${Panel}>`;
}
