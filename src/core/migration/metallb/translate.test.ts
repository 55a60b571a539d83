import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readConfiguration } from "#core/metallb/read";
import { imported } from "../test-document.ts";

const run = (text: string) => {
  const outcome = imported("metallb", text);
  const objects = outcome.resources.map(({ value }) => value);
  const read = readConfiguration({ objects, namespaces: new Map() });
  assert.ok(read.ok, read.ok ? "" : JSON.stringify(read.problems));
  return { ...outcome, configuration: read.configuration };
};

const configMap = (text: string, metadata = "{namespace: lb, name: config}"): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: ${metadata}\ndata:\n  config: |\n${text
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n")}\n`;

const pool = (lines: string): string =>
  `address-pools:\n- name: a\n  addresses: [192.0.2.0/28]\n  ${lines.replaceAll("\n", "\n  ")}`;

describe("a pool of MetalLB's ConfigMap", () => {
  it("becomes a pool and what announces it, in the namespace of the ConfigMap", () => {
    const { resources, notes } = run(configMap(pool("protocol: layer2")));
    assert.deepEqual(notes, []);
    assert.deepEqual(
      resources.map(({ value }) => value),
      [
        {
          apiVersion: "metallb.io/v1beta1",
          kind: "IPAddressPool",
          metadata: { name: "a", namespace: "lb" },
          spec: { addresses: ["192.0.2.0/28"] },
        },
        {
          apiVersion: "metallb.io/v1beta1",
          kind: "L2Advertisement",
          metadata: { name: "a", namespace: "lb" },
          spec: { ipAddressPools: ["a"] },
        },
      ],
    );
  });

  it("is announced by BGP once for each advertisement, and plainly without any", () => {
    assert.deepEqual(run(pool("protocol: bgp")).specs("BGPAdvertisement"), { a: { ipAddressPools: ["a"] } });
    const two = pool(
      "protocol: bgp\nbgp-advertisements:\n- {aggregation-length: 30, localpref: 5}\n- {communities: ['65000:1']}",
    );
    assert.deepEqual(run(two).specs("BGPAdvertisement"), {
      a: { aggregationLength: 30, localPref: 5, ipAddressPools: ["a"] },
      "a-2": { communities: ["65000:1"], ipAddressPools: ["a"] },
    });
  });

  it("keeps auto-assign and avoid-buggy-ips where they are not the default", () => {
    assert.deepEqual(
      run(pool("protocol: layer2\nauto-assign: false\navoid-buggy-ips: true")).specs("IPAddressPool"),
      {
        a: { addresses: ["192.0.2.0/28"], autoAssign: false, avoidBuggyIPs: true },
      },
    );
    assert.deepEqual(run(pool("protocol: layer2\nauto-assign: true")).specs("IPAddressPool"), {
      a: { addresses: ["192.0.2.0/28"] },
    });
  });

  const lost: readonly (readonly [title: string, lines: string, note: RegExp])[] = [
    ["a protocol that there is none of", "protocol: ospf", /lost .*protocol: is neither layer2 nor bgp/],
    ["no protocol", "", /lost .*protocol: is missing/],
    ["a misspelt key", "protocol: layer2\navoid-bugy-ips: true", /lost .*avoid-bugy-ips: is no key/],
    [
      "advertisements by BGP of a pool for layer 2",
      "protocol: layer2\nbgp-advertisements: [{}]",
      /lost .*protocol bgp only/,
    ],
    [
      "a flag that is none",
      "protocol: layer2\nauto-assign: 'yes'",
      /lost .*auto-assign: "yes" is neither true nor false/,
    ],
    [
      "a community of no name",
      "protocol: bgp\nbgp-advertisements: [{communities: [x]}]",
      /lost .*communities\[0\]: "x" is no community/,
    ],
    [
      "a length that does not exist",
      "protocol: bgp\nbgp-advertisements: [{aggregation-length: 33}]",
      /lost .*33 is no whole number/,
    ],
  ];
  for (const [title, lines, note] of lost) {
    it(`lists ${title}, and is written all the same`, () => {
      const { notes, specs } = run(pool(lines));
      assert.match(notes.join("\n"), note);
      assert.deepEqual(specs("IPAddressPool"), { a: { addresses: ["192.0.2.0/28"] } });
    });
  }

  it("has lengths from the first to the last that there is", () => {
    for (const length of [1, 32]) {
      const text = pool(`protocol: bgp\nbgp-advertisements: [{aggregation-length: ${length}}]`).replace(
        "192.0.2.0/28",
        "0.0.0.0/1",
      );
      assert.deepEqual(run(text).specs("BGPAdvertisement").a, {
        aggregationLength: length,
        ipAddressPools: ["a"],
      });
    }
  });

  it("loses addresses that are none, and those of another pool", () => {
    const { notes, specs } = run(
      "address-pools:\n- {name: a, protocol: layer2, addresses: [192.0.2.0/28, 192.0.2.99, 192.0.2.8/29]}\n- {name: b, protocol: layer2, addresses: [192.0.2.4-192.0.2.20, 192.0.2.40/32]}",
    );
    assert.deepEqual(specs("IPAddressPool"), {
      a: { addresses: ["192.0.2.0/28"] },
      b: { addresses: ["192.0.2.40/32"] },
    });
    assert.deepEqual(
      notes.map((note) => note.replace(/^\d+ lost address-pools/, "")),
      [
        '[0].addresses[1]: "192.0.2.99" has no prefix length; a single address is written with /32 or /128',
        "[0].addresses[2]: overlaps with an entry above",
        "[1].addresses[0]: overlaps with pool a",
      ],
    );
  });

  it("is left out, with what announces it, when it has no addresses or no name", () => {
    const { resources, notes } = run(
      "address-pools:\n- {name: a, protocol: bgp}\n- {protocol: bgp, addresses: [192.0.2.0/28]}",
    );
    assert.deepEqual(resources, []);
    assert.match(
      notes.join("\n"),
      /\[0\]: is left out: it has no addresses\n.*\[1\]: is left out: it has no name/,
    );
  });

  it("with a name that no object can have is told under which it goes", () => {
    const { notes, specs } = run(
      "address-pools:\n- {name: Big Pool, protocol: layer2, addresses: [192.0.2.0/28]}",
    );
    assert.deepEqual(Object.keys(specs("IPAddressPool")), ["big-pool"]);
    assert.deepEqual(specs("L2Advertisement"), { "big-pool": { ipAddressPools: ["big-pool"] } });
    assert.match(
      notes.join(),
      /changed .*is named big-pool; Services that ask for pool "Big Pool" must name it so/,
    );
  });

  it("is read in the spelling of before 0.3", () => {
    const { notes, specs } = run(
      "address-pools:\n- {name: a, protocol: arp, cidr: [192.0.2.0/28], arp-network: 192.0.2.0/24}",
    );
    assert.deepEqual(Object.keys(specs("L2Advertisement")), ["a"]);
    assert.match(notes.join("\n"), /changed .*protocol: layer2/);
    assert.match(notes.join("\n"), /lost .*arp-network/);
  });
});

const peer = (lines: string, before = ""): string =>
  `${before}peers:\n- my-asn: 64512\n  peer-asn: 64513\n  peer-address: 192.0.2.1\n  ${lines.replaceAll("\n", "\n  ")}`;

describe("a peer of MetalLB's ConfigMap", () => {
  it("has MetalLB's hold time where none is given", () => {
    assert.deepEqual(run(peer("")).specs("BGPPeer"), {
      "peer-192.0.2.1": { myASN: 64_512, peerASN: 64_513, peerAddress: "192.0.2.1", holdTime: "90s" },
    });
  });

  it("keeps all that can be said of it", () => {
    const text = peer(
      "source-address: 192.0.2.9\npeer-port: 1790\nhold-time: 2m\nkeepalive-time: 10s\nrouter-id: 10.0.0.1\npassword: 12345\nbfd-profile: Quick\nebgp-multihop: true\nnode-selectors:\n- match-labels: {rack: a}\n- match-expressions: [{key: role, operator: In, values: [edge]}]",
      "bfd-profiles: [{name: Quick, receive-interval: 100, echo-mode: true, minimum-ttl: 10}]\n",
    );
    const { specs, configuration, notes } = run(text);
    assert.deepEqual(notes, []);
    assert.deepEqual(specs("BGPPeer")["peer-192.0.2.1"], {
      myASN: 64_512,
      peerASN: 64_513,
      peerAddress: "192.0.2.1",
      sourceAddress: "192.0.2.9",
      peerPort: 1_790,
      holdTime: "120s",
      keepaliveTime: "10s",
      routerID: "10.0.0.1",
      password: "12345",
      bfdProfile: "quick",
      ebgpMultiHop: true,
      nodeSelectors: [
        { matchLabels: { rack: "a" } },
        { matchExpressions: [{ key: "role", operator: "In", values: ["edge"] }] },
      ],
    });
    assert.deepEqual(specs("BFDProfile"), {
      quick: { receiveInterval: 100, echoMode: true, minimumTtl: 10 },
    });
    assert.equal(configuration.peers[0]?.bfdProfile, "quick");
  });

  const left: readonly (readonly [title: string, text: string, note: RegExp])[] = [
    [
      "without an address",
      "peers: [{my-asn: 1, peer-asn: 2}]",
      /is left out: my-asn, peer-asn and peer-address are needed/,
    ],
    [
      "with a number out of range",
      "peers: [{my-asn: 1, peer-asn: 99999999999, peer-address: 192.0.2.1}]",
      /is no whole number/,
    ],
    [
      "whose node selectors cannot be read, since it would become a peer of every node",
      peer("node-selectors: [{match-expressions: [{key: a, operator: Near}]}]"),
      /would be a peer of every node/,
    ],
  ];
  for (const [title, text, note] of left) {
    it(`is left out ${title}`, () => {
      const { specs, notes } = run(text);
      assert.deepEqual(specs("BGPPeer"), {});
      assert.match(notes.join("\n"), note);
    });
  }

  const lost: readonly (readonly [title: string, lines: string, note: RegExp])[] = [
    ["a time that is none", "hold-time: soon", /hold-time: "soon" is no duration/],
    ["a hold time that BGP does not have", "hold-time: 2s", /hold-time: is neither 0 nor/],
    ["a profile that is not there", "bfd-profile: x", /there is no profile "x"/],
    [
      "keepalives further apart than the hold time",
      "hold-time: 9s\nkeepalive-time: 10s",
      /longer than the hold time/,
    ],
  ];
  for (const [title, lines, note] of lost) {
    it(`loses ${title}`, () => {
      const { specs, notes } = run(peer(lines));
      assert.deepEqual(Object.keys(specs("BGPPeer")), ["peer-192.0.2.1"]);
      assert.match(notes.join("\n"), note);
    });
  }
});

describe("resources of MetalLB's", () => {
  const RESOURCE = `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: a
  namespace: lb
  uid: 1
  labels: {x: y}
  managedFields: []
spec: {addresses: [192.0.2.0/28], unknown: 1}
status: {assignedIPv4: 3}
`;

  it("pass through without what the API server added", () => {
    const { resources, notes } = run(RESOURCE);
    assert.deepEqual(resources[0]?.value, {
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata: { name: "a", namespace: "lb", labels: { x: "y" } },
      spec: { addresses: ["192.0.2.0/28"], unknown: 1 },
    });
    assert.deepEqual(notes, ["1 needless IPAddressPool lb/a: is a resource already, and kept as it is"]);
  });

  it("of before 0.13 become those of today", () => {
    const { specs, notes } = run(
      "apiVersion: v1\nkind: List\nitems:\n- apiVersion: metallb.io/v1beta1\n  kind: AddressPool\n  metadata: {name: a}\n  spec: {protocol: bgp, addresses: [192.0.2.0/28], autoAssign: false, bgpAdvertisements: [{localPref: 7}]}\n- apiVersion: metallb.io/v1beta1\n  kind: BGPPeer\n  metadata: {name: p}\n  spec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.9}",
    );
    assert.deepEqual(specs("IPAddressPool"), { a: { addresses: ["192.0.2.0/28"], autoAssign: false } });
    assert.deepEqual(specs("BGPAdvertisement"), { a: { localPref: 7, ipAddressPools: ["a"] } });
    assert.deepEqual(specs("BGPPeer"), { p: { myASN: 1, peerASN: 2, peerAddress: "192.0.2.9" } });
    assert.deepEqual(
      notes.map((note) => note.replace(/^\d+ /, "")),
      [
        "changed AddressPool a: IPAddressPool, with an advertisement of its own",
        "changed BGPPeer p apiVersion: metallb.io/v1beta2, with the same fields",
      ],
    );
  });

  it("that the controller would refuse are left out, with what hangs on them", () => {
    const { resources, notes } = run(
      "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a}\nspec: {addresses: [backwards]}\n---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: b}\nspec: {addresses: [192.0.2.0/30]}",
    );
    assert.deepEqual(
      resources.map(({ value }) => value.metadata.name),
      ["b"],
    );
    assert.match(
      notes.join("\n"),
      /lost IPAddressPool a: IPAddressPool a is left out: spec\.addresses\[0\]: /,
    );
  });
});

describe("other documents", () => {
  for (const [title, text] of [
    ["a ConfigMap without a configuration", "kind: ConfigMap\ndata: {a: b}"],
    ["something else", "kind: Deployment\nmetadata: {name: x}"],
    ["a bare word", "hello"],
    ["a list", "- 1"],
  ] as const) {
    it(`are listed: ${title}`, () => {
      const { resources, notes } = run(text);
      assert.deepEqual(resources, []);
      assert.equal(notes.length, 1);
      assert.match(notes.join(), / lost /);
    });
  }
});
