import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { poolsIn, proxyModeIn, strictArpIn } from "./cluster.ts";

const configMap = (text: string) => ({ data: { "config.conf": text } });

describe("what the doctor reads of a cluster", () => {
  it("are the addresses of pools, without those that are none", () => {
    const objects = [
      { metadata: { name: "home" }, spec: { addresses: ["10.0.0.0/30", "nonsense", 7, "fd00::1-fd00::2"] } },
      { spec: { addresses: ["10.0.0.0/30"] } },
      { metadata: { name: "empty" } },
    ];
    assert.deepEqual(poolsIn(objects), [
      {
        name: "home",
        blocks: [
          { family: "IPv4", first: 0x0a00_0000n, last: 0x0a00_0003n },
          { family: "IPv6", first: (0xfd00n << 112n) | 1n, last: (0xfd00n << 112n) | 2n },
        ],
      },
      { name: "empty", blocks: [] },
    ]);
  });

  it("is kube-proxy's mode and strictARP, as kubeadm writes them", () => {
    const kubeadm = configMap('ipvs:\n  strictARP: true\nkind: KubeProxyConfiguration\nmode: "ipvs"\n');
    assert.deepEqual([proxyModeIn(kubeadm), strictArpIn(kubeadm)], ["ipvs", true]);
    const plain = configMap('ipvs:\n  strictARP: false\nmode: ""\n');
    assert.deepEqual([proxyModeIn(plain), strictArpIn(plain)], ["iptables", false]);
    assert.deepEqual([proxyModeIn(undefined), strictArpIn({ data: 7 })], [undefined, false]);
    assert.equal(proxyModeIn(configMap("mode: userspace")), undefined);
  });
});
