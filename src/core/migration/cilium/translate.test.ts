import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readConfiguration } from "#core/metallb/read";
import { imported } from "../test-document.ts";

const run = (...documents: readonly unknown[]) => {
  const outcome = imported("cilium", documents.map((document) => JSON.stringify(document)).join("\n---\n"));
  const objects = outcome.resources.map(({ value }) => value);
  const read = readConfiguration({ objects, namespaces: new Map() });
  assert.ok(read.ok, read.ok ? "" : JSON.stringify(read.problems));
  return { ...outcome, notes: outcome.notes.map((note) => note.replace(/^\d+ /, "")) };
};

const cilium = (kind: string, name: string, spec: object, labels = {}): object => ({
  apiVersion: "cilium.io/v2",
  kind,
  metadata: { name, labels },
  spec,
});

const pool = (spec: object, name = "p"): object =>
  cilium("CiliumLoadBalancerIPPool", name, { blocks: [{ cidr: "192.0.2.0/28" }], ...spec });

const NAMESPACE = "io.kubernetes.service.namespace";

describe("CiliumLoadBalancerIPPool", () => {
  const cases: readonly (readonly [title: string, spec: object, expected: object, note?: RegExp])[] = [
    ["is a pool", {}, { addresses: ["192.0.2.0/28"] }],
    [
      "takes ranges and single addresses",
      { blocks: [{ start: "192.0.2.1", stop: "192.0.2.3" }, { start: "2001:db8::1" }] },
      { addresses: ["192.0.2.1-192.0.2.3", "2001:db8::1/128"] },
    ],
    [
      "keeps the ends of prefixes back only when told to",
      {
        allowFirstLastIPs: "No",
        blocks: [
          { cidr: "192.0.2.0/29" },
          { cidr: "192.0.2.10/31" },
          { start: "192.0.2.16", stop: "192.0.2.19" },
        ],
      },
      { addresses: ["192.0.2.1-192.0.2.6", "192.0.2.10/31", "192.0.2.16/30"] },
    ],
    [
      "is for selected Services",
      { serviceSelector: { matchExpressions: [{ key: "colour", operator: "In", values: ["blue"] }] } },
      {
        addresses: ["192.0.2.0/28"],
        serviceAllocation: {
          serviceSelectors: [{ matchExpressions: [{ key: "colour", operator: "In", values: ["blue"] }] }],
        },
      },
    ],
    [
      "is for namespaces that are selected as if they were labels",
      {
        serviceSelector: {
          matchLabels: { [NAMESPACE]: "shop", colour: "blue" },
          matchExpressions: [{ key: NAMESPACE, operator: "In", values: ["shop", "tools"] }],
        },
      },
      {
        addresses: ["192.0.2.0/28"],
        serviceAllocation: { namespaces: ["shop"], serviceSelectors: [{ matchLabels: { colour: "blue" } }] },
      },
    ],
    ["is for all with an empty selector", { serviceSelector: {} }, { addresses: ["192.0.2.0/28"] }],
    [
      "gives nothing by itself when disabled",
      { disabled: true },
      { addresses: ["192.0.2.0/28"], autoAssign: false },
      /^changed .*spec\.disabled: autoAssign: false/,
    ],
    [
      "gives nothing by itself when it is for Services by name",
      { serviceSelector: { matchLabels: { "io.kubernetes.service.name": "gateway" } } },
      { addresses: ["192.0.2.0/28"], autoAssign: false },
      /^lost .*it selects Services by name; with autoAssign: false/,
    ],
    [
      "gives nothing by itself when its selector cannot be read as a whole",
      { serviceSelector: { matchExpressions: [{ key: "a", operator: "Like" }] } },
      { addresses: ["192.0.2.0/28"], autoAssign: false },
      /lost .*a part of it cannot be read/,
    ],
  ];
  for (const [title, spec, expected, note] of cases) {
    it(title, () => {
      const { specs, notes } = run(pool(spec));
      assert.deepEqual(specs("IPAddressPool"), { p: expected });
      if (note === undefined) assert.deepEqual(notes, []);
      else assert.match(notes.join("\n"), note);
    });
  }

  it("of an older version has cidrs", () => {
    const old = {
      apiVersion: "cilium.io/v2alpha1",
      kind: "CiliumLoadBalancerIPPool",
      metadata: { name: "old" },
      spec: { cidrs: [{ cidr: "192.0.2.0/30" }] },
    };
    assert.deepEqual(run(old).specs("IPAddressPool"), { old: { addresses: ["192.0.2.0/30"] } });
  });

  it("that overlaps an older one is left out, as Cilium gives nothing from it", () => {
    const young = pool({}, "young");
    const old = { ...pool({}, "old"), metadata: { name: "old", creationTimestamp: "2024-01-01T00:00:00Z" } };
    const { specs, notes } = run(
      { ...young, metadata: { name: "young", creationTimestamp: "2025-01-01T00:00:00Z" } },
      old,
    );
    assert.deepEqual(Object.keys(specs("IPAddressPool")), ["old"]);
    assert.match(notes.join(), /lost CiliumLoadBalancerIPPool young: is left out: it overlaps with old/);
  });
});

