// Orders of operators: each is confirmed in a dialog with who and why, and answered in words.
import { html, useLayoutEffect, useRef } from "../vendor/ui.js";
import { t } from "../i18n.js";
import { ordersAllowed } from "../link.js";
import { cell } from "../model.js";
import { Ask, asked, askFor, orderDone } from "./ask.js";
import { Expert } from "./expert.js";

/** The button of one order; it works only while the page is live. */
export function OrderButton({ action, danger = false }) {
  return html`<button type="button" class=${danger ? "danger" : ""} disabled=${!ordersAllowed.value}
    data-order=${action} onClick=${() => askFor(action)}>${t(`order.${action}`)}</button>`;
}

function Order({ action }) {
  const kinds = cell("site").value?.alert_kinds ?? [];
  const injects = action === "inject-alert";
  return html`<${Ask} title=${t(`order.${action}.title`)} text=${t(`order.${action}.text`)}
    confirm=${t(`order.${action}.confirm`)} danger=${action === "close-dome"}
    path=${`/api/1/commands/${action}`} more=${(form) => (injects ? { kind: form.get("kind") } : {})}>
    ${injects && html`<label><span>${t("order.kind")}</span>
      <select name="kind" disabled=${orderDone()}>${kinds.map((kind) => html`<option value=${kind}>${kind}</option>`)}</select></label>`}
  </${Ask}>`;
}

function Keys() {
  const keys = ["?", "t", "/", "Esc"];
  return html`<div class="inside"><h2 id="dialog-title">${t("keys.title")}</h2>
    <ul class="keys">${keys.map((key) => html`<li><kbd>${key}</kbd> ${t(`keys.${key}`)}</li>`)}</ul>
    <p class="soft">${t("keys.note")}</p>
    <div class="answers"><button type="button" onClick=${() => askFor(null)}>${t("order.close")}</button></div></div>`;
}

function Picture({ picture }) {
  return html`<div class="inside"><h2 id="dialog-title">${picture.title}</h2>
    <img src=${picture.src} alt=${picture.title} />
    <p class="figures">${picture.note}</p>
    <div class="answers"><button type="button" onClick=${() => askFor(null)}>${t("order.close")}</button></div></div>`;
}

/** The one dialog of the page. */
export function Dialogs() {
  const box = useRef(null);
  const what = asked.value;
  useLayoutEffect(() => {
    if (what && !box.current.open) box.current.showModal();
    if (!what && box.current.open) box.current.close();
  }, [what]);
  const closed = () => {
    // The event comes late: by now the next dialog may be open, and it is not the one that closed.
    if (!box.current.open) askFor(null);
  };
  const content =
    what === null ? null
    : what === "keys" ? html`<${Keys} />`
    : what.form ? html`<${Expert} ...${what} key=${what.form} />`
    : typeof what === "object" ? html`<${Picture} picture=${what} />`
    : html`<${Order} action=${what} key=${what} />`;
  return html`<dialog ref=${box} class=${what?.src ? "picture" : ""}
    aria-labelledby="dialog-title" onCancel=${() => askFor(null)} onClose=${closed}>${content}</dialog>`;
}
