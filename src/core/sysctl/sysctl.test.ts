import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, virtualAddress, virtualRouter } from "#testing/values";
import { formatSysctlKey, type SysctlKey, sysctlKey } from "./key.ts";
import {
  type ObservedSysctls,
  planSysctlRestore,
  planSysctls,
  type SysctlChange,
  sysctlsToObserve,
} from "./plan.ts";
import { type NetworkUse, networkUse } from "./use.ts";

const key = (path: string): SysctlKey => sysctlKey(...path.split("/"));

const use = (overrides: Partial<NetworkUse> = {}): NetworkUse => ({
  interfaces: ["lo", "eth0", "eth1"],
  forwarding: { IPv4: [], IPv6: [] },
  subnets: [],
  virtualMacs: [],
  ...overrides,
});

const V4 = use({ forwarding: { IPv4: ["eth0", "eth1"], IPv6: [] } });
const V6 = use({ forwarding: { IPv4: [], IPv6: ["eth0"] } });

/** A kernel's settings as it boots: nothing is forwarded, router advertisements are heard. */
const booted = (changes: Readonly<Record<string, string | undefined>> = {}): ObservedSysctls => {
  const values = new Map<SysctlKey, string>();
  for (const name of ["all", "default", "lo", "eth0", "eth1"]) {
    values.set(key(`net/ipv4/conf/${name}/forwarding`), "0");
    values.set(key(`net/ipv4/conf/${name}/send_redirects`), "1");
    values.set(key(`net/ipv4/conf/${name}/promote_secondaries`), "0");
    values.set(key(`net/ipv6/conf/${name}/forwarding`), "0");
    values.set(key(`net/ipv6/conf/${name}/accept_ra`), "1");
    values.set(key(`net/ipv6/conf/${name}/force_forwarding`), "0");
  }
  values.set(key("net/netfilter/nf_conntrack_tcp_loose"), "1");
  values.set(key("net/netfilter/nf_conntrack_tcp_be_liberal"), "1");
  for (const [path, value] of Object.entries(changes)) {
    if (value === undefined) values.delete(key(path));
    else values.set(key(path), value);
  }
  return values;
};

/** Linux before 6.17. */
const WITHOUT_FORCE = {
  "net/ipv6/conf/eth0/force_forwarding": undefined,
  "net/ipv6/conf/eth1/force_forwarding": undefined,
};

const assignments = (changes: readonly SysctlChange[]): readonly string[] =>
  changes.map(({ key, from, to }) => `${formatSysctlKey(key)} ${from}>${to}`);

const applied = (observed: ObservedSysctls, changes: readonly SysctlChange[]): ObservedSysctls =>
  new Map([...observed, ...changes.map(({ key, to }) => [key, to] as const)]);

