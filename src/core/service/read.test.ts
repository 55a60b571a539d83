import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readService } from "./read.ts";

const WEB = {
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: "web",
    namespace: "shop",
    uid: "4f6f",
    resourceVersion: "812",
    creationTimestamp: "2026-03-01T08:00:00Z",
    labels: { app: "web" },
    annotations: {
      "metallb.io/address-pool": "public",
      "kubectl.kubernetes.io/last-applied-configuration": "{...}",
    },
  },
  spec: {
    type: "LoadBalancer",
    clusterIP: "10.96.3.4",
    clusterIPs: ["10.96.3.4", "FD00::0:34"],
    ipFamilies: ["IPv4", "IPv6"],
    ipFamilyPolicy: "PreferDualStack",
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 31_000,
    selector: { app: "web" },
    ports: [
      { name: "http", port: 80, nodePort: 30_080, protocol: "TCP" },
      { name: "dns", port: 53, protocol: "UDP" },
    ],
  },
  status: {
    loadBalancer: { ingress: [{ ip: "192.0.2.10", ipMode: "VIP" }, { hostname: "web.example" }] },
    conditions: [
      { type: "steelyard.dev/Allocated", status: "True", reason: "Allocated", message: "from public" },
      { type: "LoadBalancerPortsError", status: "False" },
    ],
  },
};

describe("reading a Service", () => {
  it("keeps what allocation and announcement read, in canonical spelling", () => {
    const service = readService(WEB);
    assert.ok(service !== undefined);
    assert.equal(service.meta.createdAt, 1_772_352_000);
    assert.deepEqual(service.meta.annotations, { "metallb.io/address-pool": "public" });
    assert.deepEqual(service.clusterIps, ["10.96.3.4", "fd00::34"]);
    assert.deepEqual(service.ipFamilies, ["IPv4", "IPv6"]);
    assert.deepEqual(
      service.ports.map(({ protocol, port, nodePort }) => [protocol, port, nodePort]),
      [
        ["TCP", 80, 30_080],
        ["UDP", 53, 0],
      ],
    );
    assert.deepEqual(service.ingress[1], { ip: undefined, hostname: "web.example", ipMode: undefined });
    assert.deepEqual(
      service.conditions.map(({ type }) => type),
      ["steelyard.dev/Allocated"],
    );
  });

  it("gives a headless Service no cluster addresses", () => {
    const service = readService({
      metadata: { name: "db" },
      spec: { clusterIP: "None", clusterIPs: ["None"] },
    });
    assert.deepEqual(service?.clusterIps, []);
  });

  it("takes the only cluster address where the list is missing", () => {
    const service = readService({ metadata: { name: "old" }, spec: { clusterIP: "10.0.0.1" } });
    assert.deepEqual(service?.clusterIps, ["10.0.0.1"]);
    assert.equal(service?.type, "ClusterIP");
  });

  it("keeps no annotation that nobody reads, and cuts long ones", () => {
    const annotations = {
      "metallb.io/address-pool": "p".repeat(200_000),
      "metallb.io/else": "x",
      "steelyard.dev/else": "x",
      "metallb.universe.tf/allow-shared-ip": "key",
    };
    const service = readService({ metadata: { name: "x", annotations } });
    assert.deepEqual(Object.keys(service?.meta.annotations ?? {}), [
      "metallb.io/address-pool",
      "metallb.universe.tf/allow-shared-ip",
    ]);
    assert.equal(service?.meta.annotations["metallb.io/address-pool"]?.length, 2_048);
  });

  it("is nothing without a name", () => {
    assert.equal(readService({ metadata: {}, spec: {} }), undefined);
  });

  it("never throws on whatever JSON holds", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (metadata, spec, status) => {
        readService(metadata);
        const service = readService({ metadata: { name: "x", labels: metadata }, spec, status });
        assert.equal(service?.meta.name, "x");
      }),
    );
  });
});
