import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cilium, NAMESPACE, run } from "./test-cilium.ts";

const pool = (spec: object, name = "p"): object =>
  cilium("CiliumLoadBalancerIPPool", name, { blocks: [{ cidr: "192.0.2.0/28" }], ...spec });

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
