// The form of every order: what it does, who gives it and why, and the answer in words.
import { html, signal } from "../vendor/ui.js";
import { t } from "../i18n.js";
import { ordersAllowed } from "../link.js";

export const asked = signal(null); // { form, ... }, an action, "keys", a picture, or null
const outcome = signal(null); // { text, refused }
const sending = signal(false);

/** Open the dialog for an action. */
export function askFor(what) {
  outcome.value = null;
  asked.value = what;
}

async function send(path, body) {
  sending.value = true;
  try {
    const answer = await fetch(path, {
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

/** Whether the order was taken: its form is over. */
export function orderDone() {
  return outcome.value !== null && !outcome.value.refused;
}

/** A form that sends `more(form data)` with who and why to `path`. */
export function Ask({ title, text, confirm, path, more = () => ({}), danger = false, children }) {
  const done = orderDone();
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const who = form.get("who").trim();
    localStorage.setItem("pyros.who", who);
    send(path, { who, why: form.get("why").trim(), ...more(form) });
  };
  return html`<form onSubmit=${submit}>
    <h2 id="dialog-title">${title}</h2>
    <p>${text}</p>
    ${children}
    <label><span>${t("order.who")}</span>
      <input type="text" name="who" required maxlength="80" pattern=".*\\S.*" autocomplete="name"
        defaultValue=${localStorage.getItem("pyros.who") ?? ""} disabled=${done} /></label>
    <label><span>${t("order.why")}</span>
      <input type="text" name="why" required maxlength="400" pattern=".*\\S.*" autocomplete="off" disabled=${done} /></label>
    <p class="outcome ${outcome.value?.refused ? "refused" : ""}" role="status" hidden=${!outcome.value}>
      ${outcome.value?.refused ? "✕ " : "✓ "}${outcome.value?.text}</p>
    <div class="answers">
      <button type="button" onClick=${() => askFor(null)}>${t(done ? "order.close" : "order.cancel")}</button>
      ${!done && html`<button type="submit" class=${danger ? "danger firm" : "on"}
        disabled=${sending.value || !ordersAllowed.value}>${confirm}</button>`}
    </div>
  </form>`;
}
