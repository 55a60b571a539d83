/** Who holds one address, and which of them uses which port. */
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Claim, PortId } from "./claim.ts";

type Shared = {
  readonly claimByService: Map<ObjectKey, Claim>;
  readonly serviceByPort: Map<PortId, ObjectKey>;
};

/** Ports of a claim that are as quickly looked through as looked up. */
const FEW_PORTS = 16;

/**
 * Nearly every address has one holder with a few ports: maps, each many times the size of what they would hold, are made only
 * for others.
 */
export class Holders {
  #only: Claim | undefined;
  #shared: Shared | undefined;

  get size(): number {
    if (this.#shared !== undefined) return this.#shared.claimByService.size;
    return this.#only === undefined ? 0 : 1;
  }

  has(service: ObjectKey): boolean {
    return this.#shared?.claimByService.has(service) ?? this.#only?.service === service;
  }

  /** The holders, sorted. */
  services(): readonly ObjectKey[] {
    if (this.#shared !== undefined) return [...this.#shared.claimByService.keys()].sort();
    return this.#only === undefined ? [] : [this.#only.service];
  }

  /** The holder that uses a port. */
  at(port: PortId): ObjectKey | undefined {
    if (this.#shared !== undefined) return this.#shared.serviceByPort.get(port);
    return this.#only?.ports.includes(port) ? this.#only.service : undefined;
  }

  /** Lets in a Service that is no holder, on the terms of its claim. */
  add(claim: Claim): void {
    if (this.size === 0 && claim.ports.length <= FEW_PORTS) {
      this.#only = claim;
      return;
    }
    this.#shared ??= { claimByService: new Map(), serviceByPort: new Map() };
    if (this.#only !== undefined) this.#share(this.#shared, this.#only);
    this.#only = undefined;
    this.#share(this.#shared, claim);
  }

  #share({ claimByService, serviceByPort }: Shared, claim: Claim): void {
    claimByService.set(claim.service, claim);
    for (const port of claim.ports) serviceByPort.set(port, claim.service);
  }

  /** Lets a holder go; gives the claim by which it was one. */
  remove(service: ObjectKey): Claim | undefined {
    if (this.#shared === undefined) {
      const claim = this.#only?.service === service ? this.#only : undefined;
      if (claim !== undefined) this.#only = undefined;
      return claim;
    }
    const { claimByService, serviceByPort } = this.#shared;
    const claim = claimByService.get(service);
    claimByService.delete(service);
    for (const port of claim?.ports ?? []) serviceByPort.delete(port);
    const [last] = claimByService.values();
    if (claimByService.size > 1 || (last !== undefined && last.ports.length > FEW_PORTS)) return claim;
    this.#only = last;
    this.#shared = undefined;
    return claim;
  }
}
