/** The store against a real table: the conditional switch, what DynamoDB leaves unprocessed, a store out of reach. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, beforeEach, test } from "node:test";
import { PATIENCE } from "../src/patience.js";
import { LEASE_MS, Store } from "../src/store.js";
import { Aws, freePort, TABLE } from "./aws.js";

let aws, store;
before(async () => {
  aws = await Aws.start();
  store = new Store(TABLE);
});
after(() => aws.stop());
beforeEach(() => aws.newTable());

async function* set(count) {
  for (let number = 0; number < count; number += 1) yield { article: `article-${number}`, related: [["x", 0.25]] };
}

/** A store whose clock is ahead: what was begun in ours is long ago for it. */
const later = () => new Store(TABLE, {}, () => Date.now() + LEASE_MS + 1000);

/** The articles of a set, of which the second half comes when `go` is called. */
function slowly(count) {
  let go, half;
  const until = new Promise((done) => { go = done; });
  const loading = new Promise((done) => { half = done; });
  async function* articles() {
    for await (const article of set(count)) {
      if (article.article === `article-${count / 2}`) {
        half();
        await until;
      }
      yield article;
    }
  }
  return { articles: articles(), go, loading };
}

test("only one of two who saw the same set switches", async () => {
  for (const name of ["theirs", "mine", "next"]) await store.load(name, set(1));
  const [mine, theirs] = [await store.live(), await new Store(TABLE).live()];
  assert.deepEqual(mine, {});
  assert.equal(await store.switchTo("theirs", theirs), true);
  assert.equal(await store.switchTo("mine", mine), false); // nothing was live, and now something is
  const seen = await store.live();
  assert.deepEqual([seen.set, seen.previous], ["theirs", null]);
  assert.equal(await store.switchTo("next", seen), true);
  assert.equal(await store.switchTo("mine", seen), false); // another set is live than the one that was seen
  const now = await store.live();
  assert.deepEqual([now.set, now.previous], ["next", "theirs"]);
});

test("a set of several groups of writes is whole, and loading it again leaves it so", async () => {
  for (let time = 0; time < 2; time += 1) {
    assert.equal(await store.load("many", set(130)), 130);
    assert.equal(await store.size("many"), 130);
  }
  assert.deepEqual(await aws.items("sets"), ["many"]);
  assert.equal(await store.load("none", set(0)), 0);
});

test("a set whose writer dies half-way is not live, and can be found and removed", async () => {
  async function* dying() {
    yield* set(60);
    throw new Error("killed");
  }
  await assert.rejects(store.load("half", dying()), /killed/);
  assert.deepEqual([await store.live(), await aws.items("sets")], [{}, ["half"]]);
  await store.load("other", set(1));
  await store.switchTo("other", {});
  assert.deepEqual(await store.removeOld(), []); // who began it may yet live
  assert.deepEqual(await later().removeOld(), ["half"]);
  assert.deepEqual([await store.size("half"), await aws.items("sets")], [0, ["other"]]);
});

test("a set that another run still loads is not removed, and goes live", async () => {
  const slow = slowly(400);
  const loaded = store.load("slow", slow.articles);
  await slow.loading;
  const other = new Store(TABLE);
  for (const name of ["a", "b", "c"]) {
    await other.load(name, set(30));
    assert.equal(await other.switchTo(name, await other.live()), true);
  }
  assert.deepEqual(await other.removeOld(), ["a"]); // neither live nor the one before, and ready: no reason to wait
  slow.go();
  assert.equal(await loaded, 400);
  assert.equal(await store.size("slow"), 400);
  assert.equal(await store.switchTo("slow", await store.live()), true);
});

