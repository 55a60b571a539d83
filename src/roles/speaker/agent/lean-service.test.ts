import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressedService } from "#core/ipam/addressed-service";
import { readService } from "#core/service/read";
import { ANNOUNCED } from "#core/service-condition/announced";
import { leanService } from "./lean-service.ts";

const service = (over: { readonly annotations?: object; readonly ports?: readonly object[] } = {}) =>
  readService({
    metadata: {
      ...{ name: "web", namespace: "shop", uid: "u1", resourceVersion: "7", labels: { tier: "front" } },
      annotations: over.annotations ?? {},
    },
    spec: {
      ...{ type: "LoadBalancer", selector: { app: "web" }, clusterIPs: ["10.96.0.1"] },
      ...{ externalTrafficPolicy: "Local", ports: over.ports ?? [{ port: 80, protocol: "TCP" }] },
    },
    status: {
      loadBalancer: { ingress: [{ ip: "192.0.2.10" }] },
      conditions: ["steelyard.dev/Allocated", ANNOUNCED].map((type) => ({ type, status: "True" })),
    },
  }) ?? assert.fail();

describe("what a speaker keeps of a Service", () => {
  it("says the same of who announces it, by either prefix of what it is shared by", () => {
    for (const prefix of ["metallb.io", "metallb.universe.tf"]) {
      const whole = service({ annotations: { [`${prefix}/allow-shared-ip`]: "key" } });
      assert.equal(addressedService(whole).sharing, "may-share");
      assert.deepEqual(addressedService(leanService(whole)), addressedService(whole));
    }
    assert.deepEqual(addressedService(leanService(service())), addressedService(service()));
  });

  it("has the conditions that speakers write, and by what they are written", () => {
    const { conditions, meta } = leanService(service());
    assert.deepEqual(
      conditions.map(({ type }) => type),
      [ANNOUNCED],
    );
    assert.deepEqual([meta.uid, meta.resourceVersion], ["u1", "7"]);
  });

  it("has the port that probes try, and nothing that only others look at", () => {
    const ports = [
      { name: "dns", port: 53, protocol: "UDP" },
      { name: "web", port: 80, protocol: "TCP" },
      { name: "tls", port: 443, protocol: "TCP" },
    ];
    const annotations = { "metallb.io/ip-allocated-from-pool": "home" };
    const lean = leanService(service({ ports, annotations }));
    assert.deepEqual(
      lean.ports.map(({ port }) => port),
      [80],
    );
    assert.deepEqual([lean.selector, lean.clusterIps, lean.meta.annotations], [{}, [], {}]);
    assert.deepEqual(leanService(service({ ports: ports.slice(0, 1) })).ports, []);
  });
});
