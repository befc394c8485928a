// Cameras: what each exposes now and how far it is, its filter and its temperature.
import { html } from "../vendor/ui.js";
import { second, unixOf } from "../clock.js";
import { fixed, span } from "../format.js";
import { lastFrames } from "../history.js";
import { t, word } from "../i18n.js";
import { cell, devicesOf, good } from "../model.js";
import { askFor } from "./ask.js";
import { Badge, deviceLevel, Panel, Progress } from "./panel.js";

function channelOf(device) {
  return device.device.replace(/^(cam|wheel)-/, "");
}

function Exposure({ camera }) {
  const shown = cell(`exposures/${camera.unit}/${camera.device}`).value;
  const activity = good(camera, "activity");
  if (!shown || !shown.running) return html`<p class="soft">${word("activity", activity ?? "unknown")}</p>`;
  const elapsed = second.value - unixOf(shown.start_utc);
  const left = shown.exposure_s - elapsed;
  return html`<${Progress} part=${elapsed / shown.exposure_s} label=${t("cameras.progress", { camera: camera.device })} />
    <p>${shown.object_name} · ${shown.filter_name} · ${fixed(shown.exposure_s, 0)} s
      <span class="soft"> ${shown.image_index}/${shown.image_count} · ${left > 0 ? t("bar.left", { span: span(left) }) : word("activity", "reading")}</span></p>`;
}

function Camera({ camera }) {
  const wheel = devicesOf("filter-wheel").find((w) => w.unit === camera.unit && channelOf(w) === channelOf(camera));
  const temperature = good(camera, "temperature_deg_C");
  const setpoint = good(camera, "setpoint_deg_C");
  const warm = temperature !== undefined && setpoint !== undefined && Math.abs(temperature - setpoint) > 2;
  return html`<li class="camera">
    <p class="line"><b>${camera.device}</b>
      <${Badge} level=${deviceLevel(camera)}>${word("device", camera.state)}</${Badge}>
      ${wheel && html`<span><span class="soft">${t("cameras.filter")}</span> ${good(wheel, "moving") ? "→" : good(wheel, "filter") ?? "–"}</span>`}
      <span class=${warm ? "attention" : ""}><span class="soft">${t("cameras.detector")}</span> ${fixed(temperature, 1)} °C
        ${warm ? html`<span class="soft"> → ${fixed(setpoint, 0)}</span>` : null}</span></p>
    <${Exposure} camera=${camera} />
    ${camera.reason && html`<p class="attention">${camera.reason}</p>`}
  </li>`;
}

/** The panel of all cameras. */
export function Cameras() {
  const cameras = devicesOf("camera");
  const span = devicesOf("telescope").length > 1 ? "" : "span-4";
  return html`<${Panel} id="cameras" title=${t("cameras.title")} span=${span}>
    ${cameras.length ? html`<ul class="cameras">${cameras.map((camera) => html`<${Camera} camera=${camera} key=${camera.device} />`)}</ul>`
      : html`<p class="empty">${t("cameras.none")}</p>`}
    <${LastImages} cameras=${cameras} />
  </${Panel}>`;
}

function LastImages({ cameras }) {
  const images = cameras.map((camera) => cell(`images/${camera.unit}/${camera.device}`).value
    ?? lastFrames.value[`${camera.unit}/${camera.device}`]).filter(Boolean);
  if (!images.length) return html`<p class="empty">${t("images.none")}</p>`;
  return html`<div class="images">${images.map((image) => {
    const src = `/api/1/frames/${encodeURIComponent(image.frame_id)}/preview.png`;
    const title = `${image.object_name} · ${image.camera} · ${image.filter_name} · ${fixed(image.exposure_s, 1)} s`;
    const note = [
      `${image.start_utc?.slice(11, 19)} UTC`,
      image.stars === null ? null : t("images.stars", { n: image.stars }),
      image.fwhm_arcsec === null ? null : `FWHM ${fixed(image.fwhm_arcsec, 2)}″`,
      t("images.sky", { n: fixed(image.background_adu, 0) }),
    ].filter(Boolean).join(" · ");
    return html`<figure key=${image.camera}>
      <button type="button" class="picture" onClick=${() => askFor({ src, title, note: `${note} · ${image.path}` })} aria-label=${t("images.enlarge", { title })}>
        <img src=${src} alt="" loading="lazy" onError=${(event) => { event.target.hidden = true; }} /></button>
      <figcaption><b>${image.object_name || image.kind}</b> <span class="soft">${image.camera} · ${image.filter_name} · ${fixed(image.exposure_s, 1)} s ${image.image_count ? ` · ${image.image_index}/${image.image_count}` : ""}</span>
        <span class="figures soft">${note}</span>
        ${image.alert_id && html`<${Badge} level="burst">${image.alert_id}</${Badge}>`}</figcaption>
    </figure>`;
  })}</div>`;
}
