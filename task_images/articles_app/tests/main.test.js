/** The program as a container runs it: exit code 0, 2 for what a person must mend, 1 for what a retry may mend. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Aws, BUCKET, freePort } from "./aws.js";

const NAMES = Array.from({ length: 60 }, (_, number) => `article-${number}`);
let aws;
before(async () => { aws = await Aws.start(); });
after(() => aws.stop());
beforeEach(() => aws.newTable());

const live = async () => (await aws.items("live")).length;

test("a set goes live, and doing it again changes nothing", async () => {
  const result = await aws.result("first", NAMES);
  const told = { TASKLANE_RESULT_URI: `s3://${BUCKET}/told.json` };
  const done = await aws.run(["apply", "--result", result], told);
  assert.deepEqual([done.code, done.output], [0, "live: set first with 60 articles (before: none)\n"]);
  assert.equal((await aws.items("set#first")).length, 60);
  const document = await aws.json("told.json");
  assert.deepEqual(document.outputs, { set: "first", previous: null, switched: true });
  assert.ok(document.peak_memory_mib > 20 && document.peak_memory_mib < 512, `${document.peak_memory_mib} MiB`);
  assert.deepEqual([document.schema_version, document.task, document.counts], [1, "articles_app", { articles: 60 }]);
  const again = await aws.run(["apply", "--result", result], told);
  assert.deepEqual([again.code, again.output], [0, "set first is live already\n"]);
  assert.equal((await aws.json("told.json")).outputs.switched, false);
});

test("what crashes left behind is finished or removed; the set before stays", async () => {
  for (const state of ["one", "two"]) await aws.run(["apply", "--result", await aws.result(state, NAMES)]);
  await aws.putItem("sets", "torn");
  await aws.putItem("set#torn", "article-1");
  await aws.putItem("sets", "three"); // a first attempt at this set, killed half-way
  for (const name of NAMES.slice(0, 30)) await aws.putItem("set#three", name, { related: "half" });
  const done = await aws.run(["apply", "--result", await aws.result("three", NAMES)]);
  assert.equal(done.code, 0, done.output);
  assert.deepEqual((await aws.items("sets")).sort(), ["three", "two"]);
  assert.deepEqual([await aws.items("set#torn"), await aws.items("set#one")], [[], []]);
  assert.equal((await aws.items("set#three")).length, 60);
  assert.match(done.output, /removed set torn/);
});

test("an article of an earlier attempt that the set does not have keeps it from going live", async () => {
  await aws.putItem("set#first", "stranger");
  const done = await aws.run(["apply", "--result", await aws.result("first", NAMES)]);
  assert.equal(done.code, 1);
  assert.match(done.output, /set first has 61 articles in the table, not 60: not switched/);
  assert.equal(await live(), 0);
});

const line = (value) => gzipSync(`${value}\n`);
const good = JSON.stringify({ article: "a", related: [] });
const BAD = {
  "no JSON in the result": [{ result: "{" }, /result\.json is not JSON/],
  "a result that is no object": [{ result: "null" }, /result\.json is no JSON object/],
  "a result without outputs": [{ result: "{}" }, /names no outputs\.set and outputs\.summary/],
  "a summary without a state": [{ summary: '{"articles": 1}' }, /names no state \(text\)/],
  "a summary without a number": [{ summary: '{"state": "s", "articles": "1"}' }, /no number of articles/],
  "a set that is no gzip": [{ set: "plain" }, /set\.jsonl\.gz is not whole gzip: incorrect header check/],
  "a set that was cut off": [{ set: line(good).subarray(0, 20) }, /not whole gzip: unexpected end of file/],
  "a line that is no JSON": [{ set: line("{") }, /line 1: /],
  "a line that is null": [{ set: line("null") }, /line 1: not \{"article"/],
  "an article without a name": [{ set: line('{"article": "", "related": []}') }, /line 1: not \{"article"/],
  "an article without relatives": [{ set: line('{"article": "a"}') }, /line 1: not \{"article"/],
  "an article that is there twice": [{ set: line(`${good}\n${good}`) }, /line 2: article a is there twice/],
  "fewer articles than told": [{ summary: '{"state": "s", "articles": 2}' }, /has 1 articles, not 2: not switched/],
};
for (const [what, [given, said]] of Object.entries(BAD)) {
  test(`refused for good: ${what}`, async () => {
    const done = await aws.run(["apply", "--result", await aws.result("bad", ["a"], given)]);
    assert.equal(done.code, 2, done.output);
    assert.match(done.output, said);
    assert.equal(done.output.trim().split("\n").length, 1); // one clear error, no trace
    assert.equal(await live(), 0);
  });
}

test("refused for good: a wrong call, a missing object, a missing table name", async () => {
  const calls = [
    [["apply"], {}, /usage: apply --result/],
    [["remove", "--result", "s3://a/b"], {}, /usage: apply --result/],
    [["apply", "--result", "/tmp/x"], {}, /not an object URI; use s3:/],
    [["apply", "--result", `s3://${BUCKET}/nothing`], {}, /nothing is not there \(NoSuchKey\)/],
    [["apply", "--result", "s3://a/b"], { TASKLANE_TABLE_RELATED_ARTICLES: "" }, /TASKLANE_TABLE_RELATED_ARTICLES is not/],
  ];
  for (const [args, variables, said] of calls) {
    const done = await aws.run(args, variables);
    assert.equal(done.code, 2, done.output);
    assert.match(done.output, said);
  }
});

test("a service that does not answer, or has no such table, is tried again by a retry of the task", async () => {
  const result = await aws.result("first", NAMES);
  const silent = await aws.run(["apply", "--result", result], { AWS_ENDPOINT_URL: `http://127.0.0.1:${await freePort()}` });
  assert.equal(silent.code, 1);
  assert.match(silent.output, /ECONNREFUSED/);
  const missing = await aws.run(["apply", "--result", result], { TASKLANE_TABLE_RELATED_ARTICLES: "nowhere" });
  assert.equal(missing.code, 1);
  assert.match(missing.output, /ResourceNotFoundException/);
});
