"use strict";
// Charts with two axes: PCoA, rarefaction, and diversity by group.
function axes(target, height, x, y, labels) {
  const [svg, width] = canvas(target, height);
  const box = { left: 54, right: width - 14, top: 10, bottom: height - 44 };
  const scale = ([low, high], from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);
  const toX = scale(x, box.left, box.right);
  const toY = scale(y, box.bottom, box.top);
  for (const value of ticks(...y)) {
    svg.append(make("line", { x1: box.left, x2: box.right, y1: toY(value), y2: toY(value), class: "rule" }),
      make("text", { x: box.left - 7, y: toY(value) + 4, "text-anchor": "end", class: "soft" }, number(value)));
  }
  for (const value of labels.groups ? [] : ticks(...x, width < 500 ? 3 : 6)) {
    svg.append(make("text", { x: toX(value), y: box.bottom + 18, "text-anchor": "middle", class: "soft" }, number(value)));
  }
  svg.append(make("text", { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle", class: "soft" }, labels.x),
    make("text", { transform: `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "soft" }, labels.y));
  return [svg, toX, toY, box];
}

const spread = (values) => {
  const low = Math.min(...values), high = Math.max(...values), margin = (high - low || 1) * 0.08;
  return [low - margin, high + margin];
};
const groupsOf = (column) => {
  const found = new Set(DATA.samples.map((sample) => (column ? metadataOf(sample, column) : "all samples")));
  return [...found].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
};
const groupIndex = (groups, sample, column) => (column ? groups.indexOf(metadataOf(sample, column)) : 0);

const pcoa = {
  column: DATA.metadata.columns[0] || "",
  draw() {
    const groups = groupsOf(pcoa.column);
    legend("pcoa-legend", groups);
    const { points, explained } = DATA.pcoa;
    const label = (axis) => `PC${axis + 1} (${(100 * explained[axis]).toFixed(1)} %)`;
    const [svg, toX, toY] = axes("pcoa-chart", 420, spread(points.map((p) => p[0])), spread(points.map((p) => p[1])),
      { x: label(0), y: label(1) });
    points.forEach((point, index) => {
      const series = groupIndex(groups, DATA.samples[index], pcoa.column);
      svg.append(make("circle", { cx: toX(point[0]), cy: toY(point[1]), r: 5.5, fill: colour(series, groups[series]),
        "fill-opacity": 0.85, "data-series": series }, make("title", {}, `${DATA.samples[index]}\n${groups[series]}`)));
    });
  },
};

// Many groups on a narrow screen: as much of the name as fits; the legend above has all of it.
function groupLabel(group, x, y, room) {
  const letters = Math.floor(room / LETTER_WIDTH);
  return make("text", { x, y, "text-anchor": "middle" }, letters < 3 ? "" : clip(group, letters), make("title", {}, group));
}

const alpha = {
  metric: Object.keys(DATA.alpha)[0],
  column: DATA.metadata.columns[0] || "",
  draw() {
    const groups = groupsOf(alpha.column);
    legend("alpha-legend", alpha.column ? groups : []);
    const values = DATA.alpha[alpha.metric];
    const [svg, toX, toY, box] = axes("alpha-chart", 320, [0, groups.length], [0, Math.max(...values, 0) * 1.05 || 1],
      { x: alpha.column, y: alpha.metric, groups: true });
    groups.forEach((group, series) => {
      const members = alphabetical().filter((index) => groupIndex(groups, DATA.samples[index], alpha.column) === series);
      const middle = (toX(series) + toX(series + 1)) / 2;
      const reach = Math.min(60, (toX(series + 1) - toX(series)) * 0.36);
      const mid = members.map((index) => values[index]).sort((a, b) => a - b)[Math.floor(members.length / 2)];
      members.forEach((index, place) => {
        const shift = members.length > 1 ? (place / (members.length - 1) - 0.5) * 2 * reach : 0;
        svg.append(make("circle", { cx: middle + shift, cy: toY(values[index]), r: 4.5, fill: colour(series, group),
          "fill-opacity": 0.8, "data-series": series }, make("title", {}, `${DATA.samples[index]}\n${alpha.metric}: ${values[index]}`)));
      });
      svg.append(make("line", { x1: middle - reach, x2: middle + reach, y1: toY(mid), y2: toY(mid), stroke: "currentColor", "stroke-width": 2 }),
        groupLabel(group, middle, box.bottom + 18, toX(1) - toX(0)));
    });
  },
};

const rarefaction = {
  draw() {
    const curves = DATA.rarefaction;
    const groups = groupsOf(pcoa.column);
    legend("rarefaction-legend", pcoa.column ? groups : []);
    const most = (index) => Math.max(1, ...curves.flat().map((point) => point[index]));
    const [svg, toX, toY] = axes("rarefaction-chart", 360, [0, most(0)], [0, most(1) * 1.05], { x: "reads", y: "expected ASVs" });
    curves.forEach((curve, index) => {
      const series = groupIndex(groups, DATA.samples[index], pcoa.column);
      const path = [[0, 0], ...curve].map(([x, y], step) => `${step ? "L" : "M"}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`).join("");
      svg.append(make("path", { d: path, fill: "none", stroke: colour(series, groups[series]), "stroke-width": 1.6, "stroke-opacity": 0.8,
        "data-series": series }, make("title", {}, DATA.samples[index])));
    });
  },
};
