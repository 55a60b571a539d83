import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import { ALL_PORTS, onePort } from "#core/balance/ports";
import { address } from "#testing/values";
import { refusal } from "./carries.ts";

const WEB: VirtualServer = {
  ...{ name: "web", address: address("192.0.2.10"), protocol: "tcp", ports: onePort(80), mode: "dsr" },
  scheduler: { type: "consistent-hash", tableSize: 101 },
  backends: [{ name: "w1", address: address("192.0.2.21"), weight: 1 }],
};

const reason = (change: Partial<VirtualServer>): string | undefined => {
  const { servers } = planForwarding({
    servers: [{ ...WEB, ...change }],
    availability: () => "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous: undefined,
    now: instant(0),
  });
  const [server] = servers;
  assert.ok(server);
  return refusal(server);
};

describe("the XDP program", () => {
  it("carries dsr by hash at one port, with whatever backends", () => {
    assert.equal(reason({}), undefined);
    assert.equal(reason({ scheduler: { type: "source-hash", tableSize: 101 }, backends: [] }), undefined);
    assert.equal(reason({ sorryServer: { address: address("192.0.2.99") } }), undefined);
  });

  it("says why it does not carry the rest", () => {
    assert.match(reason({ mode: "masquerade" }) ?? "", /mode dsr only, not masquerade/);
    assert.match(reason({ scheduler: { type: "round-robin" } }) ?? "", /round-robin counts connections/);
    assert.match(reason({ ports: ALL_PORTS }) ?? "", /one port/);
    assert.match(reason({ sourceRanges: [] }) ?? "", /source ranges/);
  });
});
