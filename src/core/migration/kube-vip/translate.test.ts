import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readConfiguration } from "#core/metallb/read";
import { imported } from "../test-document.ts";

const run = (text: string) => {
  const outcome = imported("kube-vip", text);
  const objects = outcome.resources.map(({ value }) => value);
  const read = readConfiguration({ objects, namespaces: new Map() });
  assert.ok(read.ok, read.ok ? "" : JSON.stringify(read.problems));
  return {
    ...outcome,
    notes: outcome.notes.map((note) => note.replace(/^\d+ (\w+) ConfigMap kubevip /, "$1 ")),
  };
};

const configMap = (lines: string): string =>
  `kind: ConfigMap\nmetadata: {name: kubevip}\ndata:\n  ${lines.replaceAll("\n", "\n  ")}\n`;

const pools = (lines: string) => run(configMap(lines)).specs("IPAddressPool");

describe("a pool of kube-vip's ConfigMap", () => {
  it("is for its namespace, and the global one for everybody", () => {
    assert.deepEqual(
      pools(
        "cidr-global: 192.0.2.16/29\nrange-global: 192.0.2.99-192.0.2.100\ncidr-shop: 192.0.2.32/30,2001:db8::/126",
      ),
      {
        shop: {
          addresses: ["192.0.2.32/30", "2001:db8::/126"],
          serviceAllocation: { namespaces: ["shop"] },
        },
        global: { addresses: ["192.0.2.16/29"] },
      },
    );
  });

  it("by range is not used where kube-vip finds one by prefix first", () => {
    const { specs, notes } = run(configMap("cidr-global: 192.0.2.16/29\nrange-shop: 192.0.2.40-192.0.2.50"));
    assert.deepEqual(Object.keys(specs("IPAddressPool")), ["global"]);
    assert.match(
      notes.join("\n"),
      /needless data\.range-shop: kube-vip never comes to it, since cidr-global is asked first/,
    );
    assert.deepEqual(
      Object.keys(pools("range-global: 192.0.2.9-192.0.2.9\nrange-shop: 192.0.2.40-192.0.2.50")),
      ["shop", "global"],
    );
  });

  it("has no address that another has, and says so", () => {
    const { specs, notes } = run(
      configMap("range-global: 192.0.2.10-192.0.2.20\nrange-shop: 192.0.2.14-192.0.2.15"),
    );
    assert.deepEqual(specs("IPAddressPool").global, {
      addresses: ["192.0.2.10-192.0.2.13", "192.0.2.16-192.0.2.20"],
    });
    assert.match(notes.join("\n"), /changed data\.range-global: without what range-shop has as well/);
    assert.match(
      notes.join("\n"),
      /changed data\.range-global: a namespace whose own pool is used up takes from it/,
    );
  });

  it("of entries that meet has each address once", () => {
    assert.deepEqual(pools("range-global: 192.0.2.10-192.0.2.11,192.0.2.10-192.0.2.13"), {
      global: { addresses: ["192.0.2.10-192.0.2.13"] },
    });
  });

  it("leaves out the ends of each prefix when asked to, but not those of /31, /32 and IPv6", () => {
    const skip = 'skip-end-ips-in-cidr: "true"\n';
    assert.deepEqual(
      pools(`${skip}cidr-global: 192.0.2.16/29,192.0.2.34/31,192.0.2.40/32,2001:db8::/126`).global,
      {
        addresses: ["192.0.2.17-192.0.2.22", "192.0.2.34/31", "192.0.2.40/32", "2001:db8::/126"],
      },
    );
    assert.deepEqual(pools(`${skip}range-global: 192.0.2.16-192.0.2.23`).global, {
      addresses: ["192.0.2.16/29"],
    });
  });

  it("gives no address that ends in .0 or .255, as kube-vip does not", () => {
    assert.deepEqual(pools("cidr-global: 192.0.2.0/24").global, {
      addresses: ["192.0.2.0/24"],
      avoidBuggyIPs: true,
    });
  });

  it("is announced on its interface, else on the one for all", () => {
    const { specs, notes } = run(
      configMap(
        "cidr-a: 192.0.2.16/30\ncidr-b: 192.0.2.20/30\ninterface-a: eth1\ninterface-global: eth0\ninterface-c: eth2",
      ),
    );
    assert.deepEqual(specs("L2Advertisement"), {
      a: { ipAddressPools: ["a"], interfaces: ["eth1"] },
      b: { ipAddressPools: ["b"], interfaces: ["eth0"] },
    });
    assert.match(notes.join("\n"), /lost data\.interface-c: the namespace has no pool of its own/);
  });

  const lost: readonly (readonly [title: string, lines: string, note: RegExp])[] = [
    ["addresses by DHCP", "cidr-global: 0.0.0.0/32", /lost data\.cidr-global: asks for addresses by DHCP/],
    [
      "an entry that is none",
      "cidr-global: 192.0.2.0/33,192.0.2.4/30",
      /lost data\.cidr-global: "192\.0\.2\.0\/33" has a prefix length out of range/,
    ],
    ["a descending order", "cidr-global: 192.0.2.4/30\nsearch-order: desc", /lost data\.search-order/],
    [
      "sharing without being asked",
      'allow-share-shop: "true"\ncidr-global: 192.0.2.4/30',
      /lost data\.allow-share-shop: .*metallb\.io\/allow-shared-ip/,
    ],
    ["keys that are not known", "cidr-global: 192.0.2.4/30\ncolour: red", /lost data\.colour: is no key/],
  ];
  for (const [title, lines, note] of lost) {
    it(`loses ${title}`, () => assert.match(run(configMap(lines)).notes.join("\n"), note));
  }

  it("needs no sharing that is off, no ascending order, and no key that kube-vip does not read", () => {
    const { notes } = run(
      configMap(
        'cidr-global: 192.0.2.4/30\nallow-share-a: "false"\nallow-shared-a: "true"\nsearch-order: asc',
      ),
    );
    assert.equal(notes.filter((note) => note.startsWith("needless")).length, 3);
    assert.equal(notes.filter((note) => note.startsWith("lost")).length, 0);
  });
});

