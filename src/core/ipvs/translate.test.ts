import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at } from "#base/assert";
import { instant, millis } from "#base/time";
import type { Scheduler, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { Availability, ServerPlan } from "#core/balance/plan-model";
import { ALL_PORTS, onePort } from "#core/balance/ports";
import { address } from "#testing/values";
import { destinationKey, serviceKey } from "./model.ts";
import { translateServer } from "./translate.ts";

const SERVER: VirtualServer = {
  name: "web",
  address: address("192.0.2.10"),
  protocol: "tcp",
  ports: onePort(80),
  mode: "dsr",
  scheduler: { type: "round-robin" },
  backends: ["a", "b", "c"].map((name, index) => ({
    name,
    address: address(`192.0.2.${21 + index}`),
    weight: index + 1,
  })),
};

const planned = (server: VirtualServer, health: Readonly<Record<string, Availability>> = {}): ServerPlan => {
  const plan = planForwarding({
    servers: [server],
    availability: (key) => health[key] ?? "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous: undefined,
    now: instant(0),
  });
  return at(plan.servers, 0);
};

/** A server as `ipvsadm` would list it, or the reason why it is not there. */
const listed = (
  server: VirtualServer,
  health?: Readonly<Record<string, Availability>>,
): readonly string[] => {
  const translation = translateServer(planned(server, health));
  if (!translation.ok) return [translation.reason];
  const { service, destinations } = translation.value;
  return [
    `${serviceKey(service)} ${service.scheduler} ${service.flags}`,
    ...destinations.map((entry) => `${destinationKey(entry)} ${entry.forwarding} ${entry.weight}`),
  ];
};

describe("a virtual server as an IPVS service", () => {
  it("has a destination for every backend, with its weight", () => {
    assert.deepEqual(listed(SERVER), [
      "tcp 192.0.2.10:80 rr 0",
      "192.0.2.21:80 direct 1",
      "192.0.2.22:80 direct 2",
      "192.0.2.23:80 direct 3",
    ]);
  });

  it("gives a draining backend weight 0 and leaves an unavailable one out", () => {
    assert.deepEqual(listed(SERVER, { "web/a": "draining", "web/b": "unavailable" }), [
      "tcp 192.0.2.10:80 rr 0",
      "192.0.2.21:80 direct 0",
      "192.0.2.23:80 direct 3",
    ]);
  });

  it("has the kernel's scheduler, which never refuses a flow that hashes to a draining backend", () => {
    const expected: readonly [Scheduler, string][] = [
      [{ type: "consistent-hash", tableSize: 1021 }, "mh 24"],
      [{ type: "source-hash", tableSize: 1021 }, "sh 8"],
      [{ type: "round-robin" }, "rr 0"],
      [{ type: "weighted" }, "wrr 0"],
    ];
    for (const [scheduler, name] of expected) {
      assert.equal(listed({ ...SERVER, scheduler })[0], `tcp 192.0.2.10:80 ${name}`);
    }
  });

  it("carries IPv6 and UDP", () => {
    const backends = [{ name: "a", address: address("2001:db8::21"), weight: 1 }];
    const server: VirtualServer = {
      ...{ ...SERVER, address: address("2001:db8::10"), protocol: "udp", ports: onePort(53), backends },
    };
    assert.deepEqual(listed(server), ["udp [2001:db8::10]:53 rr 0", "[2001:db8::21]:53 direct 1"]);
  });

  it("is refused with a reason where IPVS cannot do it", () => {
    const refused = (server: Partial<VirtualServer>): string => listed({ ...SERVER, ...server }).join();
    assert.match(refused({ mode: "masquerade" }), /^it cannot masquerade: it keeps the client's address/);
    assert.match(refused({ ports: { first: 80, last: 89 } }), /one port/);
    const sourceRanges = [{ address: address("198.51.100.0"), prefixLength: 24 }];
    assert.match(refused({ sourceRanges }), /every client/);
  });

  it("gives two backends at one address one destination with both shares", () => {
    const backends = ["a", "b"].map((name) => ({ name, address: address("192.0.2.21"), weight: 2 }));
    assert.deepEqual(listed({ ...SERVER, backends }).slice(1), ["192.0.2.21:80 direct 4"]);
  });

  it("pins clients for whole seconds, over all ports where the server has all of them", () => {
    const persistence = { timeout: millis(90_400), prefixLength: 24 };
    const pinned = (server: Partial<VirtualServer>): unknown => {
      const translation = translateServer(planned({ ...SERVER, persistence, ...server }));
      assert.ok(translation.ok);
      const { port, flags, persistence: kept, prefixLength } = translation.value.service;
      const ports = translation.value.destinations.map((entry) => entry.port);
      return { port, flags, kept, prefixLength, ports };
    };
    assert.deepEqual(pinned({}), { port: 80, flags: 1, kept: 90, prefixLength: 24, ports: [80, 80, 80] });
    assert.deepEqual(pinned({ ports: ALL_PORTS }), {
      ...{ port: 0, flags: 1, kept: 90, prefixLength: 24, ports: [0, 0, 0] },
    });
    assert.match(listed({ ...SERVER, ports: ALL_PORTS }).join(), /with persistence, all of them/);
  });

  it("gives the sorry server a weight only while nobody else takes flows", () => {
    const server: VirtualServer = { ...SERVER, sorryServer: { address: address("192.0.2.99") } };
    assert.equal(listed(server)[1], "192.0.2.99:80 direct 0");
    const failed = { "web/a": "unavailable", "web/b": "draining", "web/c": "unavailable" } as const;
    assert.deepEqual(listed(server, failed).slice(1), ["192.0.2.99:80 direct 1", "192.0.2.22:80 direct 0"]);
  });
});
