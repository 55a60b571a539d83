import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import type { BackendKey, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { Reported } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { address } from "#testing/values";
import { serverStanding } from "./server-standing.ts";

const WEB: VirtualServer = {
  ...{ name: "web", address: address("192.0.2.10"), protocol: "tcp", ports: onePort(80), mode: "masquerade" },
  scheduler: { type: "consistent-hash", tableSize: 251 },
  backends: [
    { name: "a", address: address("192.0.2.11"), port: 80, weight: 1 },
    { name: "b", address: address("192.0.2.12"), port: 80, weight: 1 },
  ],
};

/** How it stands when this is reported of its backends, as the planner makes of it. */
const standing = (reports: readonly [Reported, Reported], more: Partial<VirtualServer> = {}) => {
  const reportOf = (key: BackendKey): Reported => reports[key === "web/a" ? 0 : 1];
  const { servers } = planForwarding({
    servers: [{ ...WEB, ...more }],
    availability: reportOf,
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    ...{ previous: undefined, now: instant(0) },
  });
  const [server] = servers;
  assert.ok(server !== undefined);
  return serverStanding(server, reportOf);
};

describe("a virtual server", () => {
  it("serves while one backend takes flows", () => {
    assert.equal(standing(["available", "available"]), "serving");
    assert.equal(standing(["unavailable", "available"]), "serving");
    assert.equal(standing(["doubtful", "available"]), "serving");
  });

  it("is pardoned while all that are given flows have failed their checks", () => {
    assert.equal(standing(["doubtful", "doubtful"]), "pardoned");
    assert.equal(standing(["unavailable", "doubtful"]), "pardoned");
  });

  it("refuses while nobody is given any: none answers, all are drained, or nobody was asked yet", () => {
    assert.equal(standing(["unavailable", "unavailable"]), "refusing");
    assert.equal(standing(["draining", "unavailable"]), "refusing");
    assert.equal(standing(["unknown", "unknown"]), "refusing");
    assert.equal(standing(["doubtful", "doubtful"], { whenAllFail: "reject" }), "refusing");
    assert.equal(standing(["available", "available"], { backends: [] }), "refusing");
  });

  it("serves while a sorry server stands in", () => {
    const sorryServer = { address: address("192.0.2.20"), port: 80 };
    assert.equal(standing(["doubtful", "unavailable"], { sorryServer }), "serving");
  });
});
