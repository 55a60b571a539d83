import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cilium, NAMESPACE, run } from "./test-cilium.ts";

const cluster = (peer: object, spec: object = {}): object =>
  cilium("CiliumBGPClusterConfig", "c", {
    bgpInstances: [
      {
        name: "i",
        localASN: 64_512,
        peers: [{ name: "tor", peerASN: 64_513, peerAddress: "192.0.2.1", ...peer }],
      },
    ],
    ...spec,
  });

const peerConfig = (spec: object): object => cilium("CiliumBGPPeerConfig", "pc", spec);
const REFERENCE = { peerConfigRef: { name: "pc" } };
const BOTH = ["ipv4", "ipv6"].map((afi) => ({
  afi,
  safi: "unicast",
  advertisements: { matchLabels: { a: "b" } },
}));

describe("CiliumBGPClusterConfig", () => {
  it("has Cilium's times where none are given", () => {
    assert.deepEqual(run(cluster({})).specs("BGPPeer"), {
      tor: {
        myASN: 64_512,
        peerASN: 64_513,
        peerAddress: "192.0.2.1",
        holdTime: "90s",
        keepaliveTime: "30s",
      },
    });
  });

  it("takes everything from the configuration of its peers", () => {
    const { specs, notes } = run(
      cluster(REFERENCE, { nodeSelector: { matchLabels: { rack: "a" } } }),
      peerConfig({
        transport: { peerPort: 1_790 },
        timers: { holdTimeSeconds: 9, keepAliveTimeSeconds: 4, connectRetryTimeSeconds: 5 },
        authSecretRef: "secret",
        ebgpMultihop: 2,
        gracefulRestart: { enabled: true },
        families: BOTH,
      }),
    );
    assert.deepEqual(specs("BGPPeer").tor, {
      myASN: 64_512,
      peerASN: 64_513,
      peerAddress: "192.0.2.1",
      peerPort: 1_790,
      holdTime: "9s",
      keepaliveTime: "4s",
      connectTime: "5s",
      passwordSecret: { name: "secret" },
      enableGracefulRestart: true,
      ebgpMultiHop: true,
      nodeSelectors: [{ matchLabels: { rack: "a" } }],
      dualStackAddressFamily: true,
    });
    assert.equal(notes.length, 1);
    assert.match(notes.join(), /changed .*authSecretRef: passwordSecret/);
  });

  it("finds peers by interface, and takes any number where none is given", () => {
    const peer = {
      peerAddress: undefined,
      peerASN: 0,
      autoDiscovery: { mode: "Unnumbered", unnumbered: { interface: "eth1" } },
    };
    const { specs, notes } = run(cluster(peer));
    assert.deepEqual(specs("BGPPeer").tor, {
      myASN: 64_512,
      dynamicASN: "external",
      interface: "eth1",
      holdTime: "90s",
      keepaliveTime: "30s",
    });
    assert.match(notes.join(), /changed .*peerASN: dynamicASN: external/);
  });

  const lost: readonly (readonly [title: string, documents: readonly object[], note: RegExp])[] = [
    [
      "the default gateway as a peer",
      [
        cluster({
          peerAddress: undefined,
          autoDiscovery: { mode: "DefaultGateway", defaultGateway: { addressFamily: "ipv4" } },
        }),
      ],
      /lost .*autoDiscovery/,
    ],
    ["a configuration that is not there", [cluster(REFERENCE)], /there is no CiliumBGPPeerConfig pc/],
    [
      "a node selector that cannot be read",
      [cluster({}, { nodeSelector: { matchExpressions: [1] } })],
      /peers of every node/,
    ],
    [
      "what is said of one node",
      [cilium("CiliumBGPNodeConfigOverride", "n", {})],
      /lost CiliumBGPNodeConfigOverride n: write a BGPPeer/,
    ],
  ];
  for (const [title, documents, note] of lost) {
    it(`loses ${title}`, () => assert.match(run(...documents).notes.join("\n"), note));
  }
});