describe("planning kernel settings", () => {
  it("changes nothing for an edge that only has /32 addresses and direct server return", () => {
    assert.deepEqual(planSysctls(use(), booted()), { changes: [], missing: [], hindering: [] });
  });

  it("forwards IPv4 on the interfaces used and no other, and sends no redirects from them", () => {
    assert.deepEqual(assignments(planSysctls(V4, booted()).changes), [
      "net.ipv4.conf.eth0.forwarding 0>1",
      "net.ipv4.conf.eth1.forwarding 0>1",
      "net.ipv4.conf.eth0.send_redirects 1>0",
      "net.ipv4.conf.eth1.send_redirects 1>0",
      "net.ipv4.conf.all.send_redirects 1>0",
    ]);
  });

  it("forwards IPv6 on one interface alone where the kernel can (Linux 6.17)", () => {
    assert.deepEqual(assignments(planSysctls(V6, booted()).changes), [
      "net.ipv6.conf.eth0.force_forwarding 0>1",
    ]);
  });

  it("keeps router advertisements heard before it makes an older kernel forward IPv6", () => {
    const observed = booted({ ...WITHOUT_FORCE, "net/ipv6/conf/eth1/accept_ra": "0" });
    assert.deepEqual(assignments(planSysctls(V6, observed).changes), [
      "net.ipv6.conf.lo.accept_ra 1>2",
      "net.ipv6.conf.eth0.accept_ra 1>2",
      "net.ipv6.conf.default.accept_ra 1>2",
      "net.ipv6.conf.all.forwarding 0>1",
    ]);
  });

  it("lets IPVS end, spread and pick up connections as a takeover and a drain need it, where it is loaded", () => {
    const observed = new Map([
      ...booted(),
      ...["expire_nodest_conn", "expire_quiescent_template", "sloppy_tcp"].map(
        (name) => [key(`net/ipv4/vs/${name}`), "0"] as const,
      ),
    ]);
    const changes = (ipvs: "hashed" | "counted") => assignments(planSysctls(use({ ipvs }), observed).changes);
    const counted = ["net.ipv4.vs.expire_nodest_conn 0>1", "net.ipv4.vs.expire_quiescent_template 0>1"];
    assert.deepEqual(changes("counted"), counted);
    assert.deepEqual(changes("hashed"), [...counted, "net.ipv4.vs.sloppy_tcp 0>1"]);
    assert.deepEqual(planSysctls(use({ ipvs: "hashed" }), booted()), {
      changes: [],
      missing: [],
      hindering: [],
    });
    assert.deepEqual(planSysctls(use(), observed), { changes: [], missing: [], hindering: [] });
  });

  it("leaves IPv6 as it is where the operator already forwards it", () => {
    const observed = booted({ ...WITHOUT_FORCE, "net/ipv6/conf/all/forwarding": "1" });
    assert.deepEqual(planSysctls(V6, observed), { changes: [], missing: [], hindering: [] });
  });

  for (const setting of ["loose", "be_liberal"]) {
    it(`lets connection tracking pick up flows that were elsewhere, where it is loaded: ${setting}`, () => {
      const path = `net/netfilter/nf_conntrack_tcp_${setting}`;
      const last = planSysctls(V4, booted({ [path]: "0" })).changes.at(-1);
      assert.equal(last?.key, path);
      assert.deepEqual(planSysctls(V4, booted({ [path]: undefined })).missing, []);
    });
  }

  it("keeps the host's own address when ours leaves its subnet first", () => {
    const subnets = use({ subnets: ["eth0"] });
    assert.deepEqual(assignments(planSysctls(subnets, booted()).changes), [
      "net.ipv4.conf.eth0.promote_secondaries 0>1",
    ]);
    const everywhere = booted({ "net/ipv4/conf/all/promote_secondaries": "1" });
    assert.deepEqual(planSysctls(subnets, everywhere).changes, []);
  });

  it("names a setting that the kernel does not have, with the reason it is needed", () => {
    const { missing } = planSysctls(V4, booted({ "net/ipv4/conf/eth1/forwarding": undefined }));
    assert.deepEqual(missing, [
      {
        key: "net/ipv4/conf/eth1/forwarding",
        reason: "packets of virtual servers that arrive on eth1 are sent on to a backend or back to a client",
      },
    ]);
  });

  it("leaves what others need and hinders us to the operator, where a bridge translates addresses", () => {
    const filters = {
      "net/bridge/bridge-nf-call-iptables": "1",
      "net/bridge/bridge-nf-call-ip6tables": "1",
    };
    const hindering = (of: NetworkUse, values: Readonly<Record<string, string>> = filters) =>
      planSysctls(of, booted(values)).hindering.map(({ key: path }) => path);
    const bridges = ["eth1"];
    assert.deepEqual(hindering({ ...V4, bridges }), ["net/bridge/bridge-nf-call-iptables"]);
    assert.match(
      planSysctls({ ...V4, bridges }, booted(filters)).hindering[0]?.reason ?? "",
      /^it is 1, so connections whose client and backend are behind the same port of eth1 are lost: set it to 0/,
    );
    assert.deepEqual(hindering({ ...V6, bridges }), [], "eth1 does not forward IPv6");
    assert.deepEqual(hindering({ ...V6, bridges: ["eth0"] }), ["net/bridge/bridge-nf-call-ip6tables"]);
    assert.deepEqual(hindering(V4), []);
    assert.deepEqual(hindering({ ...V4, bridges }, {}), []);
    assert.ok(sysctlsToObserve({ ...V4, bridges }).includes(key("net/bridge/bridge-nf-call-iptables")));
  });

  it("asks nothing of an interface that does not exist", () => {
    const gone = use({ forwarding: { IPv4: ["../eth9"], IPv6: ["eth9"] }, subnets: ["eth9"] });
    assert.deepEqual(planSysctls(gone, booted()), { changes: [], missing: [], hindering: [] });
    assert.ok(sysctlsToObserve(gone).every((path) => !path.includes("eth9")));
  });

  const subset = fc.subarray(["eth0", "eth1"]);
  const uses = fc
    .record({ v4: subset, v6: subset, subnets: subset }, { noNullPrototype: true })
    .map(({ v4, v6, subnets }) => use({ forwarding: { IPv4: v4, IPv6: v6 }, subnets }));
  const kernels = fc
    .array(fc.tuple(fc.constantFrom(...booted().keys()), fc.constantFrom("0", "1", "2", undefined)))
    .map((changes) => booted(Object.fromEntries(changes)));

  it("looks only at settings that it asked to have read", () => {
    fc.assert(
      fc.property(uses, kernels, (use, observed) => {
        const asked = new Set(sysctlsToObserve(use));
        const seen = new Map([...observed].filter(([key]) => asked.has(key)));
        assert.deepEqual(planSysctls(use, seen), planSysctls(use, observed));
      }),
    );
  });

  it("has nothing left to change after its changes, and puts everything back", () => {
    fc.assert(
      fc.property(uses, kernels, (use, observed) => {
        const { changes } = planSysctls(use, observed);
        const now = applied(observed, changes);
        assert.deepEqual(planSysctls(use, now).changes, []);
        assert.deepEqual(applied(now, planSysctlRestore(changes, now)), observed);
      }),
    );
  });
});

