import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { address } from "#testing/values";
import { describeChange, type IpvsChange } from "./change.ts";
import { diffDaemons, diffServices } from "./diff.ts";
import {
  destinationKey,
  type IpvsDestination,
  type ServiceState,
  type SyncDaemon,
  serviceKey,
} from "./model.ts";

/** What the changes make of services: as the kernel does it, refusing what cannot be. */
const perform = (
  states: readonly ServiceState[],
  changes: readonly IpvsChange[],
): readonly ServiceState[] => {
  const byKey = new Map(
    states.map(({ service, destinations }) => [
      serviceKey(service),
      { service, byKey: new Map(destinations.map((entry) => [destinationKey(entry), entry])) },
    ]),
  );
  for (const change of changes) {
    if ("daemon" in change) continue;
    const key = serviceKey(change.service);
    const found = byKey.get(key);
    assert.equal(found === undefined, change.type === "add-service", describeChange(change));
    if (change.type === "add-service") byKey.set(key, { service: change.service, byKey: new Map() });
    else if (change.type === "edit-service" && found !== undefined) found.service = change.service;
    else if (change.type === "remove-service") byKey.delete(key);
    else if ("destination" in change && found !== undefined) {
      const name = destinationKey(change.destination);
      assert.equal(found.byKey.has(name), change.type !== "add-destination", describeChange(change));
      if (change.type === "remove-destination") found.byKey.delete(name);
      else found.byKey.set(name, change.destination);
    }
  }
  return [...byKey.values()].map(({ service, byKey: entries }) => ({
    service,
    destinations: [...entries.values()],
  }));
};

const destination = fc.record({
  address: fc.constantFrom(...[1, 2, 3].map((host) => address(`192.0.2.${host}`))),
  port: fc.constantFrom(80, 81),
  forwarding: fc.constantFrom<IpvsDestination["forwarding"][]>("nat", "direct", "other"),
  weight: fc.nat(2),
  limited: fc.boolean(),
});
const state: fc.Arbitrary<ServiceState> = fc.record({
  service: fc.record({
    address: fc.constantFrom(address("192.0.2.10"), address("192.0.2.11")),
    protocol: fc.constantFrom("tcp" as const, "udp" as const),
    port: fc.constantFrom(80, 81),
    scheduler: fc.constantFrom("rr", "mh"),
    flags: fc.constantFrom(0, 1),
    persistence: fc.constantFrom(0, 300),
    prefixLength: fc.constantFrom(24, 32),
  }),
  destinations: fc.uniqueArray(destination, { selector: destinationKey }),
});
const states = fc.uniqueArray(state, { selector: ({ service }) => serviceKey(service) });

describe("the changes of services", () => {
  it("lead from any state to any other, and then there are none", () => {
    fc.assert(
      fc.property(states, states, (wanted, observed) => {
        const reached = perform(observed, diffServices(wanted, observed));
        assert.deepEqual(diffServices(wanted, reached), []);
        assert.deepEqual(new Set(reached.map(({ service }) => serviceKey(service))).size, wanted.length);
      }),
    );
  });

  it("touch nothing that is as it should be", () => {
    fc.assert(fc.property(states, (same) => assert.deepEqual(diffServices(same, [...same].reverse()), [])));
  });

  it("add before they take away", () => {
    fc.assert(
      fc.property(states, states, (wanted, observed) => {
        const changes = diffServices(wanted, observed);
        const firstRemoval = changes.findIndex(({ type }) => type === "remove-service");
        const lastAddition = changes.findLastIndex(({ type }) => type === "add-service");
        assert.ok(firstRemoval === -1 || lastAddition < firstRemoval);
      }),
    );
  });
});

describe("the changes of the sync daemon", () => {
  const master: SyncDaemon = { state: "master", interface: "eth0", id: 1 };
  const backup: SyncDaemon = { ...master, state: "backup" };
  const text = (wanted: readonly SyncDaemon[], observed: readonly SyncDaemon[]): readonly string[] =>
    diffDaemons(wanted, observed).map(describeChange);

  it("start what is missing, stop what is not wanted, and restart what differs", () => {
    assert.deepEqual(text([master, backup], [backup]), ["start daemon master on eth0"]);
    assert.deepEqual(text([], [master]), ["stop daemon master on eth0"]);
    assert.deepEqual(text([{ ...master, id: 2 }], [master]), [
      "stop daemon master on eth0",
      "start daemon master on eth0",
    ]);
    assert.deepEqual(text([master, backup], [backup, master]), []);
  });
});
