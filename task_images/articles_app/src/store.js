/**
 * The sets of related articles in DynamoDB, one of them live.
 *
 *   pk "set#<id>"  sk <article>   related: [[article, similarity], …]
 *   pk "sets"      sk <id>        that the set was begun: what a crash leaves behind is found by it
 *   pk "live"      sk "live"      set, previous: which set readers see
 */
import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  BatchWriteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand,
} from "@aws-sdk/lib-dynamodb";

const LIVE = { pk: "live", sk: "live" };
const ITEMS_PER_WRITE = 25; // BatchWriteItem takes no more
const WRITES_AT_ONCE = 4;
const LONGEST_PAUSE_MS = 5000;

export class Store {
  /** `options`: of the DynamoDB client, beside the region and credentials that it finds itself. */
  constructor(table, options = {}) {
    this.table = table;
    this.client = DynamoDBDocumentClient.from(new DynamoDBClient({ maxAttempts: 10, ...options }));
  }

  /** {set, previous} or an empty object. */
  async live() {
    const answer = await this.client.send(new GetCommand({ TableName: this.table, Key: LIVE, ConsistentRead: true }));
    return answer.Item ?? {};
  }

  /** Write all articles of a set that nobody reads yet; doing it again writes the same. Returns how many. */
  async load(set, articles) {
    await this.client.send(new PutCommand({ TableName: this.table, Item: { pk: "sets", sk: set } }));
    let count = 0;
    let group = [];
    let writes = [];
    for await (const { article, related } of articles) {
      group.push({ PutRequest: { Item: { pk: `set#${set}`, sk: article, related } } });
      count += 1;
      if (group.length === ITEMS_PER_WRITE) {
        writes.push(this.#write(group));
        group = [];
      }
      if (writes.length === WRITES_AT_ONCE) {
        await Promise.all(writes);
        writes = [];
      }
    }
    if (group.length) writes.push(this.#write(group));
    await Promise.all(writes);
    return count;
  }

  /** How many articles the set has in the table. */
  async size(set) {
    let count = 0;
    for await (const page of this.#pages(`set#${set}`, { Select: "COUNT" })) count += page.Count;
    return count;
  }

  /** Readers see `set` from now on, all at once; false when somebody else has switched since `seen` was read. */
  async switchTo(set, seen) {
    const condition = seen.set ? "#set = :seen" : "attribute_not_exists(pk)";
    try {
      await this.client.send(new UpdateCommand({
        TableName: this.table,
        Key: LIVE,
        UpdateExpression: "SET #set = :set, previous = :previous, switched_at = :now",
        ConditionExpression: condition,
        ExpressionAttributeNames: { "#set": "set" },
        ExpressionAttributeValues: {
          ":set": set, ":previous": seen.set ?? null, ":now": new Date().toISOString(),
          ...(seen.set ? { ":seen": seen.set } : {}),
        },
      }));
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  /** Remove every set that is neither live nor the one before; returns their names. */
  async removeOld() {
    const { set, previous } = await this.live();
    const old = [];
    for await (const page of this.#pages("sets")) {
      for (const item of page.Items) if (item.sk !== set && item.sk !== previous) old.push(item.sk);
    }
    for (const name of old) {
      for await (const page of this.#pages(`set#${name}`, { ProjectionExpression: "pk, sk" })) {
        for (let at = 0; at < page.Items.length; at += ITEMS_PER_WRITE) {
          const keys = page.Items.slice(at, at + ITEMS_PER_WRITE);
          await this.#write(keys.map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } })));
        }
      }
      await this.#write([{ DeleteRequest: { Key: { pk: "sets", sk: name } } }]);
    }
    return old;
  }

  async *#pages(pk, more = {}) {
    let ExclusiveStartKey;
    do {
      const page = await this.client.send(new QueryCommand({
        TableName: this.table, ConsistentRead: true, ExclusiveStartKey,
        KeyConditionExpression: "pk = :pk", ExpressionAttributeValues: { ":pk": pk }, ...more,
      }));
      yield page;
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
  }

  /** All of `requests`, whatever DynamoDB leaves unprocessed at first. */
  async #write(requests) {
    let left = { [this.table]: requests };
    for (let pause = 50; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const answer = await this.client.send(new BatchWriteCommand({ RequestItems: left }));
      left = answer.UnprocessedItems ?? {};
      if (!Object.keys(left).length) return;
      await new Promise((done) => setTimeout(done, pause * (0.5 + Math.random())));
    }
  }
}
