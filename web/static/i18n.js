// Words in the reader's language; a word that is missing in a catalogue fails a test, not the page.
import { signal } from "./vendor/ui.js";
import { en } from "./locales/en.js";
import { fr } from "./locales/fr.js";

const catalogues = { en, fr };
export const languages = Object.keys(catalogues);
const stored = localStorage.getItem("pyros.language");
const preferred = navigator.language?.slice(0, 2);

export const language = signal(
  catalogues[stored] ? stored : catalogues[preferred] ? preferred : "en",
);

/** Change the language and remember it. */
export function setLanguage(code) {
  localStorage.setItem("pyros.language", code);
  language.value = code;
}

/** The words for `key`, with `{name}` replaced by `values.name`. */
export function t(key, values = {}) {
  const text = catalogues[language.value][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** The words for a code of the observatory (a state, a mode), or the code itself. */
export function word(group, code) {
  if (code === undefined || code === null) return "–";
  const key = `${group}.${code}`;
  return catalogues[language.value][key] ?? en[key] ?? String(code);
}
