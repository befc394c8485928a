// Angles and times as people write them: degrees, h m s, d m s, UTC instants. What is not clear is refused.
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;
const HOURS = /^(\d{1,2})[h:\s]\s*(\d{1,2})(?:[m′':\s]\s*(\d{1,2}(?:\.\d*)?)?)?\s*(?:s|″|"|'')?$/;
const DEGREES = /^([+-]?)(\d{1,2})[d°:\s]\s*(\d{1,2})(?:[m′':\s]\s*(\d{1,2}(?:\.\d*)?)?)?\s*(?:s|″|"|'')?$/;
const INSTANT = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,6})?)?\s*(?:Z|UTC?)?$/i;

function tidy(text) {
  return text.trim().replace(/\u2212/g, "-").replace(/,/g, ".").toLowerCase();
}

/** What is sent: to 1e-7 degrees, 0.4 mas, so that the page can show all of it. */
export const DIGITS = 7;

function rounded(degrees) {
  return Number(degrees.toFixed(DIGITS));
}

function sum(whole, minutes, seconds) {
  const [m, s] = [Number(minutes), Number(seconds ?? 0)];
  return m < 60 && s < 60 ? Number(whole) + m / 60 + s / 3600 : NaN;
}

/** Right ascension in degrees of "83.633", "5h34m31.9s" or "05 34 31.9"; NaN when it is none. */
export function readRightAscension(text) {
  const written = tidy(text);
  const parts = HOURS.exec(written);
  const degrees = rounded(NUMBER.test(written) ? Number(written) : parts ? 15 * sum(...parts.slice(1)) : NaN);
  return degrees >= 0 && degrees < 360 ? degrees : NaN;
}

/** Declination in degrees of "-5.391", "-5d23m28s" or "+22 00 52"; NaN when it is none. */
export function readDeclination(text) {
  const written = tidy(text);
  const parts = DEGREES.exec(written);
  const sign = parts?.[1] === "-" ? -1 : 1;
  const degrees = rounded(NUMBER.test(written) ? Number(written) : parts ? sign * sum(...parts.slice(2)) : NaN);
  return Math.abs(degrees) <= 90 ? degrees : NaN;
}

/** A radius in degrees of a number and its unit: "deg", "arcmin" or "arcsec"; NaN when it is none. */
export function readRadius(text, unit) {
  const written = tidy(text);
  const degrees = rounded(NUMBER.test(written) ? Number(written) / { deg: 1, arcmin: 60, arcsec: 3600 }[unit] : NaN);
  return degrees > 0 && degrees <= 90 ? degrees : NaN;
}

/** An instant as RFC 3339 of "2026-11-23 21:04:30" in UTC; empty when it is none. */
export function readInstant(text) {
  const parts = INSTANT.exec(text.trim());
  const instant = parts ? `${parts[1]}T${parts[2]}${parts[3] ?? ":00"}Z` : "";
  const read = new Date(instant);
  return !Number.isNaN(read.getTime()) && read.toISOString().startsWith(instant.slice(0, 19)) ? instant : "";
}
