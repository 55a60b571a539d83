/**
 * Which services of IPVS are ours, kept on disk so that a restart still knows, and everybody else's are left alone.
 *
 * A service is written down before it is made and struck out after it was removed, so that at any moment everything
 * of ours is in the record.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const FORMAT = 1;

/** What is ours. */
export type Ownership = {
  /** Keys of services, as `serviceKey` makes them. */
  readonly services: ReadonlySet<string>;
  /** Which halves of the sync daemon we started. */
  readonly daemons: ReadonlySet<string>;
};

/** Nothing at all. */
export const OWNS_NOTHING: Ownership = { services: new Set(), daemons: new Set() };

const textsOf = (value: unknown): ReadonlySet<string> =>
  new Set(Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : []);

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Reads the record; nothing is ours when there is none or it is no record. */
export const readOwnership = (path: string): Ownership => {
  try {
    const record: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (!isFields(record) || record.format !== FORMAT) return OWNS_NOTHING;
    return { services: textsOf(record.services), daemons: textsOf(record.daemons) };
  } catch {
    return OWNS_NOTHING;
  }
};

/** Writes the record whole or not at all, and removes it when nothing is ours; gives what went wrong. */
export const writeOwnership = (path: string, { services, daemons }: Ownership): string | undefined => {
  try {
    if (services.size + daemons.size === 0) {
      rmSync(path, { force: true });
      return undefined;
    }
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    const record = { format: FORMAT, services: [...services].sort(), daemons: [...daemons].sort() };
    writeFileSync(`${path}.new`, `${JSON.stringify(record, undefined, 1)}\n`, { mode: 0o640 });
    renameSync(`${path}.new`, path);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};
