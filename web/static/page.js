// The page: starts the live stream, lays out the panels, listens to the few keys there are.
import { effect, html, render } from "./vendor/ui.js";
import { language } from "./i18n.js";
import { loadLastFrames, loadOlderLines } from "./history.js";
import { phase, start } from "./link.js";
import { log } from "./model.js";
import { setTheme, theme, themes } from "./theme.js";
import { Alerts } from "./parts/alerts.js";
import { Bar } from "./parts/bar.js";
import { Cameras } from "./parts/cameras.js";
import { Instruments } from "./parts/instrument.js";
import { Log } from "./parts/log.js";
import { asked, askFor } from "./parts/ask.js";
import { Dialogs } from "./parts/orders.js";
import { Safety } from "./parts/safety.js";
import { Schedule } from "./parts/schedule.js";
import { Sky } from "./parts/sky.js";
import { System } from "./parts/system.js";
import { Timeline } from "./parts/timeline.js";
import { Weather } from "./parts/weather.js";

function Page() {
  return html`<div class=${phase.value === "live" ? "" : "stale-page"}>
    <header><${Bar} /></header>
    <main>
      <${Timeline} /><${Safety} />
      <${Sky} /><${Instruments} /><${Cameras} />
      <${Weather} />
      <${Alerts} /><${Schedule} />
      <${Log} /><${System} />
    </main>
    <${Dialogs} />
  </div>`;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || asked.peek()) return;
  if (event.target.closest?.("input, select, textarea")) return;
  if (event.key === "?") askFor("keys");
  else if (event.key === "t") setTheme(themes[(themes.indexOf(theme.peek()) + 1) % themes.length]);
  else if (event.key === "/") {
    event.preventDefault();
    document.getElementById("log-filter")?.focus();
  }
}

effect(() => {
  document.documentElement.lang = language.value;
});
addEventListener("keydown", onKey);
const place = document.getElementById("page");
place.textContent = "";
render(html`<${Page} />`, place);
start();
loadLastFrames();
const stopWaiting = effect(() => {
  if (phase.value !== "live") return;
  setTimeout(() => stopWaiting(), 0);
  if (log.peek().length < 100) loadOlderLines(200);
});
