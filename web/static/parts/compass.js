// Drawing in directions: polar coordinates on an SVG disc seen from above or looking up.
const RAD = Math.PI / 180;

/** Seen from above: north up, east right. Point at `radius` in direction `azimuth`. */
export function above(azimuth, radius) {
  return [radius * Math.sin(azimuth * RAD), -radius * Math.cos(azimuth * RAD)];
}

/** Looking up: north up, east left; the zenith in the middle. */
export function lookingUp(azimuth, altitude, radius) {
  const r = (radius * (90 - altitude)) / 90;
  return [-r * Math.sin(azimuth * RAD), -r * Math.cos(azimuth * RAD)];
}

/** An SVG path through points; closed when asked. */
export function path(points, closed = false) {
  const text = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return closed ? `${text}Z` : text;
}

/** A ring sector between two radii and two azimuths, seen from above. */
export function sector(inner, outer, from, to) {
  const steps = Math.max(2, Math.ceil(Math.abs(to - from) / 3));
  const at = (i) => from + ((to - from) * i) / steps;
  const out = Array.from({ length: steps + 1 }, (_, i) => above(at(i), outer));
  const back = Array.from({ length: steps + 1 }, (_, i) => above(at(steps - i), inner));
  return path([...out, ...back], true);
}
