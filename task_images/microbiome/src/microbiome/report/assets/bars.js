"use strict";
// Stacked bars, one row per sample: readable labels, and a phone only has to scroll down. Where the screen is narrow,
// names that would not fit beside their bars stand above them: often only a name's end tells samples apart.
const LETTER_WIDTH = 7.4;
function stackedBars(target, order, labels, rows, total, describe) {
  const count = order.length;
  const narrow = Math.min(150, Math.max(70, widthOf(target) * 0.24));
  const longest = Math.max(0, ...DATA.samples.map((name) => name.length));
  const above = widthOf(target) < 560 && longest * LETTER_WIDTH > narrow;
  const bar = count > 200 ? 12 : 24;
  const step = bar + (above ? 15 : 0);
  const [svg, width] = canvas(target, count * step + 26);
  const left = above ? 0 : narrow;
  const label = above ? { x: 0, "text-anchor": "start" } : { x: left - 8, "text-anchor": "end" };
  const fits = Math.floor((above ? width : left - 8) / LETTER_WIDTH);
  const room = width - left - 14;
  order.forEach((sample, place) => {
    const y = place * step + (above ? 15 : 0);
    svg.append(make("text", { ...label, y: above ? y - 2 : y + bar / 2 + 4, "font-size": Math.min(12, bar - 1) },
      clip(DATA.samples[sample], fits), make("title", {}, DATA.samples[sample])));
    let x = left;
    labels.forEach((label, series) => {
      const size = (rows[series][sample] / (total(sample) || 1)) * room;
      if (size <= 0) return;
      const title = make("title", {}, `${DATA.samples[sample]}\n${describe(series, sample)}`);
      svg.append(make("rect", { x, y: y + 2, width: size, height: bar - 4, fill: colour(series, label), "data-series": series }, title));
      x += size;
    });
  });
  return [svg, left, room, count * step];
}

function percentAxis(svg, left, room, y) {
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const anchor = share === 1 ? "end" : share === 0 ? "start" : "middle";
    svg.append(make("text", { x: left + share * room, y: y + 18, "text-anchor": anchor, class: "soft" }, `${share * 100} %`));
  }
}

const alphabetical = () => DATA.samples.map((_, index) => index);
function sorted(key) {
  if (key.startsWith("column:")) {
    const column = key.slice(7);
    const value = (index) => metadataOf(DATA.samples[index], column);
    return alphabetical().sort((a, b) => value(a).localeCompare(value(b), "en", { numeric: true }) || a - b);
  }
  if (key === "first taxon") return alphabetical().sort((a, b) => composition.first(b) - composition.first(a) || a - b);
  return alphabetical();
}

const composition = {
  level: "6",
  order: "name",
  first: (sample) => DATA.levels[composition.level].shares[0]?.[sample] ?? 0,
  draw() {
    const { taxa, full, shares } = DATA.levels[composition.level];
    legend("composition-legend", taxa, full);
    const describe = (series, sample) => `${full[series]}\n${(100 * shares[series][sample]).toFixed(2)} %`;
    const [svg, left, room, y] = stackedBars("composition-chart", sorted(composition.order), taxa, shares, () => 1, describe);
    percentAxis(svg, left, room, y);
  },
};

const readSteps = {
  relative: true,
  draw() {
    const { labels, rows } = DATA.steps;
    legend("reads-legend", labels);
    const sum = (sample) => rows.reduce((total, row) => total + row[sample], 0);
    const most = Math.max(1, ...DATA.samples.map((_, sample) => sum(sample)));
    const total = (sample) => (readSteps.relative ? sum(sample) : most);
    const describe = (series, sample) => `${labels[series]}: ${number(rows[series][sample])} of ${number(sum(sample))}`;
    const [svg, left, room, y] = stackedBars("reads-chart", alphabetical(), labels, rows, total, describe);
    if (readSteps.relative) return percentAxis(svg, left, room, y);
    svg.append(make("text", { x: left + room, y: y + 18, "text-anchor": "end", class: "soft" }, `${number(most)} reads`));
  },
};
