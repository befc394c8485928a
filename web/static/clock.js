// The observatory's time between two messages; it stands still when nothing is heard.
import { signal } from "./vendor/ui.js";

let base = null; // { unix, at, speed }
export const second = signal(0); // observatory unix seconds, renewed a few times a second

/** Take the observatory's time from a message. */
export function setClock(unix, speed) {
  base = { unix, at: performance.now(), speed };
}

/** Stop: what is shown is the last that was heard. */
export function stopClock() {
  if (!base) return;
  base = { unix: now(), at: performance.now(), speed: 0 };
  second.value = base.unix; // at once: a tick that came later would look like life
}

/** The observatory's unix seconds now, 0 before the first message. */
export function now() {
  return base ? base.unix + ((performance.now() - base.at) / 1000) * base.speed : 0;
}

setInterval(() => {
  const unix = now();
  const step = (base?.speed ?? 1) > 5 ? 1 : 0.5;
  if (Math.abs(unix - second.peek()) >= step) second.value = unix;
}, 200);

/** Unix seconds of an RFC 3339 instant, undefined for none. */
export function unixOf(text) {
  return text ? Date.parse(text) / 1000 : undefined;
}
