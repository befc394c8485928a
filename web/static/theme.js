// Day, night and red: the system's choice by default, the reader's when there is one.
import { signal } from "./vendor/ui.js";

export const themes = ["auto", "day", "night", "red"];
const stored = localStorage.getItem("pyros.theme");
export const theme = signal(themes.includes(stored) ? stored : "auto");
export const painted = signal(0); // grows whenever canvases must be painted anew

function show() {
  const root = document.documentElement;
  if (theme.peek() === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme.peek();
  painted.value += 1;
}

/** Choose a theme and remember it. */
export function setTheme(name) {
  localStorage.setItem("pyros.theme", name);
  theme.value = name;
  show();
}

/** The colour that a custom property has now, as the browser computes it. */
export function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
show();
