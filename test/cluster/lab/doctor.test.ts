/** `steelyard doctor` on a node of a real cluster. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Finding } from "#core/doctor/finding";
import { install, NAMESPACE, pool } from "../controller.ts";
import { type LabCluster, sharedLabCluster } from "./bed.ts";
import { advertisement } from "./speaker-bed.ts";

const MAIN = join(import.meta.dirname, "../../../dist/main.js");
const inLab = sharedLabCluster({ nodes: 1, pods: 1 });

/** What may be read for a look at everything. */
const RIGHTS = [
  { apiGroups: ["apps"], resources: ["daemonsets", "deployments"], verbs: ["list"] },
  {
    apiGroups: ["metallb.io"],
    resources: [
      ...[
        "ipaddresspools",
        "l2advertisements",
        "bgpadvertisements",
        "bgppeers",
        "bfdprofiles",
        "communities",
      ],
    ],
    verbs: ["list"],
  },
  { apiGroups: [""], resources: ["nodes"], verbs: ["list"] },
  { apiGroups: [""], resources: ["configmaps"], verbs: ["get"] },
];

const KUBE_VIP = {
  ...{ apiVersion: "apps/v1", kind: "DaemonSet" },
  metadata: { name: "kube-vip-ds", namespace: "kube-system" },
  spec: {
    selector: { matchLabels: { app: "kube-vip" } },
    template: {
      metadata: { labels: { app: "kube-vip" } },
      spec: { containers: [{ name: "kube-vip", image: "ghcr.io/kube-vip/kube-vip:v1.2.0" }] },
    },
  },
};

type Seen = {
  readonly code: number;
  readonly findings: readonly Finding[];
  readonly blind: readonly string[];
};

const look = async ({ node }: LabCluster, kubeconfig: string): Promise<Seen> => {
  const options = [`--kubeconfig=${kubeconfig}`, `--namespace=${NAMESPACE}`, "--node=n1", "--json"];
  const { code, stdout } = await node("n1").host.run([process.execPath, MAIN, "doctor", ...options]);
  return { code: code ?? -1, ...JSON.parse(stdout) };
};

describe("the doctor", () => {
  it(
    "finds nothing on a healthy node, and what is wrong once it is, with the command that mends it",
    inLab(async (cluster) => {
      const { plane, node } = cluster;
      (await install(plane)).api.close();
      const { kubeconfig, api } = await plane.access({ type: "user", name: "doctor" }, [{ rules: RIGHTS }]);
      api.close();
      await plane.apply(pool("lan", ["10.2.0.100-10.2.0.199"]));
      const unannounced = await look(cluster, kubeconfig);
      assert.deepEqual(unannounced.blind, []);
      assert.deepEqual(
        unannounced.findings.map(({ code, subject }) => `${code} ${subject}`),
        ["pool-unannounced lan"],
      );
      await plane.apply(advertisement("all"));
      assert.deepEqual(await look(cluster, kubeconfig), { code: 0, node: "n1", findings: [], blind: [] });

      await plane.apply(pool("far", ["192.168.77.1-192.168.77.9"]));
      await plane.apply(JSON.stringify(KUBE_VIP));
      const { host } = node("n1");
      await host.expect(["ip", "link", "set", "dev", "eth0", "arp", "off"]);
      const taker = await host.spawn([
        ...[
          process.execPath,
          "-e",
          'require("dgram").createSocket("udp4").bind(3784, () => console.log("bound"))',
        ],
      ]);
      await taker.said(/bound/);
      const { code, findings, blind } = await look(cluster, kubeconfig);
      await host.expect(["ip", "link", "set", "dev", "eth0", "arp", "on"]);
      await taker.stop();
      assert.deepEqual([code, blind], [1, []]);
      assert.deepEqual(
        findings.map((found) => `${found.severity} ${found.code} ${found.subject}`),
        [
          "error no-arp eth0",
          "error other-balancer kube-vip",
          "error bfd-port-taken n1",
          "warning pool-outside far",
        ],
      );
      const silent = findings.find((found) => found.code === "no-arp") ?? assert.fail("no finding");
      assert.equal(silent.remedy, "ip link set dev eth0 arp on");
    }),
  );
});
