/** `node main.js apply --result URI`. Exit codes: 0 done, 2 bad input (no retry), anything else: retry. */
import { parseArgs } from "node:util";
import { BadInput } from "./errors.js";
import { articles, document, writeJson } from "./source.js";
import { Store } from "./store.js";

/** Take over the set that the result document of the similarity task names. */
async function apply({ result }) {
  const table = process.env.TASKLANE_TABLE_RELATED_ARTICLES;
  if (!table) throw new BadInput("TASKLANE_TABLE_RELATED_ARTICLES is not set; it names the table");
  const { outputs } = await document(result);
  if (!outputs?.set || !outputs?.summary) throw new BadInput(`${result} names no outputs.set and outputs.summary`);
  const { state, articles: expected } = await document(outputs.summary);
  if (typeof state !== "string" || !state || !Number.isInteger(expected) || expected < 1) {
    throw new BadInput(`${outputs.summary} names no state (text) and no number of articles (1 or more)`);
  }
  const store = new Store(table);
  const seen = await store.live();
  const done = { set: state, articles: expected, previous: seen.set ?? null, switched: seen.set !== state };
  if (done.switched) {
    const loaded = await store.load(state, articles(outputs.set));
    if (loaded !== expected) throw new BadInput(`${outputs.set} has ${loaded} articles, not ${expected}: not switched`);
    const there = await store.size(state);
    if (there !== expected) throw new Error(`set ${state} has ${there} articles in the table, not ${expected}: not switched`);
    if (!(await store.switchTo(state, seen))) throw new Error("another run has switched in the meantime: try again");
    console.log(`live: set ${state} with ${expected} articles (before: ${seen.set ?? "none"})`);
  } else {
    console.log(`set ${state} is live already`);
  }
  for (const old of await store.removeOld()) console.log(`removed set ${old}`);
  return done;
}

async function main() {
  const { values, positionals } = parseArgs({ options: { result: { type: "string" } }, allowPositionals: true });
  if (positionals.join(" ") !== "apply" || !values.result) {
    throw new BadInput("usage: apply --result s3://<bucket>/<result document of related_articles>");
  }
  const { articles: count, ...outputs } = await apply(values);
  if (process.env.TASKLANE_RESULT_URI) {
    const peak = Math.round(process.resourceUsage().maxRSS / 102.4) / 10; // MiB, of KiB
    const told = { schema_version: 1, task: "articles_app", counts: { articles: count }, outputs, peak_memory_mib: peak };
    await writeJson(process.env.TASKLANE_RESULT_URI, told);
  }
}

process.on("SIGTERM", () => process.exit(143)); // nothing to undo: what is written is not live
try {
  await main();
} catch (error) {
  console.log(`error: ${error instanceof BadInput ? error.message : error.stack}`);
  process.exitCode = error instanceof BadInput ? 2 : 1;
}