test("a set that was removed while a run loaded it, however late, does not go live", async () => {
  const slow = slowly(400);
  const loaded = store.load("slow", slow.articles);
  await slow.loading;
  assert.deepEqual(await later().removeOld(), ["slow"]);
  slow.go();
  await loaded;
  await assert.rejects(store.switchTo("slow", {}), /set slow was removed by another run while it was loaded: try again/);
  assert.deepEqual(await store.live(), {});
  assert.deepEqual(await aws.items("sets"), ["slow"]); // its second half is in the table again, and can be found
  await store.load("slow", set(400)); // the retry
  assert.deepEqual([await store.size("slow"), await store.switchTo("slow", {})], [400, true]);
});

test("of a run that begins and one that removes, one goes on", async () => {
  await aws.putItem("sets", "old"); // of a release that wrote nothing else
  await aws.putItem("set#old", "article-0");
  const first = later();
  const pages = first.table.pages.bind(first.table);
  first.table.pages = async function* (pk, more) { // between the look and the claim, somebody loads it
    for await (const page of pages(pk, more)) {
      if (pk === "sets") await store.load("old", set(3));
      yield page;
    }
  };
  assert.deepEqual(await first.removeOld(), []);
  assert.equal(await store.size("old"), 3);
  // The other way round: what is being removed is not loaded, until whoever removes it must be dead.
  await aws.putItem("sets", "old", { doing: "removing", since: Date.now() });
  await assert.rejects(store.load("old", set(3)), /set old is being removed by another run: try again/);
  assert.deepEqual(await store.removeOld(), []);
  assert.equal(await later().load("old", set(3)), 3);
});

test("what a crash left half removed is removed by the next", async () => {
  await aws.putItem("sets", "torn", { doing: "removing", since: Date.now() - LEASE_MS - 1000 });
  await aws.putItem("set#torn", "article-7");
  assert.deepEqual(await store.removeOld(), ["torn"]);
  assert.deepEqual([await store.size("torn"), await aws.items("sets")], [0, []]);
});

test("what DynamoDB leaves unprocessed is written again", async () => {
  let refused = 0;
  const busy = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const { host, connection, ...headers } = request.headers;
    if (request.headers["x-amz-target"].endsWith(".BatchWriteItem") && refused < 3) {
      refused += 1;
      const { RequestItems } = JSON.parse(body);
      response.end(JSON.stringify({ UnprocessedItems: RequestItems }));
      return;
    }
    const answer = await fetch(aws.endpoint, { method: "POST", headers, body });
    response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0" });
    response.end(Buffer.from(await answer.arrayBuffer()));
  }).listen(0, "127.0.0.1");
  await once(busy, "listening");
  try {
    const throttled = new Store(TABLE, { endpoint: `http://127.0.0.1:${busy.address().port}` });
    assert.equal(await throttled.load("busy", set(60)), 60);
  } finally {
    busy.closeAllConnections();
    busy.close();
  }
  assert.deepEqual([refused, await store.size("busy")], [3, 60]);
});

test("a store out of reach is an error, never an empty store", async () => {
  const away = new Store(TABLE, { endpoint: `http://127.0.0.1:${await freePort()}`, maxAttempts: 2 });
  const calls = [() => away.live(), () => away.load("a", set(1)), () => away.size("a"), () => away.switchTo("a", {})];
  for (const call of [...calls, () => away.removeOld()]) {
    await assert.rejects(call(), { code: "ECONNREFUSED" });
  }
});

test("a store that takes a call up and never answers is given up", { timeout: 20_000 }, async () => {
  const mute = createServer(() => {}).listen(0, "127.0.0.1");
  await once(mute, "listening");
  try {
    const endpoint = `http://127.0.0.1:${mute.address().port}`;
    const silent = new Store(TABLE, { endpoint, maxAttempts: 2, requestHandler: { ...PATIENCE, requestTimeout: 300 } });
    await assert.rejects(silent.live(), { name: "TimeoutError" });
  } finally {
    mute.closeAllConnections();
    mute.close();
  }
  assert.ok(PATIENCE.connectionTimeout + PATIENCE.requestTimeout <= 60_000); // ten attempts, well within 30 minutes
});
