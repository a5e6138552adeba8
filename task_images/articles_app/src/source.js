/** Read what the similarity task left in S3. */
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { BadInput } from "./errors.js";
import { PATIENCE } from "./patience.js";

// Path style: a bucket is part of the path with every S3 that is not Amazon's.
const s3 = new S3Client({ requestHandler: PATIENCE, forcePathStyle: Boolean(process.env.AWS_ENDPOINT_URL) });

function place(uri) {
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  if (!Key) throw new BadInput(`${uri}: not an object URI; use s3://<bucket>/<key>`);
  return { Bucket, Key };
}

async function read(uri) {
  try {
    return (await s3.send(new GetObjectCommand(place(uri)))).Body;
  } catch (error) {
    // Without the right to list the whole bucket, S3 says AccessDenied for a missing object.
    if (["NoSuchKey", "AccessDenied"].includes(error.name)) throw new BadInput(`${uri} is not there (${error.name})`);
    throw error;
  }
}

/** The JSON object at `uri`. */
export async function document(uri) {
  const text = await (await read(uri)).transformToString();
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadInput(`${uri} is not JSON: ${error.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new BadInput(`${uri} is no JSON object`);
  return value;
}

/** Each line {"article": …, "related": [[article, similarity], …]} of the gzipped set at `uri`; no article twice. */
export async function* articles(uri) {
  const seen = new Set();
  let number = 0;
  for await (const line of lines(uri)) {
    number += 1;
    const where = `${uri}, line ${number}`;
    let record;
    try {
      record = JSON.parse(line);
    } catch (error) {
      throw new BadInput(`${where}: ${error.message}`);
    }
    if (typeof record?.article !== "string" || !record.article || !Array.isArray(record.related)) {
      throw new BadInput(`${where}: not {"article": "…", "related": [[…, …], …]}`);
    }
    if (seen.has(record.article)) throw new BadInput(`${where}: article ${record.article} is there twice`);
    seen.add(record.article);
    yield record;
  }
}

/** The lines of the gzipped text at `uri`. (readline hides an error of its input: it would end the program elsewhere.) */
async function* lines(uri) {
  const reported = () => {}; // an error of either stream ends the loop below, which throws it
  const text = pipeline(await read(uri), createGunzip(), reported).setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of text) {
      const whole = (rest + chunk).split("\n");
      rest = whole.pop();
      yield* whole;
    }
  } catch (error) {
    if (error.code?.startsWith("Z_")) throw new BadInput(`${uri} is not whole gzip: ${error.message}`);
    throw error;
  }
  if (rest) yield rest;
}

export async function writeJson(uri, value) {
  const Body = JSON.stringify(value, null, 1);
  await s3.send(new PutObjectCommand({ ...place(uri), Body, ContentType: "application/json" }));
}
