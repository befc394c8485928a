// The live stream: connects, comes back, and says honestly how old what the page shows is.
import { computed, signal } from "./vendor/ui.js";
import { setClock, stopClock } from "./clock.js";
import { takeDelta, takeSnapshot } from "./model.js";

const STALE_AFTER_MS = 3000;
const LOOK_EVERY_MS = 250;
const SETTLE_MS = 1000; // a page that just came back moves things under the finger: no orders yet
const HALF_OPEN_MS = 12000; // a socket silent for so long is dead, whatever the system believes
const ASSETS = new URL(import.meta.url).pathname.split("/")[2];
const BACKOFF_MS = [300, 600, 1200, 2500, 5000];

export const hello = signal(null);
export const phase = signal("connecting"); // connecting | live | stale | lost
export const ageMs = signal(0);
const liveSince = signal(0);
const looked = signal(0);
export const ordersAllowed = computed(
  () => phase.value === "live" && looked.value - liveSince.value > SETTLE_MS,
);

let socket = null;
let heardAt = 0;
let attempts = 0;
let retry = 0;

function connect() {
  clearTimeout(retry);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}/ws`, "pyros.v1");
  socket = opened;
  opened.onmessage = (event) => socket === opened && take(JSON.parse(event.data));
  opened.onclose = () => socket === opened && again();
}

function take(message) {
  heardAt = performance.now();
  if (message.k === "hello") {
    if (message.assets !== ASSETS) location.reload(); // another version of these files is served now
    hello.value = message;
  } else if (message.k === "snap") {
    attempts = 0;
    takeSnapshot(message);
    liveSince.value = heardAt;
    phase.value = "live";
  } else if (message.k === "d") {
    takeDelta(message);
    if (phase.peek() === "stale") {
      liveSince.value = heardAt;
      phase.value = "live";
    }
  }
  if (message.t) setClock(message.t, hello.peek()?.speed ?? 1);
}

function again() {
  socket = null;
  phase.value = heardAt ? "lost" : "connecting";
  stopClock();
  const wait = BACKOFF_MS[Math.min(attempts, BACKOFF_MS.length - 1)];
  attempts += 1;
  retry = setTimeout(connect, wait * (0.7 + 0.6 * Math.random()));
}

function look() {
  const now = performance.now();
  looked.value = now;
  ageMs.value = heardAt ? now - heardAt : 0;
  if (phase.peek() === "live" && ageMs.peek() > STALE_AFTER_MS) {
    phase.value = "stale";
    stopClock();
  }
  if (phase.peek() === "stale" && ageMs.peek() > HALF_OPEN_MS && socket) {
    const dead = socket;
    again();
    dead.close();
  }
}

/** Open the stream and keep it open. */
export function start() {
  connect();
  setInterval(look, LOOK_EVERY_MS);
  addEventListener("online", () => socket === null && connect());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && socket === null) connect();
  });
}
