// The page's copy of the live model: one signal per cell, so that only what changed is drawn again.
import { batch, computed, signal } from "./vendor/ui.js";

const cells = new Map();
const keys = signal([]);
const lists = new Map();
const trendListeners = new Set();

export const LOG_LENGTH = 1500;
export const log = signal([]);

/** The signal of one cell; its value is undefined while there is no such cell. */
export function cell(key) {
  let found = cells.get(key);
  if (!found) {
    found = signal(undefined);
    cells.set(key, found);
  }
  return found;
}

/** A signal of the keys under `prefix/`, in alphabetical order. */
export function keysUnder(prefix) {
  let found = lists.get(prefix);
  if (!found) {
    const start = prefix + "/";
    found = computed(() => keys.value.filter((key) => key.startsWith(start)));
    lists.set(prefix, found);
  }
  return found;
}

/** The values of all cells under `prefix/`. */
export function under(prefix) {
  return keysUnder(prefix).value.map((key) => cell(key).value).filter((value) => value !== undefined);
}

/** Devices of one kind, ordered by unit and name. */
export function devicesOf(kind) {
  return under("devices").filter((device) => device.kind === kind);
}

/** Value of a device's property when it may be trusted, else undefined. */
export function good(device, name) {
  const reading = device?.readings?.[name];
  return reading && reading.q === "good" && reading.v !== null ? reading.v : undefined;
}

function putAll(changed) {
  let list = null;
  for (const [key, value] of Object.entries(changed)) {
    const known = cell(key);
    const present = value !== null;
    if (present !== (known.peek() !== undefined)) list ??= new Set(keys.peek());
    if (list) present ? list.add(key) : list.delete(key);
    known.value = present ? value : undefined;
  }
  if (list) keys.value = [...list].sort();
}

function addLines(lines) {
  log.value = [...log.peek(), ...lines].slice(-LOG_LENGTH);
}

/** Put older lines, read from the store, in front of the log. */
export function addOlderLines(lines) {
  log.value = [...lines, ...log.peek()];
}

/** Replace everything by a snapshot. */
export function takeSnapshot(message) {
  batch(() => {
    const gone = keys.peek().filter((key) => !(key in message.s));
    putAll({ ...Object.fromEntries(gone.map((key) => [key, null])), ...message.s });
    log.value = message.log;
  });
  for (const listener of trendListeners) listener(null);
}

/** Take changed cells and events. */
export function takeDelta(message) {
  batch(() => {
    if (message.s) putAll(message.s);
    const lines = [];
    for (const [stream, item] of message.x ?? []) {
      if (stream === "log") lines.push(item);
      if (stream === "trend") for (const listener of trendListeners) listener(item);
    }
    if (lines.length) addLines(lines);
  });
}

/** Be told each new point of the weather trends, or null when all must be read anew. */
export function onTrend(listener) {
  trendListeners.add(listener);
  return () => trendListeners.delete(listener);
}
