// What was before the live model began: last frames and older log lines, from the store.
import { signal } from "./vendor/ui.js";
import { addOlderLines, log } from "./model.js";

export const lastFrames = signal({}); // unit/camera -> newest frame of the index
export const olderState = signal(""); // "", "none", or what went wrong

const mark = (line) => `${line.time_utc}${line.subject}${line.text}`;

/** Read the newest frame of each camera, for a page that opens between two frames. */
export async function loadLastFrames() {
  try {
    const answer = await fetch("/api/1/frames?limit=40");
    if (!answer.ok) return;
    const found = {};
    for (const frame of await answer.json()) found[`${frame.unit}/${frame.camera}`] ??= frame;
    lastFrames.value = found;
  } catch {
    lastFrames.value = {}; // the stream shows the next frame; there is nothing else to do
  }
}

/** Read lines from before the oldest one whose number is known, or the newest ones. */
export async function loadOlderLines(limit = 500) {
  const first = log.peek().find((line) => line.seq !== undefined)?.seq;
  try {
    const answer = await fetch(`/api/1/journal?limit=${limit}${first ? `&before=${first}` : ""}`);
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.detail);
    const known = new Set(log.peek().map(mark));
    const fresh = told.filter((line) => !known.has(mark(line)));
    olderState.value = told.length ? "" : "none";
    addOlderLines(fresh);
  } catch (error) {
    olderState.value = error.message;
  }
}
