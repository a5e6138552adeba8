/** Read what the similarity task left in S3. */
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { BadInput } from "./errors.js";

// Path style: a bucket is part of the path with every S3 that is not Amazon's.
const s3 = new S3Client({ forcePathStyle: Boolean(process.env.AWS_ENDPOINT_URL) });

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
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadInput(`${uri} is not JSON: ${error.message}`);
  }
}

/** Each line {"article": …, "related": [[article, similarity], …]} of the gzipped set at `uri`. */
export async function* articles(uri) {
  const lines = createInterface({ input: (await read(uri)).pipe(createGunzip()), crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    let record;
    try {
      record = JSON.parse(line);
    } catch (error) {
      throw new BadInput(`${uri}, line ${number}: ${error.message}`);
    }
    if (typeof record.article !== "string" || !record.article || !Array.isArray(record.related)) {
      throw new BadInput(`${uri}, line ${number}: not {"article": "…", "related": [[…, …], …]}`);
    }
    yield record;
  }
}

export async function writeJson(uri, value) {
  const Body = JSON.stringify(value, null, 1);
  await s3.send(new PutObjectCommand({ ...place(uri), Body, ContentType: "application/json" }));
}
