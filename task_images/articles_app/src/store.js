/**
 * The sets of related articles in DynamoDB, one of them live.
 *
 *   pk "set#<id>"  sk <article>   related: [[article, similarity], …]
 *   pk "sets"      sk <id>        doing: loading, ready or removing; since: ms since 1970
 *   pk "live"      sk "live"      set, previous: which set readers see
 *
 * Whoever loads or removes a set writes so into its entry, on the condition that nobody else has meanwhile, and renews it
 * before the set goes live. So a set that is being loaded is not removed, and one that was removed does not go live.
 */
import { ITEMS_PER_WRITE, Table } from "./table.js";

const LIVE = { pk: "live", sk: "live" };
const WRITES_AT_ONCE = 4;
/** Whoever began longer ago is dead: twice the longest that task.toml lets a run take. */
export const LEASE_MS = 2 * 30 * 60_000;

export class Store {
  /** `options`: of the DynamoDB client; `now`: the clock, in ms since 1970. */
  constructor(name, options = {}, now = Date.now) {
    this.table = new Table(name, options);
    this.now = now;
  }

  /** {set, previous} or an empty object. */
  async live() {
    return (await this.table.get(LIVE)) ?? {};
  }

  /** Write all articles of a set that nobody reads yet; doing it again writes the same. Returns how many. */
  async load(set, articles) {
    await this.#begin(set);
    let count = 0;
    let group = [];
    let writes = [];
    for await (const { article, related } of articles) {
      group.push({ PutRequest: { Item: { pk: `set#${set}`, sk: article, related } } });
      count += 1;
      if (group.length === ITEMS_PER_WRITE) {
        writes.push(this.table.write(group));
        group = [];
      }
      if (writes.length === WRITES_AT_ONCE) {
        await Promise.all(writes);
        writes = [];
      }
    }
    if (group.length) writes.push(this.table.write(group));
    await Promise.all(writes);
    return count;
  }

  /** How many articles the set has in the table. */
  async size(set) {
    let count = 0;
    for await (const page of this.table.pages(`set#${set}`, { Select: "COUNT" })) count += page.Count;
    return count;
  }

  /**
   * Readers see `set`, just loaded, from now on, all at once; false when somebody else has switched since `seen`. Raises
   * an error where another run has removed the set meanwhile.
   */
  async switchTo(set, seen) {
    if (!(await this.#mark(set, "loading"))) {
      await this.#begin(set); // what this run wrote since is found by its entry, once it is dead
      throw new Error(`set ${set} was removed by another run while it was loaded: try again`);
    }
    const switched = await this.table.update({
      Key: LIVE,
      UpdateExpression: "SET #set = :set, previous = :previous, switched_at = :now",
      ConditionExpression: seen.set ? "#set = :seen" : "attribute_not_exists(pk)",
      ExpressionAttributeNames: { "#set": "set" },
      ExpressionAttributeValues: {
        ":set": set, ":previous": seen.set ?? null, ":now": new Date(this.now()).toISOString(),
        ...(seen.set ? { ":seen": seen.set } : {}),
      },
    });
    if (switched) await this.#mark(set, "ready");
    return switched;
  }

  /** Remove every set that is neither live nor the one before, and that nobody loads; returns their names. */
  async removeOld() {
    const { set, previous } = await this.live();
    const old = [];
    for await (const page of this.table.pages("sets")) {
      for (const entry of page.Items) if (entry.sk !== set && entry.sk !== previous) old.push(entry);
    }
    const removed = [];
    for (const entry of old) {
      if (!(await this.#claim(entry))) continue;
      for await (const page of this.table.pages(`set#${entry.sk}`, { ProjectionExpression: "pk, sk" })) {
        for (let at = 0; at < page.Items.length; at += ITEMS_PER_WRITE) {
          const keys = page.Items.slice(at, at + ITEMS_PER_WRITE);
          await this.table.write(keys.map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } })));
        }
      }
      await this.table.write([{ DeleteRequest: { Key: { pk: "sets", sk: entry.sk } } }]);
      removed.push(entry.sk);
    }
    return removed;
  }

  /** From now on this run loads `set`. */
  async #begin(set) {
    const free = await this.table.put({
      Item: { pk: "sets", sk: set, doing: "loading", since: this.now() },
      ConditionExpression: "attribute_not_exists(doing) OR doing <> :removing OR since < :dead",
      ExpressionAttributeValues: { ":removing": "removing", ":dead": this.now() - LEASE_MS },
    });
    if (!free) throw new Error(`set ${set} is being removed by another run: try again`);
  }

  /** What the run that loads `set` does from now on; false where it was removed. */
  #mark(set, doing) {
    return this.table.update({
      Key: { pk: "sets", sk: set }, UpdateExpression: "SET doing = :doing, since = :now",
      ConditionExpression: "doing = :loading",
      ExpressionAttributeValues: { ":doing": doing, ":loading": "loading", ":now": this.now() },
    });
  }

  /** Whether this run may remove a set: nobody is at work on it, nor has begun since `entry` was read. */
  async #claim({ sk, doing, since }) {
    if (["loading", "removing"].includes(doing) && since >= this.now() - LEASE_MS) return false;
    const same = doing ? "doing = :doing AND since = :since" : "attribute_exists(pk) AND attribute_not_exists(doing)";
    return this.table.update({
      Key: { pk: "sets", sk }, UpdateExpression: "SET doing = :removing, since = :now", ConditionExpression: same,
      ExpressionAttributeValues: {
        ":removing": "removing", ":now": this.now(), ...(doing ? { ":doing": doing, ":since": since } : {}),
      },
    });
  }
}
