/** A person must look; a retry does not help. */
export class BadInput extends Error {}
