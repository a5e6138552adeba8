"use strict";
// Fill the page. Sections without content are taken out, so that nothing empty is shown.
function drop(id) { byId(id).remove(); }

function fillTruth() {
  const truth = DATA.truth;
  if (!truth) return drop("truth");
  const unit = truth.by === "sequence" ? "sequences" : "taxa";
  const rows = [[`Expected ${unit}`, truth.expected], [`of them found`, truth.found], [`Found but not expected`, truth.false],
    ["Mean Bray-Curtis distance to the expected shares", truth.bray_curtis ?? "no shares given"], ["Samples compared", truth.samples]];
  if (truth.bray_curtis !== null) rows.splice(1, 0, ["of them expected with enough reads to be seen", truth.detectable]);
  const content = [table(["", ""], rows)];
  for (const [title, members] of [["Not found", truth.missing_members], ["Not expected", truth.false_members]]) {
    if (members.length) content.push(make("h3", {}, title), ...members.slice(0, 50).map((member) => make("div", { class: "note" }, clip(member, 90))));
  }
  byId("truth-content").append(...content);
}

function fillRun() {
  const pairs = (title, values) => [make("h3", {}, title), table(["", ""], Object.entries(values).map(([key, value]) => [key, value === "" ? "-" : value]))];
  const facts = Object.keys(DATA.facts).length ? pairs("This run", DATA.facts) : [];
  byId("run-content").append(...facts, ...pairs("Parameters", DATA.parameters), ...pairs("Seconds per step of this gather", DATA.seconds),
    ...pairs("Versions", DATA.versions));
}

// File names without their folders: the folders are the same for all, and a phone is narrow.
function quarantineTable() {
  const rows = DATA.quarantine.map(([sample, file, record, reason]) => {
    const place = file.split("/").pop() + (record ? `, record ${record}` : "");
    return [sample, make("div", {}, reason.replaceAll(/(\S+\/)+/g, ""), make("div", { class: "note", title: file }, place))];
  });
  return table(["Sample", "Reason"], rows);
}

function addControls() {
  const columns = DATA.metadata.columns;
  const levels = Object.entries(DATA.levels).map(([level, { rank }]) => [level, rank]);
  buttons("composition-controls", levels, composition.level, (level) => { composition.level = level; composition.draw(); });
  choice("composition-controls", "Sort by", [["name", "name"], ["first taxon", "most abundant taxon"],
    ...columns.map((column) => [`column:${column}`, column])], (order) => { composition.order = order; composition.draw(); });
  buttons("reads-controls", [[true, "shares"], [false, "reads"]], true, (relative) => { readSteps.relative = relative; readSteps.draw(); });
  buttons("alpha-controls", Object.keys(DATA.alpha).map((name) => [name, name]), alpha.metric, (metric) => { alpha.metric = metric; alpha.draw(); });
  if (!columns.length) return;
  const options = columns.map((column) => [column, column]);
  choice("alpha-controls", "Group by", options, (column) => { alpha.column = column; alpha.draw(); });
  choice("pcoa-controls", "Colour by", options, (column) => { pcoa.column = column; drawAll(); });
}

function drawAll() {
  [composition, readSteps, alpha, DATA.pcoa && pcoa, rarefaction].forEach((chart) => chart && chart.draw());
}

function start() {
  byId("overview").append(...DATA.overview.map(([label, value]) =>
    make("div", {}, make("dt", {}, label), make("dd", {}, typeof value === "number" ? number(value) : value))));
  byId("methods-content").append(...DATA.methods.map((paragraph) => make("p", {}, paragraph)));
  fillTruth();
  fillRun();
  if (DATA.quarantine.length) byId("quarantine-content").append(quarantineTable());
  else drop("quarantine");
  const charts = ["composition", "reads", "alpha", "rarefaction"];
  if (!DATA.pcoa) drop("pcoa");
  if (DATA.samples.length) { addAllControls(); drawAll(); } else charts.filter(byId).forEach(drop);
  byId("contents").append(...[...document.querySelectorAll("section")].map((section) =>
    make("a", { href: "#" + section.id }, section.querySelector("h2").textContent)));
  let timer = 0;
  window.addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(() => DATA.samples.length && drawAll(), 150); });
}

function addAllControls() {
  if (!DATA.pcoa) document.body.append(make("div", { id: "pcoa-controls", hidden: "" }));
  addControls();
}
start();
