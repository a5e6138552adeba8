// The grid, the timeline and the lists. Each function draws the view it is given; nothing is kept but the grid's cells.
export const STATES = ["success", "quarantined", "failed", "retrying", "running", "queued", "waiting"];
const MARKS = { failed: "×", quarantined: "!", retrying: "↻" };

export const colour = (state) => getComputedStyle(document.documentElement).getPropertyValue(`--${state}`).trim();

export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

export const seconds = (batch, now) => (batch.start ? (batch.end ?? now) - batch.start : null);

export function describe(batch, now) {
  const took = seconds(batch, now);
  return [`batch ${batch.index}`, batch.state, batch.class, took === null ? null : span(took), batch.items ? `${batch.items} items` : null]
    .filter(Boolean).join(", ");
}

export function grid(element, view, only, open) {
  const { batches } = view;
  element.className = batches.length > 3000 ? "crowd" : batches.length > 400 ? "many" : "";
  while (element.children.length > batches.length) element.lastChild.remove();
  const fresh = document.createDocumentFragment();
  for (let index = element.children.length; index < batches.length; index += 1) {
    const cell = document.createElement("button");
    cell.type = "button";
    cell.tabIndex = index === 0 ? 0 : -1;
    cell.dataset.index = String(index);
    cell.setAttribute("role", "gridcell");
    cell.addEventListener("click", () => open(index));
    fresh.append(cell);
  }
  element.append(fresh);
  batches.forEach((batch, index) => {
    const cell = element.children[index];
    const look = `${batch.state}${only && only !== batch.state ? " dim" : ""}`;
    if (cell.className !== look) {
      cell.className = look;
      cell.textContent = MARKS[batch.state] ?? "";
    }
    const words = describe(batch, view.now);
    if (cell.title !== words) { cell.title = words; cell.setAttribute("aria-label", words); }
  });
}

export function moveInGrid(element, event) {
  const cells = [...element.children];
  const at = cells.indexOf(document.activeElement);
  if (at < 0) return;
  const perRow = Math.max(1, cells.findIndex((cell) => cell.offsetTop > cells[0].offsetTop));
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow, Home: -at, End: cells.length - 1 - at };
  const target = cells[at + (steps[event.key] ?? 0)];
  if (!(event.key in steps) || !target) return;
  event.preventDefault();
  cells[at].tabIndex = -1;
  target.tabIndex = 0;
  target.focus();
}

export function timeline(canvas, view) {
  const box = canvas.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  canvas.width = box.width * scale;
  canvas.height = box.height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const known = view.batches.filter((batch) => batch.queued);
  if (!known.length) return;
  const first = Math.min(...known.map((batch) => batch.queued));
  const last = Math.max(...known.map((batch) => batch.end ?? view.now), first + 1);
  const x = (moment) => 6 + ((moment - first) / (last - first)) * (box.width - 12);
  const row = (box.height - 22) / view.batches.length;
  for (const batch of known) {
    const y = 2 + batch.index * row;
    const height = Math.max(row - (row > 4 ? 1 : 0), 0.5);
    pen.fillStyle = colour("queued");
    pen.fillRect(x(batch.queued), y, Math.max(x(batch.start ?? batch.end ?? view.now) - x(batch.queued), 0.5), height);
    if (!batch.start) continue;
    pen.fillStyle = colour(batch.state);
    pen.fillRect(x(batch.start), y, Math.max(x(batch.end ?? view.now) - x(batch.start), 1), height);
  }
  pen.fillStyle = colour("faint");
  pen.font = "11px system-ui, sans-serif";
  pen.fillText("0 s", 6, box.height - 6);
  const end = span(last - first);
  pen.fillText(end, box.width - 6 - pen.measureText(end).width, box.height - 6);
}

export const batchAt = (canvas, view, event) => {
  const box = canvas.getBoundingClientRect();
  const index = Math.floor((event.clientY - box.top - 2) / ((box.height - 22) / view.batches.length));
  return index >= 0 && index < view.batches.length ? index : null;
};

export function slowest(body, view, open) {
  const timed = view.batches.filter((batch) => batch.start).sort((a, b) => seconds(b, view.now) - seconds(a, view.now));
  body.replaceChildren(...timed.slice(0, 10).map((batch) => {
    const line = document.createElement("tr");
    const link = document.createElement("button");
    link.type = "button";
    link.textContent = String(batch.index);
    link.addEventListener("click", () => open(batch.index));
    const cells = [link, seconds(batch, view.now).toFixed(1), batch.items ?? "", batch.size ?? "", batch.tries ?? ""];
    line.append(...cells.map((content) => { const cell = document.createElement("td"); cell.append(content); return cell; }));
    return line;
  }));
}

export function classes(element, view) {
  const counted = new Map();
  for (const batch of view.batches.filter((entry) => entry.class)) {
    counted.set(batch.class, [...(counted.get(batch.class) ?? []), batch.index]);
  }
  const lines = [...counted].sort((a, b) => b[1].length - a[1].length).map(([kind, indexes]) => {
    const line = document.createElement("p");
    line.textContent = `${kind}: ${indexes.length} (batches ${indexes.slice(0, 20).join(", ")}${indexes.length > 20 ? ", …" : ""})`;
    return line;
  });
  element.replaceChildren(...(lines.length ? lines : ["none"]));
}
