/** A DynamoDB table: pages of a partition, writes that are carried out to the end, writes on a condition. */
import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  BatchWriteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { PATIENCE } from "./patience.js";

export const ITEMS_PER_WRITE = 25; // BatchWriteItem takes no more
const LONGEST_PAUSE_MS = 5000;

export class Table {
  /** `options`: of the DynamoDB client, beside the region and credentials that it finds itself. */
  constructor(name, options) {
    this.name = name;
    this.client = DynamoDBDocumentClient.from(new DynamoDBClient({ maxAttempts: 10, requestHandler: PATIENCE, ...options }));
  }

  /** The item, as it is now; undefined where there is none. */
  async get(Key) {
    return (await this.client.send(new GetCommand({ TableName: this.name, Key, ConsistentRead: true }))).Item;
  }

  /** The pages of a partition, as it is now. */
  async *pages(pk, more = {}) {
    let ExclusiveStartKey;
    do {
      const page = await this.client.send(new QueryCommand({
        TableName: this.name, ConsistentRead: true, ExclusiveStartKey,
        KeyConditionExpression: "pk = :pk", ExpressionAttributeValues: { ":pk": pk }, ...more,
      }));
      yield page;
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
  }

  /** All of `requests`, whatever DynamoDB leaves unprocessed at first. */
  async write(requests) {
    let left = { [this.name]: requests };
    for (let pause = 50; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const answer = await this.client.send(new BatchWriteCommand({ RequestItems: left }));
      left = answer.UnprocessedItems ?? {};
      if (!Object.keys(left).length) return;
      await new Promise((done) => setTimeout(done, pause * (0.5 + Math.random())));
    }
  }

  /** False where the condition of the put does not hold. */
  put(request) {
    return this.#onCondition(new PutCommand({ TableName: this.name, ...request }));
  }

  /** False where the condition of the update does not hold. */
  update(request) {
    return this.#onCondition(new UpdateCommand({ TableName: this.name, ...request }));
  }

  async #onCondition(command) {
    try {
      await this.client.send(command);
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}
