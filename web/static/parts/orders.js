// Orders of operators: each is confirmed in a dialog with who and why, and answered in words.
import { html, signal, useLayoutEffect, useRef } from "../vendor/ui.js";
import { t } from "../i18n.js";
import { ordersAllowed } from "../link.js";
import { cell } from "../model.js";

export const asked = signal(null); // action, "keys", a picture, or null
const outcome = signal(null); // { text, refused }
const sending = signal(false);

/** Open the dialog for an action. */
export function askFor(what) {
  outcome.value = null;
  asked.value = what;
}

/** The button of one order; it works only while the page is live. */
export function OrderButton({ action, danger = false }) {
  return html`<button type="button" class=${danger ? "danger" : ""} disabled=${!ordersAllowed.value}
    data-order=${action} onClick=${() => askFor(action)}>${t(`order.${action}`)}</button>`;
}

async function send(event, action) {
  event.preventDefault();
  const form = new FormData(event.target);
  const body = { who: form.get("who").trim(), why: form.get("why").trim() };
  if (action === "inject-alert") body.kind = form.get("kind");
  localStorage.setItem("pyros.who", body.who);
  sending.value = true;
  try {
    const answer = await fetch(`/api/1/commands/${action}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    outcome.value = answer.ok
      ? { text: told.text, refused: false }
      : { text: told.detail ?? answer.statusText, refused: true };
  } catch (error) {
    outcome.value = { text: t("order.unreachable", { error: error.message }), refused: true };
  } finally {
    sending.value = false;
  }
}

function Order({ action }) {
  const done = outcome.value && !outcome.value.refused;
  const kinds = cell("site").value?.alert_kinds ?? [];
  return html`<form onSubmit=${(event) => send(event, action)}>
    <h2 id="dialog-title">${t(`order.${action}.title`)}</h2>
    <p>${t(`order.${action}.text`)}</p>
    ${action === "inject-alert" && html`<label><span>${t("order.kind")}</span>
      <select name="kind">${kinds.map((kind) => html`<option value=${kind}>${kind}</option>`)}</select></label>`}
    <label><span>${t("order.who")}</span>
      <input type="text" name="who" required maxlength="80" pattern=".*\\S.*" autocomplete="name"
        defaultValue=${localStorage.getItem("pyros.who") ?? ""} disabled=${done} /></label>
    <label><span>${t("order.why")}</span>
      <input type="text" name="why" required maxlength="400" pattern=".*\\S.*" autocomplete="off" disabled=${done} /></label>
    <p class="outcome ${outcome.value?.refused ? "refused" : ""}" role="status" hidden=${!outcome.value}>
      ${outcome.value?.refused ? "✕ " : "✓ "}${outcome.value?.text}</p>
    <div class="answers">
      <button type="button" onClick=${() => askFor(null)}>${t(done ? "order.close" : "order.cancel")}</button>
      ${!done && html`<button type="submit" class=${action === "close-dome" ? "danger firm" : "on"}
        disabled=${sending.value || !ordersAllowed.value}>${t(`order.${action}.confirm`)}</button>`}
    </div>
  </form>`;
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
    : typeof what === "object" ? html`<${Picture} picture=${what} />`
    : html`<${Order} action=${what} key=${what} />`;
  return html`<dialog ref=${box} class=${typeof what === "object" && what ? "picture" : ""}
    aria-labelledby="dialog-title" onCancel=${() => askFor(null)} onClose=${closed}>${content}</dialog>`;
}
