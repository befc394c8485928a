// What experts ask about alerts: an event by hand, a better position, another strategy, the end.
import { html, useState } from "../vendor/ui.js";
import { DIGITS, readDeclination, readInstant, readRadius, readRightAscension } from "../angles.js";
import { now } from "../clock.js";
import { declination, fixed, isoDate, rightAscension } from "../format.js";
import { t, word } from "../i18n.js";
import { ordersAllowed } from "../link.js";
import { cell } from "../model.js";
import { Ask, askFor, orderDone } from "./ask.js";

const EVENTS = "/api/1/alerts/events";
const OVER = ["CLOSED", "MERGED"];
const FOLLOWED = ["DEFERRED", "ACCEPTED", "OBSERVING", "OBSERVED", "ANALYSED", "REPORTED"];

function chosen() {
  return cell("strategies").value ?? { strategies: [], classes: [], default: "" };
}

/** A field that shows what will be sent for what is written, and is wrong until that makes sense. */
function Read({ name, label, hint, first = "", read, show, after }) {
  const [text, setText] = useState(first);
  const value = read(text);
  const good = value !== "" && !Number.isNaN(value);
  const told = good ? t("expert.sent", { value: show(value) }) : text.trim() ? t("expert.unread", { hint }) : hint;
  return html`<div class="field"><label for="expert-${name}"><span>${label}</span></label>
    <span class="line"><input type="text" id="expert-${name}" name=${name} required autocomplete="off" spellcheck=${false}
      aria-describedby="expert-${name}-sent" defaultValue=${first} disabled=${orderDone()}
      ref=${(input) => input?.setCustomValidity(good ? "" : t("expert.unread", { hint }))}
      onInput=${(event) => setText(event.target.value)} />${after}</span>
    <small id="expert-${name}-sent" class="figures ${text.trim() && !good ? "attention" : "soft"}">${told}</small></div>`;
}

function Place({ alert }) {
  const [unit, setUnit] = useState("arcsec");
  const known = typeof alert?.ra_deg === "number";
  const degrees = (value) => `${fixed(value, DIGITS)}°`;
  return html`
    <${Read} name="ra" label=${t("expert.ra")} hint=${t("expert.ra.hint")} read=${readRightAscension}
      first=${known ? String(alert.ra_deg) : ""} show=${(value) => `${degrees(value)} (${rightAscension(value)})`} />
    <${Read} name="dec" label=${t("expert.dec")} hint=${t("expert.dec.hint")} read=${readDeclination}
      first=${known ? String(alert.dec_deg) : ""} show=${(value) => `${degrees(value)} (${declination(value)})`} />
    <${Read} name="error" label=${t("expert.error")} hint=${t("expert.error.hint")} show=${degrees}
      read=${(text) => readRadius(text, unit)}
      after=${html`<select name="unit" aria-label=${t("expert.unit")} value=${unit} disabled=${orderDone()}
        onChange=${(event) => setUnit(event.target.value)}>
        ${["arcsec", "arcmin", "deg"].map((one) => html`<option value=${one}>${word("unit", one)}</option>`)}</select>`} />`;
}

function placeIn(form) {
  return {
    ra_deg: readRightAscension(form.get("ra")),
    dec_deg: readDeclination(form.get("dec")),
    error_deg: readRadius(form.get("error"), form.get("unit")),
  };
}

function NewEvent() {
  const classes = chosen().classes;
  const more = (form) => ({
    ...placeIn(form), t0_utc: readInstant(form.get("t0")), classification: form.get("class"),
  });
  return html`<${Ask} title=${t("expert.event.title")} text=${t("expert.event.text")}
    confirm=${t("expert.event.confirm")} path=${EVENTS} more=${more}>
    <${Read} name="t0" label=${t("expert.t0")} hint=${t("expert.t0.hint", { day: isoDate(now()) })}
      read=${readInstant} show=${(value) => value} />
    <${Place} />
    <label><span>${t("expert.class")}</span><select name="class" disabled=${orderDone()}>
      ${classes.map((one) => html`<option value=${one}>${one}</option>`)}</select></label>
  </${Ask}>`;
}

function Correct({ alert }) {
  return html`<${Ask} title=${t("expert.position.title", { id: alert.alert_id })} text=${t("expert.position.text")}
    confirm=${t("expert.position.confirm")} path=${`${EVENTS}/${encodeURIComponent(alert.alert_id)}/position`} more=${placeIn}>
    <${Place} alert=${alert} /></${Ask}>`;
}

function Stop({ alert }) {
  return html`<${Ask} title=${t("expert.stop.title", { id: alert.alert_id })} text=${t("expert.stop.text")} danger=${true}
    confirm=${t("expert.stop.confirm")} path=${`${EVENTS}/${encodeURIComponent(alert.alert_id)}/stop`} />`;
}

function Strategies({ files = false, selected }) {
  const { strategies, changes } = chosen();
  return html`<label><span>${t("expert.strategies")}</span><select name="strategy" disabled=${orderDone()} defaultValue=${selected}>
    ${strategies.map((one) => html`<option value=${one.name} title=${one.summary} selected=${one.name === selected}>${one.name} · ${t("expert.rank", { n: one.rank })}</option>`)}
    ${files && html`<option value="">${t("expert.files", { n: changes })}</option>`}</select></label>
    <dl class="choices">${strategies.map((one) => html`<dt>${one.name}</dt><dd class="soft">${one.summary}</dd>`)}</dl>`;
}

function Follow({ alert }) {
  return html`<${Ask} title=${t("expert.follow.title", { id: alert.alert_id })} text=${t("expert.follow.text")}
    confirm=${t("expert.follow.confirm")} path=${`${EVENTS}/${encodeURIComponent(alert.alert_id)}/strategy`}
    more=${(form) => ({ strategy: form.get("strategy") })}><${Strategies} selected=${alert.strategy} /></${Ask}>`;
}

function Default() {
  const current = chosen().default;
  return html`<${Ask} title=${t("expert.default.title")} text=${t("expert.default.text", { name: current })}
    confirm=${t("expert.default.confirm")} path="/api/1/alerts/strategies/default"
    more=${(form) => ({ strategy: form.get("strategy") || null })}><${Strategies} files=${true} selected=${current} /></${Ask}>`;
}

const FORMS = { event: NewEvent, position: Correct, stop: Stop, follow: Follow, default: Default };

/** The form of one wish of an expert. */
export function Expert({ form, alert }) {
  return html`<${FORMS[form]} alert=${alert} />`;
}

/** The button that opens it; it works only while the page is live. */
export function ExpertButton({ form, alert }) {
  const what = t(`expert.${form}`);
  return html`<button type="button" class="quiet" disabled=${!ordersAllowed.value} data-expert=${form}
    aria-label=${alert ? `${what}: ${alert.alert_id}` : what} onClick=${() => askFor({ form, alert })}>${what}</button>`;
}

/** What can be asked about one alert, as it stands. */
export function ExpertTools({ alert }) {
  // A notice that belongs to no event goes by its own name: there is nothing to follow or correct.
  if (alert.alert_id === alert.ivorn || !alert.state || OVER.includes(alert.state)) return null;
  const followed = FOLLOWED.includes(alert.state);
  return html`<div class="tools">${followed && html`<${ExpertButton} form="stop" alert=${alert} />
    <${ExpertButton} form="follow" alert=${alert} />`}<${ExpertButton} form="position" alert=${alert} /></div>`;
}
