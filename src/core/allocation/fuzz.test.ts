/** Services and configurations that nobody would write: the machine takes them all. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseAddress } from "#base/address";
import { addressPool, loadBalancer } from "#testing/services";
import { address } from "#testing/values";
import { createAllocation } from "./allocation.ts";
import { EVENT_REASONS, type Outcome } from "./outcome.ts";
import { CONDITION_REASONS } from "./words.ts";

const words = fc.constantFrom(
  "192.0.2.1",
  "192.0.2.300",
  "2001:db8::1",
  "::ffff:192.0.2.1",
  ",",
  " ",
  "\ud800",
  "é",
  "😀",
  "\u0000",
  "__proto__",
  "constructor",
  "default",
  "x".repeat(300),
);
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(words, { maxLength: 20 }).map((parts) => parts.join("")),
  fc.constantFrom("", "192.0.2.1", "192.0.2.1,2001:db8::1", "default"),
);
const NAMES = ["address-pool", "loadBalancerIPs", "allow-shared-ip", "ip-allocated-from-pool"].flatMap(
  (name) => [`metallb.io/${name}`, `metallb.universe.tf/${name}`],
);

const service = fc
  .record({
    name: fc.constantFrom("a", "b", "c"),
    annotations: fc.dictionary(
      fc.oneof(fc.constantFrom(...NAMES), fc.constantFrom("__proto__", "toString")),
      text,
    ),
    loadBalancerIp: fc.option(text, { nil: undefined }),
    ingress: fc.array(
      fc.record({
        ip: fc.option(text, { nil: undefined }),
        hostname: fc.option(text, { nil: undefined }),
        ipMode: fc.constantFrom("VIP" as const, "Proxy" as const, undefined),
      }),
      { maxLength: 4 },
    ),
    clusterIps: fc.subarray(["10.96.0.1", "fd00::1", "10.96.0.2"]),
    ipFamilyPolicy: fc.constantFrom(
      "SingleStack" as const,
      "PreferDualStack" as const,
      "RequireDualStack" as const,
    ),
    type: fc.constantFrom("LoadBalancer" as const, "LoadBalancer" as const, "ClusterIP" as const),
    ports: fc.array(fc.constantFrom("TCP/80", "UDP/80", "TCP/443"), { maxLength: 4 }),
    message: text,
  })
  .map(({ name, annotations, message, ...spec }) =>
    loadBalancer(name, {
      ...spec,
      meta: { annotations },
      conditions: [
        {
          type: "steelyard.dev/Allocated",
          status: "True",
          reason: "x",
          message,
          lastTransitionTime: "",
          observedGeneration: 0,
        },
      ],
    }),
  );

const config = fc.record({
  pools: fc.constantFrom(
    [],
    [addressPool("default", ["192.0.2.0/30", "2001:db8::/126"])],
    [addressPool("__proto__", ["0.0.0.0/0"]), addressPool("constructor", ["::/0"])],
  ),
  reservations: fc.constantFrom(
    [],
    [{ name: "\u0000", addresses: [address("192.0.2.1")], service: undefined }],
  ),
  conflicts: fc.constantFrom(
    [],
    [{ address: address("192.0.2.2"), mac: "x".repeat(2_000), reportedBy: "😀".repeat(500) }],
  ),
});

const checkOutcome = ({ write, events }: Outcome): void => {
  for (const { message, reason } of events) {
    assert.ok(EVENT_REASONS.includes(reason));
    assert.ok(Buffer.byteLength(message) <= 1_024);
    assert.ok(message.isWellFormed());
  }
  if (write === undefined) return;
  if (write.isIngressChanged) for (const { ip } of write.ingress) assert.equal(parseAddress(ip ?? ""), ip);
  const { condition } = write;
  if (condition === undefined) return;
  assert.ok(CONDITION_REASONS.includes(condition.reason));
  assert.ok(condition.message.length > 0 && Buffer.byteLength(condition.message) <= 1_024);
  assert.ok(condition.message.isWellFormed());
};

describe("the allocation machine", () => {
  it("has reasons that a condition may have, each once", () => {
    for (const reason of CONDITION_REASONS) assert.match(reason, /^[A-Z][A-Za-z0-9]{0,60}$/);
    assert.equal(new Set(CONDITION_REASONS).size, CONDITION_REASONS.length);
  });

  it("takes any Services and configurations, and says what can be stored", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(service, config), { maxLength: 12 }), (inputs) => {
        const allocation = createAllocation({ lbClass: undefined });
        allocation.configure({ pools: [], reservations: [], conflicts: [] });
        allocation.synced();
        for (const input of inputs) {
          const outcomes = "pools" in input ? allocation.configure(input) : allocation.observe(input);
          for (const outcome of outcomes) {
            checkOutcome(outcome);
            assert.ok(allocation.explain(outcome.key) !== undefined);
          }
        }
        allocation.holders();
        allocation.pools();
      }),
      { numRuns: 500 },
    );
  });
});
