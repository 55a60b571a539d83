/** What a restarted program finds of the one before: the plan that ran, and whether the kernel is still as it left it. */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeCheckpoint, encodeCheckpoint } from "#core/balance/checkpoint";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { encodeSeal, isSealOf, type Seal } from "./seal.ts";

const CHECKPOINT_FILE = "forwarding.json";
/** Whether the kernel is as the checkpoint says. */
const SEAL_FILE = "forwarding.seal";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export class PlanRecord {
  readonly #directory: string;
  /** Why the checkpoint could not be written, while that is so. */
  unsaved: string | undefined;
  /** The seal that is on the disk. */
  #sealed: string | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The plan that ran last; `undefined` if none is recorded. */
  async plan(): Promise<ForwardingPlan | undefined> {
    return decodeCheckpoint(await this.#read(CHECKPOINT_FILE));
  }

  /** The plan that ran last if the kernel is exactly as it left it; `sealOf` gives the state that the kernel is in. */
  async intact(sealOf: (plan: ForwardingPlan) => Seal): Promise<ForwardingPlan | undefined> {
    const seal = await this.#read(SEAL_FILE);
    const plan = seal === "" ? undefined : await this.plan();
    return plan !== undefined && isSealOf(seal.trimEnd(), sealOf(plan)) ? plan : undefined;
  }

  /** Failing to write it costs a restart's memory of flows, not forwarding. */
  async save(plan: ForwardingPlan): Promise<void> {
    try {
      await this.#write(CHECKPOINT_FILE, encodeCheckpoint(plan));
      this.unsaved = undefined;
    } catch (error) {
      this.unsaved = `${this.#path(CHECKPOINT_FILE)}: ${messageOf(error)}`;
      await this.#remove(CHECKPOINT_FILE);
    }
  }

  /** Remembers which state of the kernel the checkpoint is of; without a seal a restart reads everything back. */
  async seal(seal: Seal | undefined): Promise<void> {
    const text = seal === undefined || this.unsaved !== undefined ? undefined : encodeSeal(seal);
    if (text === this.#sealed) return;
    this.#sealed = text;
    try {
      if (text === undefined) await this.#remove(SEAL_FILE);
      else await this.#write(SEAL_FILE, text);
    } catch {
      this.#sealed = undefined;
      await this.#remove(SEAL_FILE);
    }
  }

  async remove(): Promise<void> {
    this.#sealed = undefined;
    await Promise.all([CHECKPOINT_FILE, SEAL_FILE].map((name) => this.#remove(name)));
  }

  #read(name: string): Promise<string> {
    return readFile(this.#path(name), "utf8").catch(() => "");
  }

  /** Writes a file beside the one that is there, which it then replaces. */
  async #write(name: string, text: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o750 });
    const draft = this.#path(`${name}.new`);
    try {
      await writeFile(draft, `${text}\n`, { mode: 0o640 });
      await rename(draft, this.#path(name));
    } catch (error) {
      // Half a file only takes room.
      await rm(draft, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async #remove(name: string): Promise<void> {
    await rm(this.#path(name), { force: true }).catch(() => undefined);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}