describe("CiliumL2AnnouncementPolicy", () => {
  const policy = (spec: object): object =>
    cilium("CiliumL2AnnouncementPolicy", "l2", { loadBalancerIPs: true, ...spec });

  it("is an advertisement of all pools for the same nodes, interfaces and Services", () => {
    const { specs, notes } = run(
      policy({
        nodeSelector: { matchLabels: { rack: "a" } },
        serviceSelector: { matchLabels: { colour: "blue" } },
        interfaces: ["^eth0$", "eth1"],
      }),
    );
    assert.deepEqual(specs("L2Advertisement"), {
      l2: {
        nodeSelectors: [{ matchLabels: { rack: "a" } }],
        interfaces: ["eth0", "eth1"],
        serviceSelectors: [{ matchLabels: { colour: "blue" } }],
      },
    });
    assert.deepEqual(notes, [
      "changed CiliumL2AnnouncementPolicy l2 spec.interfaces[1]: the interface of exactly this name; to Cilium it is a pattern",
    ]);
  });

  const left: readonly (readonly [title: string, spec: object, note: RegExp])[] = [
    [
      "would announce on more interfaces",
      { interfaces: ["^en.*"] },
      /without its interfaces it would announce on each/,
    ],
    [
      "would announce other Services",
      { serviceSelector: { matchLabels: { [NAMESPACE]: "a" } } },
      /it selects Services by namespace, which L2Advertisement cannot/,
    ],
    [
      "would announce from every node",
      { nodeSelector: { matchExpressions: [{ key: "a" }] } },
      /every node would announce/,
    ],
    [
      "announces no addresses of load balancers",
      { loadBalancerIPs: false, externalIPs: true },
      /announces no addresses of load balancers/,
    ],
  ];
  for (const [title, spec, note] of left) {
    it(`is left out when it ${title}`, () => {
      const { specs, notes } = run(policy(spec));
      assert.deepEqual(specs("L2Advertisement"), {});
      assert.match(notes.join("\n"), note);
    });
  }
});

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

describe("a Service with Cilium's annotations", () => {
  const service = (annotations: object, spec: object = {}): object => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop", annotations },
    spec,
  });

  it("asks in MetalLB's words, by either name of each annotation", () => {
    for (const prefix of ["lbipam.cilium.io/", "io.cilium/lb-ipam-"]) {
      const { commands } = run(service({ [`${prefix}ips`]: "192.0.2.1", [`${prefix}sharing-key`]: "it's" }));
      assert.deepEqual(commands, [
        `kubectl patch service web --namespace shop --type merge --patch '{"metadata":{"annotations":{"metallb.io/loadBalancerIPs":"192.0.2.1","metallb.io/allow-shared-ip":"shop/it'\\''s"}}}'`,
      ]);
    }
  });

  it("shares across namespaces only if it did", () => {
    const { commands } = run(
      service({ "lbipam.cilium.io/sharing-key": "k", "lbipam.cilium.io/sharing-cross-namespace": "*" }),
    );
    assert.match(commands.join(), /"metallb\.io\/allow-shared-ip":"k"/);
  });

  it("is told of its class", () => {
    assert.match(
      run(service({}, { loadBalancerClass: "io.cilium/bgp-control-plane" })).notes.join(),
      /changed .*--lb-class/,
    );
    assert.match(
      run(service({}, { loadBalancerClass: "io.cilium/node" })).notes.join(),
      /lost .*no addresses of nodes/,
    );
  });
});
