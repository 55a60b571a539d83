/** Names of our resources, from names that were never meant for Kubernetes. */

/** Longest name of a resource (RFC 1123 label). */
const MAX_LENGTH = 63;

/** A name of lower-case letters, digits and dashes that looks as much as possible like `wanted`. */
const legible = (wanted: string, fallback: string): string => {
  const name = wanted
    .slice(0, 256)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .slice(0, MAX_LENGTH)
    .replaceAll(/^-+|-+$/g, "");
  return name === "" ? fallback : name;
};

/** Gives each resource of one kind a name of its own. */
export class Names {
  readonly #taken = new Set<string>();

  /** A name like `wanted` that was not given before; `fallback` where nothing of it can be kept. */
  take(wanted: string, fallback: string): string {
    const base = legible(wanted, fallback);
    let name = base;
    for (let count = 2; this.#taken.has(name); count += 1) {
      const suffix = `-${count}`;
      name = `${base.slice(0, MAX_LENGTH - suffix.length)}${suffix}`;
    }
    this.#taken.add(name);
    return name;
  }
}
