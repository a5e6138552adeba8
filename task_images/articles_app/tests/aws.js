/** A local AWS for one test file, with a bucket and an empty table; the program under test is a process of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { CreateTableCommand, DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const MAIN = fileURLToPath(new URL("../src/main.js", import.meta.url));
const SECONDS = 120;
export const BUCKET = "articles", TABLE = "related-articles";

/** A port of this machine on which nobody listens. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

export class Aws {
  static async start() {
    const made = new Aws();
    const port = await freePort();
    made.endpoint = `http://127.0.0.1:${port}`;
    made.folder = await mkdtemp(path.join(tmpdir(), "articles-app-"));
    const argv = ["-m", "local.aws", "--port", String(port), "--state", path.join(made.folder, "state")];
    const env = { PATH: process.env.PATH, PYTHONPATH: ROOT, TASKLANE_EMULATOR_TOKEN: "token-of-the-tests" };
    made.process = spawn(path.join(ROOT, ".venvs/emulator/bin/python"), argv, { cwd: ROOT, env, stdio: "ignore" });
    made.variables = {
      AWS_ENDPOINT_URL: made.endpoint, AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test",
    };
    Object.assign(process.env, made.variables); // for what is imported into the test
    try {
      await made.#ready();
      made.s3 = new S3Client({ forcePathStyle: true });
      made.dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({}));
      await made.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    } catch (error) {
      await made.stop();
      throw error;
    }
    return made;
  }

  async #ready() {
    for (let left = SECONDS * 10; left > 0; left -= 1) {
      if (this.process.exitCode !== null) throw new Error(`the local AWS ended with ${this.process.exitCode}`);
      const answer = await fetch(`${this.endpoint}/_tasklane/health`).catch(() => null);
      if (answer?.ok) return;
      await sleep(100);
    }
    throw new Error(`the local AWS is not ready after ${SECONDS} s`);
  }

  async stop() {
    const ended = this.process.exitCode === null ? once(this.process, "exit") : null;
    this.process.kill();
    await ended;
    await rm(this.folder, { recursive: true });
  }

  async newTable() {
    await this.dynamodb.send(new DeleteTableCommand({ TableName: TABLE })).catch((error) => {
      if (error.name !== "ResourceNotFoundException") throw error;
    });
    await this.dynamodb.send(new CreateTableCommand({
      TableName: TABLE, BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: ["pk", "sk"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }, { AttributeName: "sk", KeyType: "RANGE" }],
    }));
  }

  /** URI of a new object. */
  async put(key, body) {
    await this.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
    return `s3://${BUCKET}/${key}`;
  }

  async json(key) {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    return JSON.parse(await Body.transformToString());
  }

  /** The result document of a set as the similarity task leaves it; `given` spoils its parts. */
  async result(state, names, given = {}) {
    const text = names.map((article) => `${JSON.stringify({ article, related: [["other", 0.5]] })}\n`).join("");
    const set = await this.put(`${state}/set.jsonl.gz`, given.set ?? gzipSync(text));
    const told = given.summary ?? JSON.stringify({ state, articles: names.length });
    const summary = await this.put(`${state}/summary.json`, told);
    return this.put(`${state}/result.json`, given.result ?? JSON.stringify({ outputs: { set, summary } }));
  }

  async putItem(pk, sk, more = {}) {
    await this.dynamodb.send(new PutCommand({ TableName: TABLE, Item: { pk, sk, ...more } }));
  }

  /** The sort keys of a partition. */
  async items(pk) {
    const question = { KeyConditionExpression: "pk = :pk", ExpressionAttributeValues: { ":pk": pk } };
    const { Items } = await this.dynamodb.send(new QueryCommand({ TableName: TABLE, ...question }));
    return Items.map((item) => item.sk);
  }

  /** {code, output} of the program, run as the image runs it. */
  async run(args, variables = {}) {
    const env = { PATH: process.env.PATH, ...this.variables, TASKLANE_TABLE_RELATED_ARTICLES: TABLE, ...variables };
    const child = spawn(process.execPath, [MAIN, ...args], { env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => { output += text; });
    const [code] = await once(child, "close");
    return { code, output };
  }
}
