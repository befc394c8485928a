// Contrast of SVG labels with what they stand on, which axe does not look at: [[selector, ratio], ...]
() => {
  const rgb = (text) => text.match(/[\d.]+/g).slice(0, 3).map(Number);
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ratio = (one, other) => {
    const [high, low] = [light(rgb(one)), light(rgb(other))].sort((p, q) => q - p);
    return (high + 0.05) / (low + 0.05);
  };
  const probe = document.createElement("i");
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const pairs = [
    [".sky-disc .ring-name", "--disc"],
    [".sky-disc .moon-disc text", "--disc"],
    [".sky-disc .cardinal", "--panel"],
    [".side-by-side .drawing text", "--panel"],
    [".timeline .event text", "--panel"],
    [".timeline .axes text", "--panel"],
    [".timeline .lane", "--panel"],
    [".block:not(.running) text", "--raised"],
  ];
  return pairs.flatMap(([selector, ground]) =>
    [...document.querySelectorAll(selector)].map((text) => [selector, ratio(getComputedStyle(text).fill, colour(ground))]),
  );
};
