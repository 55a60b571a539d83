/** From a Service without an address to HTTP through the one that `steelyard controller` gives it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { install, NAMESPACE, pool } from "../controller.ts";
import { eventually } from "../eventually.ts";
import { sharedLabCluster } from "./bed.ts";
import { startLabController } from "./controller.ts";
import { ask, lead } from "./traffic.ts";

// One network for all, as most small clusters have it; and IPv6 first.
const inLab = sharedLabCluster({ nodes: 2, api: "lan", families: "ipv6+ipv4" });

describe("a controller in the lab", () => {
  it(
    "gives both addresses to a Service, and users reach it at them",
    inLab(async (cluster) => {
      const access = await install(cluster.plane);
      access.api.close();
      const controller = await startLabController(cluster, { kubeconfig: access.kubeconfig });
      await cluster.plane.apply(pool("lan", ["10.2.0.100-10.2.0.199", "fd02::100-fd02::1ff"]));
      for (const node of ["n1", "n2"]) await cluster.pods.start("web", node);
      const service = await cluster.service({ name: "web", families: ["IPv6", "IPv4"] });
      const addresses = await eventually("addresses", 20_000, async () => {
        const given = await service.addresses();
        return given.length === 2 ? given : undefined;
      });
      assert.deepEqual([...addresses].sort(), ["10.2.0.100", "fd02::100"]);
      await Promise.all(addresses.map((each) => cluster.proxied(each)));
      await lead(cluster, { to: "n1", addresses });
      for (const each of addresses) {
        const { pods, errors } = await ask(cluster.client, each);
        assert.deepEqual([pods, errors], [["n1-a", "n2-a"], []], each);
      }
      const writers = cluster.plane
        .audit()
        .filter(({ verb, resource }) => verb === "patch" && resource === "services/status")
        .map(({ user }) => user);
      assert.deepEqual([...new Set(writers)], [`system:serviceaccount:${NAMESPACE}:steelyard-controller`]);
      await controller.stop();
    }),
  );
});
