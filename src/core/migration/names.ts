/** Names of resources, from names that were free text. */
import type { Kind } from "./resource.ts";

/** Longest name of an object (RFC 1123 subdomain). */
const MAX_LENGTH = 253;
/** Longest beginning of a text that becomes a name. */
const LEGIBLE = 63;
const VALID = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Whether a text may be an object's name as it is. */
export const isObjectName = (text: string): boolean => text.length <= MAX_LENGTH && VALID.test(text);

const legible = (wanted: string, fallback: string): string => {
  if (isObjectName(wanted)) return wanted;
  const name = wanted
    .slice(0, 256)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, LEGIBLE)
    .replaceAll(/^-+|-+$/g, "");
  return name === "" ? fallback : name;
};

/** Gives each resource of a kind a name of its own. */
export class Names {
  readonly #taken = new Set<string>();
  readonly #nextByBase = new Map<string, number>();

  /** A name as `wanted`, or like it where it cannot be one or was given before. */
  take(kind: Kind, wanted: string, fallback: string): string {
    const base = legible(wanted, fallback);
    const key = `${kind} ${base}`;
    for (let count = this.#nextByBase.get(key) ?? 1; ; count += 1) {
      const suffix = count === 1 ? "" : `-${count}`;
      const name = `${base.slice(0, MAX_LENGTH - suffix.length).replace(/[-.]+$/, "")}${suffix}`;
      if (this.#taken.has(`${kind} ${name}`)) continue;
      this.#nextByBase.set(key, count + 1);
      this.#taken.add(`${kind} ${name}`);
      return name;
    }
  }
}
