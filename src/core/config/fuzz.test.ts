import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { familyOf } from "#base/address";
import { at } from "#base/assert";
import { millis, seconds } from "#base/time";
import { parseResources } from "./parse.ts";

/** A value that is often right, sometimes nearly, and sometimes anything. */
const mostly = (...values: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { arbitrary: fc.constantFrom(...values), weight: 60 },
    { arbitrary: fc.jsonValue({ maxDepth: 2 }), weight: 1 },
  );

const anyTime = fc.oneof(
  fc.constantFrom<unknown>("0s", "10ms", "15ms", "40.95s", "41s", "300s", "2h", "1", 5, null),
  fc.tuple(fc.nat(100), fc.constantFrom("us", "ms", "s", "m")).map(([n, unit]) => `${n}${unit}`),
);
const time = fc.oneof(
  { arbitrary: fc.constantFrom("200ms", "1s", "2s"), weight: 8 },
  { arbitrary: anyTime, weight: 1 },
);
const host = mostly("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "fe80::1", "224.0.0.1", "0.0.0.0");
const network = mostly("192.0.2.10/24", "192.0.2.11/24", "192.0.2.12", "fe80::1/64", "2001:db8::2/64", {
  address: "192.0.2.13/24",
  label: "eth0:v",
});
const port = mostly(1, 80, 443, 8080, 65_535, 0, 65_536, "80");
const optional = { requiredKeys: [] as [] };

const health = fc.record(
  {
    tcp: mostly({}),
    http: mostly({}, { path: "/x", statuses: [200, "300-399"] }, { statuses: [] }, { statuses: ["400-300"] }),
    script: mostly({ command: ["/bin/true"] }, { command: [] }),
    port,
    interval: time,
    timeout: time,
    retries: mostly(0, 3, 10, 11),
    retryDelay: time,
    rise: mostly(1, 100, 0),
    fall: mostly(1, 100, 101),
  },
  optional,
);

const routerSpec = fc.record(
  {
    interface: mostly("eth0", "eth1"),
    vrid: mostly(1, 51, 255, 0, 256),
    version: mostly(3, 2, 4),
    priority: mostly(1, 100, 255, 0),
    advertisementInterval: time,
    preempt: mostly(true, false),
    preemptDelay: time,
    unicast: fc.record({ peers: fc.array(host, { maxLength: 3 }) }),
    sourceAddress: host,
    authentication: mostly({ simplePassword: "12345678" }, { simplePassword: "123456789" }),
    addresses: fc.array(network, { maxLength: 3 }),
    unadvertisedAddresses: fc.array(network, { maxLength: 2 }),
    track: mostly({}, { interfaces: [{ name: "eth1", weight: 253 }] }, { checks: [{ name: "c" }] }),
    syncGroup: mostly("g"),
    gratuitous: fc.record(
      { repeat: mostly(1, 60, 61), interval: time, delay: time, refresh: time },
      optional,
    ),
  },
  optional,
);

const serverSpec = fc.record(
  {
    address: host,
    port: fc.oneof(port, mostly("all", "8000-8099", "443-443", "9-8")),
    protocol: mostly("TCP", "UDP"),
    mode: mostly("masquerade", "nat", "dsr"),
    scheduler: mostly("consistent-hash", "source-hash", "round-robin", "weighted"),
    sourceRanges: mostly(["10.0.0.0/8"], ["10.0.0.1/8"], ["2001:db8::/32"], []),
    tableSize: mostly(7, 1021, 1000, 65_537),
    backends: fc.array(
      fc.record(
        { address: host, port, weight: mostly(0, 1, 256, 257), name: mostly("a", "b") },
        { requiredKeys: ["address"] },
      ),
      { maxLength: 3 },
    ),
    health,
  },
  optional,
);

/** A valid section of which up to three keys have been replaced. */
const mutated = (valid: object, changes: fc.Arbitrary<object>): fc.Arbitrary<object> =>
  fc.tuple(changes, fc.array(fc.nat(), { maxLength: 3 })).map(([change, picks]) => {
    const entries = Object.entries(change);
    const picked = entries.length === 0 ? [] : picks.map((pick) => at(entries, pick % entries.length));
    return { ...valid, ...Object.fromEntries(picked) };
  });

const ROUTER = { interface: "eth0", vrid: 51, addresses: ["192.0.2.10/24"] };
const SERVER = { address: "192.0.2.10", port: 80, backends: [{ address: "192.0.2.21" }], health: {} };
const SCRIPT = { script: { command: ["/bin/true"] } };

const resource = fc.oneof(
  ...[
    { kind: "VirtualRouter", spec: mutated(ROUTER, routerSpec) },
    { kind: "VirtualServer", spec: mutated(SERVER, serverSpec) },
    { kind: "TrackedCheck", spec: mutated(SCRIPT, health) },
  ].map(({ kind, spec }) =>
    fc.record({
      apiVersion: fc.constant("steelyard.dev/v1alpha1"),
      kind: fc.constant(kind),
      metadata: fc.record({ name: mostly("a", "b", "c") }),
      spec,
    }),
  ),
);

const inRange = (value: number, low: number, high: number, what: string): void =>
  assert.ok(Number.isInteger(value) && value >= low && value <= high, `${what}: ${value}`);

type Accepted = Extract<ReturnType<typeof parseResources>, { readonly ok: true }>["desired"];

const assertRouter = (router: Accepted["routers"][number]): void => {
  inRange(router.vrid, 1, 255, "vrid");
  inRange(router.priority, 1, 255, "priority");
  inRange(router.addresses.length, 1, 255, "addresses");
  inRange(router.gratuitous.repeat, 1, 60, "repeat");
  inRange(router.gratuitous.refresh, 0, seconds(3600), "refresh");
  const interval = router.advertisementInterval;
  const step = router.version === 2 ? seconds(1) : millis(10);
  inRange(interval, step, router.version === 2 ? seconds(255) : millis(40_950), "interval");
  assert.equal(interval % step, 0);
  assert.ok(router.addresses.every(({ address }) => familyOf(address) === router.family));
  assert.ok(router.version === 3 || router.family === "IPv4");
  assert.ok(router.password === undefined || (router.version === 2 && router.password.length <= 8));
  if (router.transport.type === "unicast") {
    inRange(router.transport.peers.length, 1, 255, "peers");
    assert.ok(router.transport.peers.every((peer) => familyOf(peer) === router.family));
  }
  for (const { effect } of router.track) {
    if (effect.type === "weight") inRange(effect.weight, 1, 253, "weight");
    assert.ok(effect.type === "fault" || router.priority < 255);
  }
};

const assertServer = (server: Accepted["servers"][number]): void => {
  inRange(server.ports.last, 1, 65_535, "last port");
  inRange(server.ports.first, 1, server.ports.last, "first port");
  const one = server.ports.first === server.ports.last;
  for (const { address } of server.sourceRanges ?? []) {
    assert.equal(familyOf(address), familyOf(server.address));
  }
  if ("tableSize" in server.scheduler) {
    inRange(server.scheduler.tableSize, Math.max(7, server.backends.length), 65_537, "table");
  }
  assert.equal(new Set(server.backends.map(({ name }) => name)).size, server.backends.length);
  for (const backend of server.backends) {
    assert.equal(backend.port !== undefined, one);
    inRange(backend.port ?? 1, 1, 65_535, "backend port");
    inRange(backend.weight, 0, 256, "weight");
    assert.equal(familyOf(backend.address), familyOf(server.address));
    if (server.mode === "dsr" && one) assert.equal(backend.port, server.ports.first);
  }
  if (server.health === undefined) return;
  inRange(server.health.interval, millis(50), seconds(3600), "interval");
  inRange(server.health.timeout, millis(10), seconds(60), "timeout");
  inRange(server.health.retries, 0, 10, "retries");
  inRange(server.health.rise, 1, 100, "rise");
  inRange(server.health.fall, 1, 100, "fall");
};

describe("parseResources on hostile input", () => {
  it("never throws, and says at least one error when it refuses", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.anything(), resource), { maxLength: 4 }),
        (documents) => {
          const parsed = parseResources(documents);
          if (!parsed.ok) assert.ok(parsed.problems.some(({ severity }) => severity === "error"));
          else assert.ok(parsed.warnings.every(({ severity }) => severity === "warning"));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("accepts only what lies within the documented ranges", () => {
    let accepted = 0;
    fc.assert(
      fc.property(resource, (document) => {
        const parsed = parseResources([document]);
        if (!parsed.ok) return;
        accepted += 1;
        for (const router of parsed.desired.routers) assertRouter(router);
        for (const server of parsed.desired.servers) assertServer(server);
        assert.equal(
          parsed.desired.routers.length + parsed.desired.servers.length + parsed.desired.checks.length,
          1,
        );
      }),
      { numRuns: 3_000 },
    );
    assert.ok(accepted >= 1_000, `only ${accepted} were accepted: the property shows little`);
  });

  it("ignores keys that objects inherit", () => {
    const document = JSON.parse(
      '{"apiVersion":"steelyard.dev/v1alpha1","kind":"VirtualRouter","__proto__":{"spec":1}}',
    );
    const parsed = parseResources([document, at([{ kind: "constructor" }], 0)]);
    assert.equal(parsed.ok, false);
  });
});