const service = (annotations: string, spec = "{type: LoadBalancer}"): string =>
  `kind: Service\nmetadata:\n  name: web\n  namespace: shop\n  annotations: ${annotations}\nspec: ${spec}\n`;

describe("a Service with kube-vip's annotations", () => {
  it("gets a command that asks for its addresses in MetalLB's words", () => {
    const { commands } = run(service('{kube-vip.io/loadbalancerIPs: "192.0.2.10, 2001:DB8::10"}'));
    assert.deepEqual(commands, [
      `kubectl patch service web --namespace shop --type merge --patch '{"metadata":{"annotations":{"metallb.io/loadBalancerIPs":"192.0.2.10,2001:db8::10"}}}'`,
    ]);
  });

  it("needs none where spec.loadBalancerIP says the same, and loses that field where it says less", () => {
    const same = run(service("{kube-vip.io/loadbalancerIPs: 192.0.2.10}", "{loadBalancerIP: 192.0.2.10}"));
    assert.deepEqual(same.commands, []);
    const less = run(
      service('{kube-vip.io/loadbalancerIPs: "192.0.2.10,2001:db8::1"}', "{loadBalancerIP: 192.0.2.10}"),
    );
    assert.match(less.commands.join(), /"spec":\{"loadBalancerIP":null\}/);
  });

  const fates: readonly (readonly [annotation: string, note: RegExp])[] = [
    ["kube-vip.io/loadbalancerIPs: 0.0.0.0", /lost .*DHCP/],
    ["kube-vip.io/loadbalancerIPs: nonsense", /lost .*"nonsense" is no list of addresses/],
    ['kube-vip.io/loadbalancerIPs: "192.0.2.1,192.0.2.2"', /lost .*several addresses of a family/],
    ["kube-vip.io/serviceInterface: eth5", /lost .*interfaces go by pools/],
    ["kube-vip.io/egress-allowed-networks: x", /lost .*leave the cluster/],
    ["kube-vip.io/leaseName: x", /needless .*no Lease/],
    ["kube-vip.io/vipHost: x", /needless .*written by kube-vip/],
    ["kube-vip.io/new-thing: x", /lost .*no annotation of kube-vip's that the importer knows/],
  ];
  for (const [annotation, note] of fates) {
    it(`is told what becomes of ${annotation}`, () => {
      const { notes, commands } = run(service(`{${annotation}}`));
      assert.deepEqual(commands, []);
      assert.equal(notes.length, 1);
      assert.match(notes.join(), note);
    });
  }

  it("keeps its class, which the controller must then serve", () => {
    const { notes } = run(service("{}", "{loadBalancerClass: kube-vip.io/kube-vip-class}"));
    assert.match(notes.join(), /changed .*--lb-class kube-vip\.io\/kube-vip-class/);
  });
});
