/** Sets the kernel settings that the configuration needs, remembers what they were, and puts them back. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Desired } from "#core/config/desired";
import type { Event } from "#core/observation/event";
import { type SysctlKey, sysctlKey } from "#core/sysctl/key";
import {
  planSysctlRestore,
  planSysctls,
  type SysctlChange,
  type SysctlPlan,
  sysctlsToObserve,
} from "#core/sysctl/plan";
import { type Host, type NetworkUse, networkUse } from "#core/sysctl/use";
import type { SysctlPort } from "#drivers/sysctl/port";

/** Where the former values are kept, so that a restart after SIGKILL still knows them. */
const RECORD = "sysctls.json";
/** Pause before a record that could not be written is tried again, in milliseconds. */
const RETRY = 2_000;

export type Settings = {
  /** Makes the kernel's settings what this configuration needs; again, when interfaces have come or gone. */
  apply(desired: Desired): void;
  /** Looks whether somebody has set back what is needed, and sets it again. The kernel tells nobody of most changes. */
  recheck(): void;
  /** Puts back what was changed and nobody else has changed since. */
  restore(): void;
  /** What was changed and not put back yet, also by an earlier run. */
  changed(): readonly SysctlChange[];
};

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The key of a record, which somebody may have edited. */
const keyOf = (text: unknown): SysctlKey | undefined => {
  const segments = typeof text === "string" ? text.split("/") : [];
  const isSafe = segments.every((segment) => /^[^\0]+$/.test(segment) && segment !== "." && segment !== "..");
  return segments.length > 0 && isSafe ? sysctlKey(...segments) : undefined;
};

const readChange = (value: unknown): SysctlChange[] => {
  if (!isFields(value)) return [];
  const key = keyOf(value.key);
  const { from, to, reason } = value;
  if (key === undefined || typeof from !== "string" || typeof to !== "string") return [];
  return [{ key, from, to, reason: typeof reason === "string" ? reason : "" }];
};

type Parts = {
  readonly sysctl: SysctlPort;
  readonly host: () => Host;
  readonly directory: string;
  readonly emit: (event: Event) => void;
};

class RecordedSettings implements Settings {
  readonly #parts: Parts;
  readonly #path: string;
  #made: readonly SysctlChange[];
  /** What failed and was said, by setting: said again only when it is another failure. */
  readonly #complaintBySetting = new Map<string, string>();

  #hindering: readonly SysctlKey[] = [];

  /** The next try to write the record, while it could not be. */
  #again: NodeJS.Timeout | undefined;

  /** What the settings were last made for. */
  #use: NetworkUse | undefined;

  /** What was looked at since: whoever changes one of these now is somebody else. */
  readonly #seen = new Set<SysctlKey>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#path = join(parts.directory, RECORD);
    this.#made = this.#readRecord();
  }

  apply(desired: Desired): void {
    const use = networkUse(desired, this.#parts.host());
    // Applied again when any address has come or gone, and mostly for the same.
    if (JSON.stringify(use) !== JSON.stringify(this.#use)) this.#seen.clear();
    this.#use = use;
    this.#enforce(use);
  }

  recheck(): void {
    if (this.#use !== undefined) this.#enforce(this.#use);
  }

  #enforce(use: NetworkUse): void {
    const { sysctl } = this.#parts;
    const observed = sysctl.observe(sysctlsToObserve(use));
    if (!observed.ok) {
      this.#complain(observed.error.key, `cannot be read: ${observed.error.code}`);
      return;
    }
    const plan = planSysctls(use, observed.value);
    const known = new Set(this.#made.map(({ key }) => key));
    const news = plan.changes.filter(({ key }) => !known.has(key));
    if (news.length > 0) this.#writeRecord([...this.#made, ...news]);
    for (const change of plan.changes) {
      const wasRight = known.has(change.key) || this.#seen.has(change.key);
      this.#set(change, wasRight && !this.#complaintBySetting.has(change.key) ? "repaired" : "set");
    }
    for (const key of sysctlsToObserve(use)) this.#seen.add(key);
    for (const { key, reason } of plan.missing) {
      this.#complain(key, `this kernel does not have it, but ${reason}`);
    }
    this.#sayHindering(plan.hindering);
  }

  /** Again when it was out of the way meanwhile. */
  #sayHindering(hindering: SysctlPlan["hindering"]): void {
    for (const key of this.#hindering) {
      if (!hindering.some((other) => other.key === key)) this.#complaintBySetting.delete(key);
    }
    this.#hindering = hindering.map(({ key }) => key);
    for (const { key, reason } of hindering) this.#complain(key, reason);
  }

  changed(): readonly SysctlChange[] {
    return this.#made;
  }

  restore(): void {
    const { sysctl } = this.#parts;
    const observed = sysctl.observe(this.#made.map(({ key }) => key));
    if (!observed.ok) {
      this.#complain(observed.error.key, `cannot be read, so nothing is put back: ${observed.error.code}`);
      return;
    }
    const undo = planSysctlRestore(this.#made, observed.value);
    const stuck = new Set(undo.filter((change) => !this.#set(change, "restored")).map(({ key }) => key));
    this.#writeRecord(this.#made.filter(({ key }) => stuck.has(key)));
  }

  /** Whether it worked. */
  #set({ key, from, to, reason }: SysctlChange, change: "set" | "repaired" | "restored"): boolean {
    const written = this.#parts.sysctl.write(key, to);
    if (!written.ok) {
      this.#complain(key, `${written.error.code}: set it to ${to} by hand, because ${reason}`);
      return false;
    }
    this.#complaintBySetting.delete(key);
    this.#parts.emit({
      type: "sysctl",
      setting: key,
      change,
      detail: `${from} -> ${to}, because ${reason}`,
    });
    return true;
  }

  #complain(setting: string, detail: string): void {
    if (this.#complaintBySetting.get(setting) === detail) return;
    this.#complaintBySetting.set(setting, detail);
    this.#parts.emit({ type: "sysctl", setting, change: "failed", detail });
  }

  #readRecord(): readonly SysctlChange[] {
    try {
      const record: unknown = JSON.parse(readFileSync(this.#path, "utf8"));
      return Array.isArray(record) ? record.flatMap(readChange) : [];
    } catch {
      return [];
    }
  }

  /** Half a file only takes room. */
  #removeDraft(): void {
    try {
      rmSync(`${this.#path}.new`, { force: true });
    } catch {
      // Its directory cannot be written, and that is being said.
    }
  }

  /** The record is written before the setting is: at any moment, what was changed can be put back. */
  #writeRecord(made: readonly SysctlChange[]): void {
    this.#made = made;
    clearTimeout(this.#again);
    try {
      if (made.length === 0) rmSync(this.#path, { force: true });
      else {
        writeFileSync(`${this.#path}.new`, `${JSON.stringify(made, undefined, 2)}\n`, { mode: 0o600 });
        renameSync(`${this.#path}.new`, this.#path);
      }
    } catch (error) {
      this.#removeDraft();
      const detail = `the former values could not be recorded in ${this.#path}: ${wordsOf(error)}`;
      this.#complain(RECORD, detail);
      this.#again = setTimeout(() => this.#writeRecord(this.#made), RETRY).unref();
      return;
    }
    if (!this.#complaintBySetting.delete(RECORD)) return;
    this.#parts.emit({
      type: "sysctl",
      setting: RECORD,
      change: "set",
      detail: "the former values are recorded now",
    });
  }
}

/** Changes nothing until `apply`. The record is kept in `directory`. */
export const createSettings = (parts: Parts): Settings => new RecordedSettings(parts);