describe("putting kernel settings back", () => {
  const made = planSysctls(V6, booted(WITHOUT_FORCE)).changes;

  it("goes backwards, so that forwarding ends before router advertisements are refused", () => {
    const now = applied(booted(WITHOUT_FORCE), made);
    assert.deepEqual(assignments(planSysctlRestore(made, now)), [
      "net.ipv6.conf.all.forwarding 1>0",
      "net.ipv6.conf.default.accept_ra 2>1",
      "net.ipv6.conf.eth1.accept_ra 2>1",
      "net.ipv6.conf.eth0.accept_ra 2>1",
      "net.ipv6.conf.lo.accept_ra 2>1",
    ]);
  });

  it("leaves alone what somebody else has set since", () => {
    const now = new Map([
      ...applied(booted(WITHOUT_FORCE), made),
      [key("net/ipv6/conf/eth0/accept_ra"), "0"] as const,
    ]);
    assert.ok(planSysctlRestore(made, now).every(({ key }) => !key.includes("eth0")));
  });
});

describe("the use that a configuration makes of the host's network", () => {
  const server = (overrides: Partial<VirtualServer>): VirtualServer => ({
    name: "web",
    address: address("192.0.2.100"),
    protocol: "tcp",
    ports: onePort(80),
    mode: "masquerade",
    scheduler: { type: "round-robin" },
    backends: [{ name: "a", address: address("10.0.0.1"), port: 80, weight: 1 }],
    ...overrides,
  });
  const host = {
    interfaces: ["lo", "eth0", "eth1"],
    ingress: () => ["eth0"],
    egress: (target: string) => (target.startsWith("10.") ? "eth1" : undefined),
  };

  it("names where clients and backends are, once each, per family", () => {
    const desired = {
      routers: [],
      checks: [],
      servers: [server({}), server({ name: "again" })],
      ...{ syncs: [], peers: [], routes: [] },
    };
    assert.deepEqual(networkUse(desired, host).forwarding, { IPv4: ["eth0", "eth1"], IPv6: [] });
    const v6 = server({ address: address("2001:db8::100"), backends: [] });
    assert.deepEqual(networkUse({ ...desired, servers: [v6] }, host).forwarding, {
      IPv4: [],
      IPv6: ["eth0"],
    });
  });

  it("forwards nothing for direct server return", () => {
    const desired = {
      routers: [],
      checks: [],
      servers: [server({ mode: "dsr" })],
      ...{ syncs: [], peers: [], routes: [] },
    };
    assert.deepEqual(networkUse(desired, host).forwarding, { IPv4: [], IPv6: [] });
  });

  it("names the devices of IPv4 addresses in a subnet", () => {
    const router = virtualRouter({
      addresses: [virtualAddress("192.0.2.100/32"), { ...virtualAddress("192.0.2.101/24"), device: "eth1" }],
      unadvertisedAddresses: [virtualAddress("2001:db8::1/64")],
    });
    const desired = { routers: [router], checks: [], servers: [], ...{ syncs: [], peers: [], routes: [] } };
    assert.deepEqual(networkUse(desired, host).subnets, ["eth1"]);
  });
});

