import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Claim, PortId } from "./claim.ts";
import { Holders } from "./holders.ts";

const portIds = (ports: readonly number[]): readonly PortId[] => ports as readonly PortId[];

const claimBy = (service: string, ports: readonly number[]): Claim => ({
  service: service as ObjectKey,
  sharingKey: "shared",
  backendKey: "",
  ports: portIds(ports),
});

/** Ports of a service of a number: no two services have one in common. */
const portsOf = (number: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => number * 100 + index);

const SERVICES = 5;
const change = fc.record({
  number: fc.integer({ min: 0, max: SERVICES - 1 }),
  ports: fc.constantFrom(0, 1, 2, 16, 17, 40),
});

describe("the holders of an address", () => {
  it("are who a plain list of them says, whoever comes and goes, with few ports and with many", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const holders = new Holders();
        const claims = new Map<string, Claim>();
        for (const { number, ports } of changes) {
          const service = `default/s${number}` as ObjectKey;
          const known = claims.get(service);
          assert.equal(holders.remove(service), known);
          claims.delete(service);
          if (known === undefined) {
            const claim = claimBy(service, portsOf(number, ports));
            holders.add(claim);
            claims.set(service, claim);
          }
          assert.equal(holders.size, claims.size);
          assert.deepEqual(holders.services(), [...claims.keys()].sort());
          for (let other = 0; other < SERVICES; other += 1) {
            const key = `default/s${other}` as ObjectKey;
            assert.equal(holders.has(key), claims.has(key));
            for (const port of portIds(portsOf(other, 41)))
              assert.equal(holders.at(port), claims.get(key)?.ports.includes(port) ? key : undefined);
          }
        }
      }),
    );
  });

  it("are looked up by port in no more time with thousands of ports than with one", () => {
    const holders = new Holders();
    const many = Array.from({ length: 60_000 }, (_, port) => port);
    holders.add(claimBy("default/large", many));
    // 3.6 billion comparisons, were the ports looked through.
    for (const port of portIds(many)) assert.equal(holders.at(port), "default/large");
    assert.equal(holders.at(portIds([70_000])[0] as PortId), undefined);
  });
});
