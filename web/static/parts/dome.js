// The dome from above: slit, where the telescope looks through it, shutter and lease.
import { html } from "../vendor/ui.js";
import { fixed } from "../format.js";
import { t, word } from "../i18n.js";
import { cell, good } from "../model.js";
import { above, path, sector } from "./compass.js";
import { Fact } from "./panel.js";

const SLIT_HALF = 14;

/** The dome from above. */
export function DomeDrawing({ dome, telescope }) {
  const azimuth = good(dome, "azimuth_deg");
  const fraction = good(dome, "opening_fraction") ?? 0;
  const pointing = good(telescope, "az_deg");
  const marks = [0, 90, 180, 270].map((az, i) => {
    const [x, y] = above(az, 93);
    return html`<text x=${x} y=${y + 4.5} text-anchor="middle">${t(`compass.${"NESW"[i]}`)}</text>`;
  });
  const [tipX, tipY] = above(pointing ?? 0, 62);
  const half = SLIT_HALF * fraction;
  return html`<svg class="drawing" viewBox="-104 -104 208 208" role="img"
    aria-label=${t("dome.drawing", { slit: fixed(azimuth, 0), telescope: fixed(pointing, 0) })}>
    <circle class="dome-shell" r="80" />
    <circle class="dome-floor" r="68" />
    ${azimuth !== undefined && html`<path class="dome-shutter" d=${sector(67, 81, azimuth - SLIT_HALF, azimuth + SLIT_HALF)} />`}
    ${azimuth !== undefined && fraction > 0 && html`<path class="dome-slit" d=${sector(20, 81.5, azimuth - half, azimuth + half)} />`}
    ${Array.from({ length: 12 }, (_, i) => html`<path class="tick" d=${path([above(i * 30, 80), above(i * 30, i % 3 ? 84 : 87)])} />`)}
    ${marks}
    ${pointing !== undefined && html`<g class="tube"><path d=${path([[0, 0], [tipX, tipY]])} /><circle r="6" /><circle cx=${tipX} cy=${tipY} r="3.2" /></g>`}
  </svg>`;
}

/** Whether the shutter stands as it should, given the verdict. */
export function shutterLevel(dome, safe) {
  const shutter = good(dome, "shutter");
  return shutter === "stuck" || (shutter && shutter !== "closed" && !safe) ? "abnormal" : "";
}

/** What the dome says beside its drawing. */
export function DomeFacts({ dome, telescope }) {
  const safe = cell("safety").value?.safety === "SAFE";
  const shutter = good(dome, "shutter");
  const age = good(dome, "lease_age_s");
  const off = angleBetween(good(dome, "azimuth_deg"), good(telescope, "az_deg"));
  return html`<dl class="pairs">
    <${Fact} label=${t("dome.shutter")} level=${shutterLevel(dome, safe)}>${word("shutter", shutter ?? "unknown")}</${Fact}>
    <${Fact} label=${t("dome.slit")} unit="°">${fixed(good(dome, "azimuth_deg"), 1)}</${Fact}>
    <${Fact} label=${t("dome.off")} unit="°" level=${shutter === "open" && off > 5 ? "attention" : ""}>${fixed(off, 1)}</${Fact}>
    <${Fact} label=${t("dome.lease")} unit="s" level=${age > 15 ? "attention" : ""}>${fixed(age, 0)}</${Fact}>
  </dl>`;
}

function angleBetween(a, b) {
  if (a === undefined || b === undefined) return undefined;
  return Math.abs(((a - b + 540) % 360) - 180);
}
