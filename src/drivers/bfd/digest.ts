/** The hash functions that BFD's authentication is made of. */
import { hash } from "node:crypto";
import type { Digest } from "#core/bfd/authentication";

/** In one call: an object for each packet that comes and goes cost a quarter of what the process did about it. */
export const digest: Digest = (algorithm, bytes) => hash(algorithm, bytes, "buffer");
