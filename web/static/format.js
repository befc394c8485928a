// How numbers, times and angles are written: UTC everywhere, 24 hours, ISO dates.
const pad = (value, width = 2) => String(value).padStart(width, "0");

/** hh:mm:ss UTC of unix seconds. */
export function clockTime(unix) {
  return unix ? new Date(unix * 1000).toISOString().slice(11, 19) : "--:--:--";
}

/** hh:mm UTC. */
export function hourMinute(unix) {
  return unix ? new Date(unix * 1000).toISOString().slice(11, 16) : "--:--";
}

/** YYYY-MM-DD UTC. */
export function isoDate(unix) {
  return unix ? new Date(unix * 1000).toISOString().slice(0, 10) : "";
}

/** A span: 9 s, 4 min 05 s, 3 h 12 min. */
export function span(seconds) {
  if (seconds === undefined || Number.isNaN(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

/** Milliseconds: 3.2 ms, 410 ms, 12.4 s. */
export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : span(ms / 1000);
}

/** A number with a fixed count of decimals, or a dash. */
export function fixed(value, digits = 1) {
  return typeof value === "number" ? value.toFixed(digits).replace("-", "\u2212") : "–";
}

function sexagesimal(value, digits) {
  const scale = 10 ** digits;
  const total = Math.round(value * 3600 * scale);
  const seconds = (total % (60 * scale)) / scale;
  const minutes = Math.floor(total / (60 * scale));
  return [Math.floor(minutes / 60), minutes % 60, seconds];
}

/** Right ascension as h m s. */
export function rightAscension(deg) {
  if (typeof deg !== "number") return "–";
  const [h, m, s] = sexagesimal((((deg % 360) + 360) % 360) / 15, 1);
  return `${pad(h % 24)}h ${pad(m)}m ${pad(s.toFixed(1), 4)}s`;
}

/** Declination as ° ′ ″. */
export function declination(deg) {
  if (typeof deg !== "number") return "–";
  const [d, m, s] = sexagesimal(Math.abs(deg), 0);
  return `${deg < 0 ? "\u2212" : "+"}${pad(d)}° ${pad(m)}′ ${pad(Math.round(s))}″`;
}

/** Sidereal time of degrees as hh:mm:ss. */
export function siderealTime(deg) {
  const [h, m, s] = sexagesimal((((deg % 360) + 360) % 360) / 15, 0);
  return `${pad(h % 24)}:${pad(m)}:${pad(Math.round(s))}`;
}

/** Relative air mass (Kasten & Young 1989), undefined below the horizon. */
export function airmass(altitude) {
  if (typeof altitude !== "number" || altitude <= 0) return undefined;
  const sine = Math.sin((altitude * Math.PI) / 180);
  return 1 / (sine + 0.50572 * (altitude + 6.07995) ** -1.6364);
}
