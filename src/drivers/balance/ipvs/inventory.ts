/** Which services there are, and whose. */
import { type IpvsService, type ServiceAddress, serviceKey } from "#core/ipvs/model";
import type { IpvsKernel, KernelResult } from "./kernel.ts";
import { type Ownership, readOwnership, writeOwnership } from "./record.ts";

/** How old the knowledge of other programs' services may be, in microseconds. */
const FOREIGN_AGE = 1_000_000;

type Parts = {
  readonly kernel: KernelResult<IpvsKernel>;
  /** A clock that never goes back, in microseconds. */
  readonly nowMicros: () => number;
  /** The file in which what is ours is written down. */
  readonly record: string;
};

const sameTexts = (left: ReadonlySet<string>, right: ReadonlySet<string>): boolean =>
  left.size === right.size && [...left].every((text) => right.has(text));

export class Inventory {
  readonly #parts: Parts;
  #owned: Ownership;
  /** Services of other programs. */
  #foreign: ReadonlySet<string> = new Set();
  #seenAt = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#owned = readOwnership(parts.record);
  }

  get owned(): Ownership {
    return this.#owned;
  }

  isOurs(service: ServiceAddress): boolean {
    return this.#owned.services.has(serviceKey(service));
  }

  /** Every service, whoever made it. */
  read(): KernelResult<readonly IpvsService[]> {
    const { kernel, nowMicros } = this.#parts;
    const services = kernel.ok ? kernel.value.services() : kernel;
    if (!services.ok) return services;
    const foreign = services.value.filter((service) => !this.isOurs(service));
    this.#foreign = new Set(foreign.map((service) => serviceKey(service)));
    this.#seenAt = nowMicros();
    return services;
  }

  /** Whether somebody else has made a service; one that had been there is looked at again. */
  isForeign(key: string): boolean {
    if (!this.#foreign.has(key)) return false;
    if (this.#parts.nowMicros() - this.#seenAt >= FOREIGN_AGE) this.read();
    return this.#foreign.has(key);
  }

  /** Writes down what is ours; when that fails, which it says, nothing has changed. */
  own(change: Partial<Ownership>): string | undefined {
    const owned = { ...this.#owned, ...change };
    if (sameTexts(owned.services, this.#owned.services) && sameTexts(owned.daemons, this.#owned.daemons)) {
      return undefined;
    }
    const problem = writeOwnership(this.#parts.record, owned);
    if (problem === undefined) this.#owned = owned;
    return problem;
  }
}
