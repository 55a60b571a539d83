import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readService } from "#core/service/read";
import type { Service } from "#core/service/service";
import { findServiceLb } from "./service-lb.ts";

const service = (name: string, ip: string, type = "LoadBalancer"): Service => {
  const read = readService({
    metadata: { namespace: "shop", name },
    spec: { type },
    status: { loadBalancer: { ingress: [{ ip }] } },
  });
  assert.ok(read !== undefined);
  return read;
};

const node = (...addresses: readonly string[]): unknown => ({
  status: { addresses: addresses.map((address) => ({ type: "InternalIP", address })) },
});
const NODES = [node("10.0.0.1"), node("10.0.0.2", "fd00::2")];

const daemonSet = (name: string, namespace = "kube-system", labels = {}): unknown => ({
  metadata: { name, namespace, labels },
});

describe("ServiceLB of k3s", () => {
  it("is absent where Services have addresses of their own", () => {
    const services = [service("web", "192.0.2.10"), service("db", "10.0.0.1", "ClusterIP")];
    const daemonSets = [daemonSet("svclb-web-1", "shop"), daemonSet("kube-proxy")];
    assert.deepEqual(findServiceLb({ nodes: NODES, daemonSets, services }), { state: "absent" });
  });

  it("runs where it has DaemonSets in kube-system, whatever they are called", () => {
    const label = { "svccontroller.k3s.cattle.io/svcname": "x" };
    const found = findServiceLb({
      nodes: NODES,
      daemonSets: [daemonSet("svclb-web-8bf2"), daemonSet("other", "kube-system", label)],
      services: [service("web", "10.0.0.2")],
    });
    assert.deepEqual(found, {
      state: "running",
      daemonSets: ["other", "svclb-web-8bf2"],
      services: [{ service: "shop/web", addresses: ["10.0.0.2"] }],
      message:
        "ServiceLB of k3s is running, with 2 DaemonSets such as other in kube-system; Service shop/web shows addresses of nodes.",
      remedy:
        "Start every k3s server with --disable=servicelb, or with `disable: [servicelb]` in /etc/rancher/k3s/config.yaml, and restart it: k3s then removes what ServiceLB made.",
    });
  });

  it("is told of by what it left at Services, IPv6 in any spelling", () => {
    const services = [service("web", "FD00:0::2"), service("api", "10.0.0.1")];
    const found = findServiceLb({ nodes: NODES, daemonSets: [], services });
    assert.equal(found.state, "left-behind");
    assert.ok(found.state === "left-behind");
    assert.equal(
      found.message,
      "2 Services such as shop/web show addresses of nodes, as ServiceLB of k3s writes them.",
    );
  });

  it("that is being removed is not running any more", () => {
    const leaving = {
      metadata: { name: "svclb-a", namespace: "kube-system", deletionTimestamp: "2026-01-01T00:00:00Z" },
    };
    assert.deepEqual(findServiceLb({ nodes: NODES, daemonSets: [leaving], services: [] }), {
      state: "absent",
    });
  });

  it("is not seen in objects of any other shape", () => {
    const daemonSets = [null, 1, "x", {}, { metadata: [] }, { metadata: { name: 3 } }];
    assert.deepEqual(findServiceLb({ nodes: daemonSets, daemonSets, services: [] }), { state: "absent" });
  });
});
