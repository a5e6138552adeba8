/**
 * How long a call waits for AWS to take it up and to answer: a connection that has died without a word would else be waited
 * for until the task's own time is over. No limit on silence within an answer: a set is read no faster than it is written.
 */
export const PATIENCE = { connectionTimeout: 5000, requestTimeout: 30_000, throwOnRequestTimeout: true };
