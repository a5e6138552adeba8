// Requests to this page's own data and to Airflow's public REST API, as the user who is signed in to Airflow.
// Airflow 3.0 keeps its token in localStorage (or, before its UI has read it, in a cookie); from 3.1 on the cookie is sent by the browser.
function token() {
  const cookie = document.cookie.split(";").map((pair) => pair.trim()).find((pair) => pair.startsWith("_token="));
  const stored = localStorage.getItem("token");
  return cookie ? cookie.slice("_token=".length) : stored ? stored.replace(/^"|"$/g, "") : null;
}

export class Refused extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

export async function request(path, options = {}) {
  const headers = { accept: "application/json", ...(options.body ? { "content-type": "application/json" } : {}) };
  const known = token();
  if (known) headers.authorization = `Bearer ${known}`;
  const answer = await fetch(path, { credentials: "same-origin", ...options, headers });
  const text = await answer.text();
  if (!answer.ok) {
    let detail = text;
    try { detail = JSON.parse(text).detail ?? text; } catch { /* not JSON: shown as it is */ }
    throw new Refused(answer.status, typeof detail === "string" ? detail : JSON.stringify(detail));
  }
  return text ? JSON.parse(text) : null;
}

const part = encodeURIComponent;
const api = (path, options) => request(`../api/v2/${path}`, options);
const runPath = (dag, run) => `dags/${part(dag)}/dagRuns/${part(run)}`;
const clear = (dag, body) =>
  api(`dags/${part(dag)}/clearTaskInstances`, { method: "POST", body: JSON.stringify({ dry_run: false, ...body }) });

export const tries = async (dag, run, task) =>
  (await api(`${runPath(dag, run)}/taskInstances/${part(task)}/tries`)).task_instances;

function words(line) {
  if (typeof line === "string") return line;
  const errors = (line.error_detail ?? []).map((error) => `\n${error.exc_type}: ${error.exc_value}`).join("");
  return `${(line.timestamp ?? "").slice(11, 19)} ${line.event}${errors}`;
}

export async function logTail(dag, run, task, attempt, lines = 60) {
  const log = await api(`${runPath(dag, run)}/taskInstances/${part(task)}/logs/${attempt}?full_content=true`);
  const events = log.content.filter((line) => !String(line.event ?? line).startsWith("::")).map(words);
  return events.slice(-lines).join("\n");
}

export async function xcoms(dag, run, task) {
  const known = ["_link_ContainerLogLink", "_link_ContainerLink", "return_value"];
  const listed = (await api(`${runPath(dag, run)}/taskInstances/${part(task)}/xcomEntries?limit=100`)).xcom_entries;
  const found = {};
  for (const key of known.filter((name) => listed.some((entry) => entry.key === name))) {
    found[key] = (await api(`${runPath(dag, run)}/taskInstances/${part(task)}/xcomEntries/${part(key)}`)).value;
  }
  return found;
}

// Failed children first, so that the parent finds them open; then the parent, which adopts all of them.
export async function resume(view, onProgress) {
  const failed = view.batches.filter((batch) => batch.state === "failed" && batch.run_id); // an array's batches have no run
  for (const [done, batch] of failed.entries()) {
    onProgress(done, failed.length);
    await clear(view.info.child_dag_id, { dag_run_id: batch.run_id, only_failed: true, reset_dag_runs: true });
  }
  await clear(view.dag_id, {
    dag_run_id: view.run_id, task_ids: [view.task_id], include_downstream: true, only_failed: false, reset_dag_runs: true,
  });
}

// A failed parent takes its children with it (the plugin's listener).
export const cancel = (view) =>
  api(`${runPath(view.dag_id, view.run_id)}/taskInstances/${part(view.task_id)}`, {
    method: "PATCH", body: JSON.stringify({ new_state: "failed" }),
  });
