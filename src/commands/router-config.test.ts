import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fakeFiles } from "#drivers/files/fake";
import { routerConfig } from "./router-config.ts";

const RESOURCES = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: web, namespace: metallb-system }
spec: { addresses: [192.0.2.0/24] }
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: web, namespace: metallb-system }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: tor, namespace: metallb-system }
spec: { myASN: 64500, peerASN: 64501, peerAddress: 10.0.0.1 }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: tor-two, namespace: metallb-system }
spec:
  myASN: 64500
  peerASN: 64501
  peerAddress: 10.0.0.2
  nodeSelectors: [{ matchLabels: { rack: two } }]
`;

const NODES = `
apiVersion: v1
kind: NodeList
items:
- apiVersion: v1
  kind: Node
  metadata: { name: node-a, labels: { rack: one } }
  status: { addresses: [{ type: InternalIP, address: 10.0.0.11 }] }
- apiVersion: v1
  kind: Node
  metadata: { name: node-b, labels: { rack: two } }
  status: { addresses: [{ type: InternalIP, address: 10.0.0.12 }] }
`;

const FILES = { "/r.yaml": RESOURCES, "/n.yaml": NODES };

const run = (options: Partial<Parameters<typeof routerConfig>[0]> = {}) => {
  const lines: string[] = [];
  const complaints: string[] = [];
  const status = routerConfig({
    ...{ vendor: "frr", paths: ["/r.yaml"], node: [], nodes: [], peer: [], routerAsn: undefined },
    files: fakeFiles(FILES),
    print: (line) => lines.push(line),
    complain: (line) => complaints.push(line),
    ...options,
  });
  return { status, text: lines.join("\n"), complaints };
};

describe("steelyard router-config", () => {
  it("prints each router with the nodes that talk to it, as the files have them", () => {
    const { status, text, complaints } = run({ paths: ["/r.yaml", "/n.yaml"] });
    assert.deepEqual([status, complaints], [0, []]);
    const [one = "", two = ""] = text.split(/(?=^! FRR 10\.0\.0\.2)/m);
    assert.match(one, /neighbor 10\.0\.0\.11 peer-group steelyard-tor$/m);
    assert.match(one, /neighbor 10\.0\.0\.12 peer-group steelyard-tor$/m);
    assert.doesNotMatch(two, /10\.0\.0\.11/);
    assert.match(two, /neighbor 10\.0\.0\.12 peer-group steelyard-tor-two$/m);
  });

  it("takes nodes from the command line, over what the cluster says of them", () => {
    const { text } = run({ paths: ["/r.yaml", "/n.yaml"], node: ["node-a=10.9.9.9"], peer: ["tor"] });
    assert.match(text, /neighbor 10\.9\.9\.9 description node-a/);
    assert.doesNotMatch(text, /10\.0\.0\.11|10\.0\.0\.2/);
    assert.match(run({ node: ["node-z=10.0.0.9"] }).text, /neighbor 10\.0\.0\.9 description node-z/);
  });

  it("takes a network instead, from which any node may come", () => {
    const { status, text } = run({ nodes: ["10.0.0.7/24"] });
    assert.equal(status, 0);
    assert.match(text, /bgp listen range 10\.0\.0\.0\/24 peer-group steelyard-tor/);
  });

  it("says how nodes are named where none is known", () => {
    const { status, text, complaints } = run();
    assert.deepEqual([status, text], [2, ""]);
    assert.match(complaints.join("\n"), /BGPPeer tor: no node is known\..*--node NAME=ADDRESS/s);
  });

  it("says everything that is wrong with the command line at once", () => {
    const { status, complaints } = run({ node: ["10.0.0.1"], nodes: ["x"], routerAsn: "0" });
    assert.equal(status, 2);
    assert.deepEqual(
      complaints.map((line) => line.split(":")[0]),
      ["--node 10.0.0.1", "--nodes x", "--router-asn 0"],
    );
    assert.match(run({ node: ["a=10.0.0.1"], nodes: ["10.0.0.0/8"] }).complaints.join(), /given both/);
    assert.match(run({ vendor: "acme" }).complaints.join(), /none of frr, bird/);
  });

  it("says what keeps resources from being a configuration, and what could not be read", () => {
    const broken = RESOURCES.replace("peerASN: 64501", "peerASN: 0");
    const { status, complaints } = run({ files: fakeFiles({ "/r.yaml": broken }) });
    assert.equal(status, 2);
    assert.match(complaints.join("\n"), /BGPPeer metallb-system\/tor, spec\.peerASN/);
    assert.equal(run({ now: { ok: false, problems: ["nodes: no answer"] } }).status, 1);
  });
});
