"use strict";
// Small tools for drawing SVG. Text always enters as text, never as markup: sample names come from outside.
const DATA = JSON.parse(document.getElementById("data").textContent);
const PALETTE = ["#3b76d6", "#e8833a", "#3a9d5d", "#c9473f", "#8b62c4", "#d9a514", "#2aa5b5", "#d45d9a", "#7c8f2c",
  "#96603c", "#6fa8f0", "#f2b077", "#7fcb98", "#e58f88", "#bda3e2"];
const OTHER = "#9aa3ad";
const colour = (index, label) => (/^(Other|not stated)/.test(label) ? OTHER : PALETTE[index % PALETTE.length]);
const byId = (id) => document.getElementById(id);

function make(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect", "text", "line", "circle", "path", "title"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

// Units of the drawing are CSS pixels, so that text keeps its size on every screen.
const widthOf = (target) => Math.max(280, byId(target).clientWidth);

function canvas(target, height) {
  const width = widthOf(target);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  byId(target).replaceChildren(svg);
  return [svg, width];
}

// Legend entries fade all other series while the pointer is on them.
function legend(target, labels, titles = labels) {
  byId(target).replaceChildren(...labels.map((label, index) => {
    const entry = make("span", { title: titles[index] }, make("i", { style: `background:${colour(index, label)}` }), label);
    const marks = () => byId(target).parentElement.querySelectorAll("[data-series]");
    entry.onmouseenter = () => marks().forEach((m) => m.classList.toggle("faded", m.dataset.series !== String(index)));
    entry.onmouseleave = () => marks().forEach((m) => m.classList.remove("faded"));
    return entry;
  }));
}

function buttons(target, options, chosen, change) {
  const group = make("span", { class: "group", role: "group" });
  const all = options.map(([value, label]) => {
    const button = make("button", { type: "button", "aria-pressed": value === chosen }, label);
    button.onclick = () => {
      all.forEach((other) => other.setAttribute("aria-pressed", other === button));
      change(value);
    };
    return button;
  });
  group.append(...all);
  byId(target).append(group);
}

function choice(target, label, options, change) {
  const select = make("select", {}, ...options.map(([value, text]) => make("option", { value }, text)));
  select.onchange = () => change(select.value);
  byId(target).append(make("label", {}, label, select));
}

function table(header, rows) {
  const line = (cells, tag) => make("tr", {}, ...cells.map((cell) => make(tag, {}, cell)));
  return make("div", { class: "wide" }, make("table", {}, make("thead", {}, line(header, "th")),
    make("tbody", {}, ...rows.map((row) => line(row, "td")))));
}

// Round steps for an axis from 0 to the highest value.
function ticks(low, high, wanted = 5) {
  const rough = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) found.push(+value.toPrecision(10));
  return found;
}
const number = (value) => Number(value).toLocaleString("en");
const clip = (text, length) => (text.length > length ? text.slice(0, length - 1) + "…" : text);
const metadataOf = (sample, column) => DATA.metadata.values[sample]?.[column] || "not stated";
