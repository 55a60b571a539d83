import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { findBalancers } from "./balancers.ts";

const workload = (kind: string, name: string, image: string) => ({
  kind,
  object: {
    metadata: { namespace: "kube-system", name },
    spec: { template: { spec: { containers: [{ image: "registry.k8s.io/pause:3.10" }, { image }] } } },
  },
});

describe("other balancers in a cluster", () => {
  for (const [image, name] of [
    ["quay.io/metallb/speaker:v0.16.1", "MetalLB"],
    ["registry.example/mirror/metallb-controller@sha256:00", "MetalLB"],
    ["ghcr.io/kube-vip/kube-vip:v1.2.0", "kube-vip"],
    ["rancher/klipper-lb:v0.4.9", "ServiceLB of k3s"],
    ["registry.gitlab.com/purelb/purelb/lbnodeagent:v0.13.0", "PureLB"],
    ["docker.io/openelb/openelb-speaker:v0.6.0", "OpenELB"],
  ] as const) {
    it(`are known by their image: ${image}`, () => {
      const found = findBalancers([
        workload("DaemonSet", "speaker", image),
        workload("Deployment", "again", image),
      ]);
      assert.deepEqual(
        found.map((each) => [each.name, each.seen]),
        [[name, "DaemonSet kube-system/speaker"]],
      );
    });
  }

  it("are neither ours nor anybody who only sounds like one", () => {
    const images = [
      "ghcr.io/example/steelyard:0.1.0",
      "grafana/grafana:12",
      "example/kube-vip-exporter:1",
      "metallb",
    ];
    assert.deepEqual(findBalancers(images.map((image) => workload("DaemonSet", "x", image))), []);
  });

  it("are looked for without trust in what objects look like", () => {
    fc.assert(
      fc.property(fc.array(fc.anything()), (objects) => {
        assert.deepEqual(findBalancers(objects.map((object) => ({ kind: "DaemonSet", object }))), []);
      }),
    );
  });
});
