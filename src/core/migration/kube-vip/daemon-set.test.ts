import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readConfiguration } from "#core/metallb/read";
import { imported } from "../test-document.ts";
import { parsePeer } from "./announcing.ts";

const CONFIG_MAP = {
  kind: "ConfigMap",
  metadata: { name: "kubevip" },
  data: { "cidr-global": "192.0.2.16/29" },
};

const daemonSet = (env: Readonly<Record<string, string>>, pod: object = {}): object => ({
  kind: "DaemonSet",
  metadata: { name: "ds" },
  spec: {
    template: {
      spec: {
        containers: [
          { env: Object.entries({ svc_enable: "true", ...env }).map(([name, value]) => ({ name, value })) },
        ],
        ...pod,
      },
    },
  },
});

const run = (...documents: readonly object[]) => {
  const text = [CONFIG_MAP, ...documents].map((document) => JSON.stringify(document)).join("\n---\n");
  const outcome = imported("kube-vip", text);
  const objects = outcome.resources.map(({ value }) => value);
  const read = readConfiguration({ objects, namespaces: new Map() });
  assert.ok(read.ok, read.ok ? "" : JSON.stringify(read.problems));
  return { ...outcome, notes: outcome.notes.map((note) => note.replace(/^\d+ /, "")) };
};