describe("CiliumBGPAdvertisement", () => {
  const advertisement = (entry: object, labels: object = { a: "b" }): object =>
    cilium(
      "CiliumBGPAdvertisement",
      "ad",
      {
        advertisements: [
          {
            advertisementType: "Service",
            service: { addresses: ["LoadBalancerIP"] },
            selector: {},
            ...entry,
          },
        ],
      },
      labels,
    );
  const with_ = (entry: object, labels?: object, families: readonly object[] = BOTH) =>
    run(cluster(REFERENCE), peerConfig({ families }), advertisement(entry, labels));

  it("goes to the peers whose families select it, with its communities and preference", () => {
    const { specs, notes } = with_({
      service: { addresses: ["LoadBalancerIP"], aggregationLengthIPv4: 24, aggregationLengthIPv6: 64 },
      attributes: {
        localPreference: 200,
        communities: { standard: ["65000:1", "65000"], wellKnown: ["no-export"], large: ["1:2:3"] },
      },
    });
    assert.deepEqual(notes, []);
    assert.deepEqual(specs("BGPAdvertisement"), {
      ad: {
        aggregationLength: 24,
        aggregationLengthV6: 64,
        localPref: 200,
        communities: ["65000:1", "0:65000", "65535:65281", "large:1:2:3"],
        peers: ["tor"],
      },
    });
  });

  const cases: readonly (readonly [
    title: string,
    entry: object,
    labels: object | undefined,
    note: RegExp,
  ])[] = [
    ["is not needed where nobody selects it", {}, { other: "x" }, /needless .*goes nowhere/],
    [
      "is not needed without a selector",
      { selector: undefined },
      undefined,
      /needless .*selects no Services/,
    ],
    [
      "of pods is lost",
      { advertisementType: "PodCIDR", service: undefined },
      undefined,
      /lost .*those of pods remain the CNI's/,
    ],
    [
      "by namespace is left out",
      { selector: { matchLabels: { [NAMESPACE]: "x" } } },
      undefined,
      /lost .*which BGPAdvertisement cannot/,
    ],
  ];
  for (const [title, entry, labels, note] of cases) {
    it(title, () => {
      const { specs, notes } = with_(entry, labels);
      assert.deepEqual(specs("BGPAdvertisement"), {});
      assert.match(notes.join("\n"), note);
    });
  }

  it("of selected Services puts no routes together", () => {
    const { specs, notes } = with_({
      selector: { matchLabels: { x: "y" } },
      service: { addresses: ["LoadBalancerIP"], aggregationLengthIPv4: 24 },
    });
    assert.deepEqual(specs("BGPAdvertisement").ad, {
      serviceSelectors: [{ matchLabels: { x: "y" } }],
      peers: ["tor"],
    });
    assert.match(
      notes.join(),
      /lost .*aggregationLengthIPv4: routes of selected Services are not put together/,
    );
  });

  it("for one family of two says that both go out", () => {
    const { notes } = with_({}, undefined, [BOTH[0] ?? {}, { afi: "ipv6", safi: "unicast" }]);
    assert.match(notes.join(), /changed .*goes out for both families/);
  });
});

describe("CiliumBGPPeeringPolicy", () => {
  const policy = (neighbor: object, router: object = { serviceSelector: {} }): object => ({
    apiVersion: "cilium.io/v2alpha1",
    kind: "CiliumBGPPeeringPolicy",
    metadata: { name: "rack" },
    spec: {
      nodeSelector: { matchLabels: { rack: "a" } },
      virtualRouters: [
        {
          localASN: 64_512,
          neighbors: [{ peerAddress: "192.0.2.1/32", peerASN: 64_513, ...neighbor }],
          ...router,
        },
      ],
    },
  });

  it("becomes peers and what they are told", () => {
    const { specs, notes } = run(
      policy({
        eBGPMultihopTTL: 3,
        advertisedPathAttributes: [
          {
            selectorType: "CiliumLoadBalancerIPPool",
            selector: { matchLabels: { x: "y" } },
            communities: { standard: ["1:2"] },
          },
        ],
      }),
      cilium("CiliumLoadBalancerIPPool", "p", { blocks: [{ cidr: "192.0.2.0/28" }] }, { x: "y" }),
    );
    assert.deepEqual(notes, []);
    assert.deepEqual(specs("BGPPeer"), {
      "peer-192.0.2.1": {
        myASN: 64_512,
        peerASN: 64_513,
        peerAddress: "192.0.2.1",
        holdTime: "90s",
        keepaliveTime: "30s",
        ebgpMultiHop: true,
        nodeSelectors: [{ matchLabels: { rack: "a" } }],
        dualStackAddressFamily: true,
      },
    });
    assert.deepEqual(specs("BGPAdvertisement"), {
      rack: { peers: ["peer-192.0.2.1"] },
      "rack-2": {
        communities: ["1:2"],
        ipAddressPoolSelectors: [{ matchLabels: { x: "y" } }],
        peers: ["peer-192.0.2.1"],
      },
    });
  });

  it("with attributes for all pools tells that peer nothing without them", () => {
    const { specs } = run(
      policy({
        advertisedPathAttributes: [{ selectorType: "CiliumLoadBalancerIPPool", localPreference: 300 }],
      }),
    );
    assert.deepEqual(specs("BGPAdvertisement"), { rack: { localPref: 300, peers: ["peer-192.0.2.1"] } });
  });

  it("without a service selector tells of no Services", () => {
    const { specs, notes } = run(policy({}, { exportPodCIDR: true }));
    assert.deepEqual(specs("BGPAdvertisement"), {});
    assert.match(notes.join("\n"), /lost .*exportPodCIDR.*\n.*needless .*announces no Services/);
  });
});