describe("names of kernel settings", () => {
  it("spells dots inside interface names as sysctl(8) does", () => {
    assert.equal(
      formatSysctlKey(key("net/ipv4/conf/eth0.100/forwarding")),
      "net.ipv4.conf.eth0/100.forwarding",
    );
  });

  it("never leads out of /proc/sys", () => {
    for (const segment of ["..", ".", "", "a/b", "a\0"]) {
      assert.throws(() => sysctlKey("net", segment), /not the segments/);
    }
  });
});

describe("an interface with a virtual MAC address", () => {
  const names = ["lo", "eth0", "eth1", "vrrp.51"];
  const virtual = use({ interfaces: names, virtualMacs: [{ device: "vrrp.51", lower: "eth0" }] });
  const settings = (changes: Readonly<Record<string, string>> = {}): ObservedSysctls =>
    booted({
      ...Object.fromEntries(
        ["all", "eth0", "vrrp.51"].flatMap((name) =>
          ["arp_ignore", "arp_announce", "rp_filter"].map((setting) => [
            `net/ipv4/conf/${name}/${setting}`,
            "0",
          ]),
        ),
      ),
      "net/ipv6/conf/vrrp.51/accept_ra": "1",
      ...changes,
    });

  it("keeps it and the one below apart in ARP, and learns no addresses", () => {
    const { changes } = planSysctls(virtual, settings());
    assert.deepEqual(assignments(changes), [
      "net.ipv4.conf.vrrp/51.arp_ignore 0>1",
      "net.ipv4.conf.vrrp/51.arp_announce 0>2",
      "net.ipv4.conf.eth0.arp_ignore 0>1",
      "net.ipv4.conf.eth0.arp_announce 0>2",
      "net.ipv6.conf.vrrp/51.accept_ra 1>0",
    ]);
    assert.deepEqual(planSysctls(virtual, applied(settings(), changes)).changes, []);
  });

  it("leaves alone what is strict enough, be it by `all`", () => {
    const strict = settings({
      ...{ "net/ipv4/conf/all/arp_ignore": "2", "net/ipv4/conf/all/arp_announce": "2" },
      "net/ipv6/conf/vrrp.51/accept_ra": "0",
    });
    assert.deepEqual(planSysctls(virtual, strict).changes, []);
  });

  it("makes the strict reverse path filter a loose one there, and no other", () => {
    const paths = (changes: Readonly<Record<string, string>>): readonly string[] =>
      assignments(planSysctls(virtual, settings(changes)).changes).filter((text) =>
        text.includes("rp_filter"),
      );
    assert.deepEqual(paths({ "net/ipv4/conf/all/rp_filter": "1" }), ["net.ipv4.conf.vrrp/51.rp_filter 0>2"]);
    assert.deepEqual(paths({ "net/ipv4/conf/all/rp_filter": "2" }), []);
    assert.deepEqual(paths({ "net/ipv4/conf/eth0/rp_filter": "1" }), []);
  });

  it("gets no settings before it is there", () => {
    const early = use({ virtualMacs: virtual.virtualMacs });
    assert.deepEqual(planSysctls(early, settings()).changes, []);
  });
});