describe("kube-vip's DaemonSet", () => {
  it("announces by ARP on its interface and its nodes", () => {
    const terms = [
      { matchExpressions: [{ key: "edge", operator: "Exists" }] },
      { matchExpressions: [{ key: "b", operator: "In", values: ["c"] }] },
    ];
    const { specs, notes } = run(
      daemonSet(
        { vip_arp: "true", vip_interface: "eth0", vip_servicesinterface: "eth1" },
        {
          nodeSelector: { rack: "a" },
          affinity: {
            nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
          },
        },
      ),
    );
    assert.deepEqual(notes, []);
    assert.deepEqual(specs("L2Advertisement"), {
      global: {
        ipAddressPools: ["global"],
        interfaces: ["eth1"],
        nodeSelectors: terms.map((term) => ({ matchLabels: { rack: "a" }, ...term })),
      },
    });
    assert.deepEqual(specs("BGPAdvertisement"), {});
  });

  it("speaks BGP with a list of peers, and with one that has variables of its own", () => {
    const { specs } = run(
      daemonSet({
        bgp_enable: "true",
        bgp_as: "64512",
        bgp_peers: "192.0.2.1:64513:pass:true:1790,[2001:db8::1]:64512::true,unnumbered:eth1:64514",
        bgp_peeraddress: "192.0.2.9",
        bgp_peeras: "64515",
        bgp_peerpass: "word",
        bgp_multihop: "false",
        bgp_sourceip: "192.0.2.100",
        bgp_hold_time: "9",
      }),
    );
    const common = { sourceAddress: "192.0.2.100", holdTime: "9s", keepaliveTime: "3s" };
    assert.deepEqual(specs("BGPPeer"), {
      "peer-192.0.2.1": {
        ...{ myASN: 64_512, peerASN: 64_513, peerAddress: "192.0.2.1", peerPort: 1_790 },
        ...common,
        password: "pass",
        ebgpMultiHop: true,
      },
      "peer-2001-db8--1": { myASN: 64_512, peerASN: 64_512, peerAddress: "2001:db8::1", ...common },
      "peer-eth1": { myASN: 64_512, peerASN: 64_514, interface: "eth1", ...common },
      "peer-192.0.2.9": {
        myASN: 64_512,
        peerASN: 64_515,
        peerAddress: "192.0.2.9",
        ...common,
        password: "word",
      },
    });
    assert.deepEqual(specs("L2Advertisement"), {});
    assert.deepEqual(specs("BGPAdvertisement"), {
      global: {
        ipAddressPools: ["global"],
        peers: ["peer-192.0.2.1", "peer-2001-db8--1", "peer-eth1", "peer-192.0.2.9"],
      },
    });
  });

  it("has kube-vip's own figures where none are given", () => {
    assert.deepEqual(run(daemonSet({ bgp_enable: "true", bgp_peers: "192.0.2.1:64513" })).specs("BGPPeer"), {
      "peer-192.0.2.1": {
        myASN: 65_000,
        peerASN: 64_513,
        peerAddress: "192.0.2.1",
        holdTime: "30s",
        keepaliveTime: "10s",
      },
    });
  });

  const said: readonly (readonly [title: string, documents: readonly object[], note: RegExp])[] = [
    [
      "is not needed without Services",
      [daemonSet({ svc_enable: "false", vip_arp: "true" })],
      /^needless DaemonSet ds: announces no Services$/m,
    ],
    [
      "loses the address of the API server",
      [daemonSet({ vip_arp: "true", cp_enable: "true", address: "x" })],
      /^lost .*cp_enable gives the API server an address[\s\S]*^needless .*address goes with cp_enable/m,
    ],
    [
      "needs none of that where it is off",
      [daemonSet({ vip_arp: "true", cp_enable: "false", address: "x" })],
      /^needless .*address is about the API server's address, which is off/m,
    ],
    [
      "needs no elections",
      [daemonSet({ vip_arp: "true", vip_leaseduration: "5" })],
      /^needless .*kube-vip's own processes/m,
    ],
    [
      "loses what it does besides",
      [daemonSet({ vip_arp: "true", vip_wireguard: "true" })],
      /^lost .*vip_wireguard has no counterpart/m,
    ],
    [
      "needs nothing that is off",
      [daemonSet({ vip_arp: "true", vip_wireguard: "false" })],
      /^needless .*vip_wireguard is off/m,
    ],
    [
      "that announces in no way is told so",
      [daemonSet({ vip_routingtable: "true" })],
      /^lost DaemonSet ds: announces neither by ARP nor to a peer by BGP/m,
    ],
    [
      "tells the class that it serves",
      [daemonSet({ vip_arp: "true", lb_class_only: "true", lb_class_name: "x/y" })],
      /^changed .*lb_class_only is --lb-class x\/y/m,
    ],
    [
      "counts once",
      [daemonSet({ vip_arp: "true" }), daemonSet({ vip_arp: "true" })],
      /^lost DaemonSet ds: is a second one/m,
    ],
    [
      "loses peers that are none, without telling a password",
      [daemonSet({ bgp_enable: "true", bgp_peers: "router:secret" })],
      /^lost .*a peer is left out: it is not ADDRESS:ASN/m,
    ],
    [
      "is left out when its nodes cannot be selected",
      [
        daemonSet(
          { vip_arp: "true" },
          {
            affinity: {
              nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: {
                  nodeSelectorTerms: [
                    { matchFields: [], matchExpressions: [{ key: "a", operator: "Gt", values: ["1"] }] },
                  ],
                },
              },
            },
          },
        ),
      ],
      /^lost DaemonSet ds: is left out: the nodes on which it runs/m,
    ],
  ];
  for (const [title, documents, note] of said) {
    it(title, () => {
      const { notes } = run(...documents);
      assert.match(notes.join("\n"), note);
      assert.doesNotMatch(notes.join("\n"), /secret/);
    });
  }
});

describe("a peer's text", () => {
  it("is read or refused, whatever it is", () => {
    const part = fc.oneof(
      fc.constantFrom("192.0.2.1", "[2001:db8::1]", "unnumbered", "eth0", "65000", "", "true", "1790"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), (parts) => {
        const peer = parsePeer(parts.join(":"));
        if (peer?.asn !== undefined) assert.ok(peer.asn >= 1 && peer.asn <= 4_294_967_295);
        if (peer?.port !== undefined) assert.ok(peer.port >= 1 && peer.port <= 16_384);
      }),
      { numRuns: 500 },
    );
  });
});
