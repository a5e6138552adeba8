// The page: asks for the view every two seconds while the fan-out runs, and draws it.
import { Refused, cancel, request, resume } from "./airflow.js";
import { showBatch } from "./batch.js";
import { STATES, batchAt, classes, grid, moveInGrid, slowest, span, timeline } from "./charts.js";

const POLL_MS = 2000;
const IDLE_MS = 15000;
const $ = (id) => document.getElementById(id);
const where = new URLSearchParams(location.search);
const snapshot = $("snapshot").textContent.trim();
let view = null;
let only = null;
let opened = null;

function fail(error) {
  $("problem").hidden = false;
  $("problem").textContent = error.message;
  if (error instanceof Refused && error.status === 401) {
    const link = document.createElement("a");
    link.href = `../api/v2/auth/login?next=${encodeURIComponent(location.href)}`;
    link.textContent = "Sign in to Airflow";
    $("problem").replaceChildren("Not signed in. ", link);
  }
}

function drawBar(counts, total) {
  const parts = STATES.filter((state) => counts[state] && state !== "waiting").map((state) => {
    const part = document.createElement("span");
    part.className = state;
    part.style.width = `${(100 * counts[state]) / total}%`;
    return part;
  });
  $("bar").replaceChildren(...parts);
  const ended = (counts.success ?? 0) + (counts.failed ?? 0) + (counts.quarantined ?? 0);
  $("bar").setAttribute("aria-valuenow", String(total ? Math.round((100 * ended) / total) : 0));
  return ended;
}

function drawLegend(counts) {
  const shown = STATES.filter((state) => counts[state]);
  $("legend").replaceChildren(...shown.map((state) => {
    const button = document.createElement("button");
    const swatch = document.createElement("span");
    swatch.className = `swatch ${state}`;
    button.type = "button";
    button.setAttribute("aria-pressed", String(only === state));
    button.append(swatch, `${counts[state]} ${state}`);
    button.addEventListener("click", () => { only = only === state ? null : state; draw(); });
    return button;
  }));
}

function draw() {
  const { states, cost_usd: cost } = view.totals;
  const total = view.batches.length;
  $("fan-out").hidden = false; // before anything is measured
  document.title = `Fan-out ${view.dag_id}`;
  $("title").textContent = `${view.dag_id} · ${view.task_id}`;
  $("subtitle").textContent = `${view.run_id} → ${view.info?.lane ?? view.info?.child_dag_id ?? "not planned yet"} · task ${view.task_state ?? "not started"} · run ${view.run_state}`;
  const ended = drawBar(states, total);
  const elapsed = view.start ? (view.end ?? view.now) - view.start : 0;
  const eta = ended === total ? "" : ` · ${view.eta_seconds === null ? "time left not known yet" : `about ${span(view.eta_seconds)} left`}`;
  const verdict = view.summary ? ` · ${view.summary.state}` : "";
  $("facts").innerHTML = "<b></b><span></span>";
  $("facts").firstChild.textContent = `${ended} of ${total}`;
  $("facts").lastChild.textContent = ` batches ended${verdict} · ${span(elapsed)}${eta} · ${cost ? `${cost.toFixed(4)} USD so far` : "no cost known"}`;
  drawLegend(states);
  grid($("grid"), view, only, open);
  timeline($("timeline"), view);
  slowest($("slowest").tBodies[0], view, open);
  classes($("classes"), view);
  $("actions").hidden = Boolean(snapshot);
  $("resume").disabled = !states.failed;
  $("cancel").disabled = ended === total || view.task_state === "failed";
}

async function open(index) {
  opened = index;
  $("batch").hidden = false;
  $("close").focus();
  await showBatch($("batch-content"), view, index, !snapshot);
}

function close() {
  $("batch").hidden = true;
  const cell = $("grid").children[opened ?? 0];
  opened = null;
  if (cell) cell.focus();
}

async function act(button, question, work) {
  if (!confirm(question)) return;
  const words = button.textContent;
  button.disabled = true;
  try {
    await work((done, total) => { button.textContent = `${done} of ${total}`; });
  } catch (error) { fail(error); }
  button.textContent = words;
  await refresh();
}

async function refresh() {
  try {
    view = await request(`data/fan-out?${where}`);
    $("problem").hidden = true;
    draw();
  } catch (error) { fail(error); }
}

async function live() {
  if (!document.hidden) await refresh();
  const active = !view || view.batches.some((batch) => !["success", "failed", "quarantined"].includes(batch.state));
  setTimeout(live, active ? POLL_MS : IDLE_MS);
}

async function list() {
  $("recent").hidden = false;
  try {
    const found = await request("data/recent");
    $("recent").replaceChildren(...(found.length ? found : [null]).map((one) => {
      const line = document.createElement("p");
      if (!one) { line.textContent = "No fan-out yet."; return line; }
      const link = document.createElement("a");
      const { dag_id, run_id, task_id, map_index } = one;
      link.href = `?${new URLSearchParams({ dag_id, run_id, task_id, map_index })}`;
      link.textContent = `${dag_id} · ${run_id}`;
      line.append(link, ` ${one.batches} batches of ${one.child_dag_id}`);
      return line;
    }));
  } catch (error) { fail(error); }
}

$("close").addEventListener("click", close);
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !$("batch").hidden) close(); });
$("grid").addEventListener("keydown", (event) => moveInGrid($("grid"), event));
$("timeline").addEventListener("click", (event) => { const index = batchAt($("timeline"), view, event); if (index !== null) open(index); });
$("resume").addEventListener("click", () =>
  act($("resume"), `Run the ${view.totals.states.failed} failed batches again, then what follows?`, (told) => resume(view, told)));
$("cancel").addEventListener("click", () => act($("cancel"), "Fail this task and stop all of its batches?", () => cancel(view)));
addEventListener("resize", () => view && timeline($("timeline"), view));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view && draw()); // a canvas keeps its colours

if (snapshot) { view = JSON.parse(snapshot); draw(); }
else if (where.get("run_id")) live();
else list();
