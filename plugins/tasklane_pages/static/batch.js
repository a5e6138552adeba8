// The panel of one batch: facts, links, attempts, log tail, samples.
import { logTail, request, tries, xcoms } from "./airflow.js";
import { seconds, span } from "./charts.js";

function element(name, content, attributes = {}) {
  const made = document.createElement(name);
  Object.assign(made, attributes);
  made.append(...[content].flat().filter((part) => part !== null && part !== undefined));
  return made;
}

const link = (words, href) => element("a", words, { href, target: "_blank", rel: "noopener" });
const megabytes = (bytes) => (bytes === undefined ? "" : `${(bytes / 1e6).toFixed(2)} MB`);
const pair = (name, value) => (value === undefined || value === null || value === "" ? [] : [element("dt", name), element("dd", value)]);

const jobPage = ({ info: { region } }, job) =>
  `https://${region}.console.aws.amazon.com/batch/home?region=${region}#jobs/detail/${encodeURIComponent(job)}`;

function facts(view, batch) {
  const run = batch.run_id ? link(batch.run_id, `../dags/${encodeURIComponent(view.info.child_dag_id)}/runs/${encodeURIComponent(batch.run_id)}`) : null;
  return element("dl", [
    ...pair("state", batch.state), ...pair("class", batch.class), ...pair("reason", batch.reason), ...pair("child run", run),
    ...pair("Batch job", batch.job_id ? link(batch.job_id, jobPage(view, batch.job_id)) : null),
    ...pair("items", batch.items === undefined ? null : `${batch.items}, ${megabytes(batch.bytes)}`), ...pair("size", batch.size),
    ...pair("waited", batch.start && batch.queued ? span(batch.start - batch.queued) : null),
    ...pair("ran", batch.start ? span(seconds(batch, view.now)) : null), ...pair("tries", batch.tries),
    ...pair("resumed", batch.generation || null), ...pair("cost so far", batch.cost_usd ? `${batch.cost_usd.toFixed(4)} USD` : null),
  ]);
}

async function section(target, heading, make) {
  const place = element("div", "…");
  target.append(element("h2", heading), place);
  try {
    place.replaceChildren(...[await make()].flat());
  } catch (error) {
    place.replaceChildren(`not available: ${error.message}`);
  }
}

async function attempts(view, batch) {
  const all = await tries(view.info.child_dag_id, batch.run_id, batch.task_id);
  return element("table", all.map((one) => element("tr", [
    element("td", `try ${one.try_number}`), element("td", one.state ?? "waiting"),
    element("td", one.start_date ? one.start_date.slice(0, 19).replace("T", " ") : ""),
    element("td", one.duration ? span(one.duration) : ""),
  ])));
}

async function links(view, batch) {
  const known = await xcoms(view.info.child_dag_id, batch.run_id, batch.task_id);
  const shown = [["log stream", "_link_ContainerLogLink"], ["ECS task", "_link_ContainerLink"]]
    .filter(([, key]) => known[key]).map(([words, key]) => element("p", link(words, known[key])));
  return [...shown, element("p", `result: ${known.return_value ?? "none yet"}`)];
}

const asked = (view, batch) =>
  new URLSearchParams({ dag_id: view.dag_id, run_id: view.run_id, task_id: view.task_id, map_index: view.map_index, index: batch.index });

async function samples(view, batch) {
  const items = await request(`data/items?${asked(view, batch)}`);
  return element("table", items.map((item) => element("tr", [
    element("td", item.key), element("td", megabytes(item.bytes)), element("td", item.problem ?? ""),
  ])));
}

export async function showBatch(target, view, index, live) {
  const batch = view.batches[index];
  target.replaceChildren(element("h2", `Batch ${index}`), facts(view, batch));
  if (!live) return;
  const parts = [section(target, "Samples", () => samples(view, batch))];
  if (batch.run_id) {
    parts.unshift(section(target, "Attempts", () => attempts(view, batch)), section(target, "Links", () => links(view, batch)),
      section(target, "Log", async () => element("pre", (await logTail(view.info.child_dag_id, batch.run_id, batch.task_id, batch.tries || 1)) || "empty")));
  }
  if (batch.job_id) {
    parts.push(section(target, "Log", async () => element("pre", (await request(`data/log?${asked(view, batch)}`)).log || "empty")));
  }
  await Promise.all(parts);
}
