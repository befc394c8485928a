// A panel: title, state in words, tools, content. And small pieces that several panels use.
import { html } from "../vendor/ui.js";

/** A titled region of the page. */
export function Panel({ id, title, state, span = "", tools, children }) {
  return html`<section class="panel ${span}" id=${id} aria-labelledby="${id}-title">
    <header>
      <h2 id="${id}-title">${title}</h2>
      ${state && html`<span class="state">${state}</span>`}
      ${tools && html`<div class="tools">${tools}</div>`}
    </header>
    ${children}
  </section>`;
}

const SHAPES = { ok: "●", idle: "○", attention: "▲", abnormal: "✕", burst: "◆", unknown: "?" };

/** A state in words with a shape beside it; colour only when it is not normal. */
export function Badge({ level = "ok", children, title }) {
  return html`<span class="badge ${level}" title=${title}
    ><span aria-hidden="true" class="shape">${SHAPES[level]}</span>${children}</span
  >`;
}

/** One labelled value. */
export function Fact({ label, children, unit, level = "" }) {
  return html`<div class="pair ${level}">
    <dt>${label}</dt>
    <dd>${children}${unit && html` <span class="unit">${unit}</span>`}</dd>
  </div>`;
}

/** How a device state is to be taken. */
export function deviceLevel(device) {
  if (!device) return "unknown";
  if (device.state === "FAULT" || device.state === "DISABLED") {
    return device.blocking ? "abnormal" : "attention";
  }
  if (device.state === "MAINTENANCE") return "attention";
  if (device.state === "READY" || device.state === "BUSY") return "ok";
  return "unknown";
}

/** A bar that fills from 0 to 1. */
export function Progress({ part, label }) {
  const share = Math.min(1, Math.max(0, part || 0));
  return html`<div
    class="progress"
    role="progressbar"
    aria-label=${label}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow=${Math.round(share * 100)}
  >
    <i style=${{ width: `${share * 100}%` }}></i>
  </div>`;
}
