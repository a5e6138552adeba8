/** The store against a real table: the conditional switch, what DynamoDB leaves unprocessed, a store out of reach. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, beforeEach, test } from "node:test";
import { Store } from "../src/store.js";
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

test("only one of two who saw the same set switches", async () => {
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
  await store.switchTo("other", {});
  assert.deepEqual(await store.removeOld(), ["half"]);
  assert.deepEqual([await store.size("half"), await aws.items("sets")], [0, []]);
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
  for (const call of [() => away.live(), () => away.load("a", set(1)), () => away.size("a"), () => away.switchTo("a", {}), () => away.removeOld()]) {
    await assert.rejects(call(), { code: "ECONNREFUSED" });
  }
});
