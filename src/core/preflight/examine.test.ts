import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { type MacAddress, parseMac } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { examine } from "./examine.ts";
import type { Facts, Heard, LinkFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { segmentNotes } from "./segment.ts";

const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);
const network = (text: string) => parseInterfaceAddress(text) ?? assert.fail(text);
const mac = (text: string): MacAddress => parseMac(text) ?? assert.fail(text);

const LINK: LinkFacts = {
  ...{ name: "eth0", kind: undefined, isUp: true, hasCarrier: true, master: undefined, speaksArp: true },
  addresses: [network("192.0.2.1/24"), network("2001:db8::1/64")],
  settings: { arpIgnore: 0, ipv6Disabled: false },
};

const PEER = mac("02:00:00:00:00:02");
const STRANGER = mac("02:00:00:00:00:99");

/** A host on which nothing is in the way. */
const WELL: Facts = {
  wanted: {
    ...{
      addresses: [network("192.0.2.10/24")],
      interface: "eth0",
      vrid: 53,
      port: 6443,
      priority: undefined,
    },
    ...{ peers: ["192.0.2.1", "192.0.2.2"].map(address), caFile: "/ca.crt", balance: false },
  },
  ...{ links: [LINK], bound: [], claims: [], silentPeers: [], heard: [], programs: [] },
  firewall: { vrrp: [], api: [], through: [], manager: undefined },
  notForwarding: [],
  ...{ listener: "free", check: undefined, ca: { state: "readable" }, hasNft: true },
  ...{ clock: "synchronized", missingCapabilities: [] },
};

const HEARD: Heard = {
  ...{ family: "IPv4", vrid: 53, version: 3, priority: 250, source: address("192.0.2.2"), mac: PEER },
  ...{ addresses: [address("192.0.2.10")], delivered: true },
};

const found = (change: Partial<Facts>): readonly Finding[] => examine({ ...WELL, ...change });
const codes = (change: Partial<Facts>): readonly string[] => found(change).map(({ code }) => code);
const link = (change: Partial<LinkFacts>): Partial<Facts> => ({ links: [{ ...LINK, ...change }] });
const wanted = (change: Partial<Facts["wanted"]>): Partial<Facts> => ({
  wanted: { ...WELL.wanted, ...change },
});

const PLACE = { family: "inet", table: "filter", chain: "input", by: "its policy" };
const DROPPED = { type: "dropped", place: PLACE, base: PLACE } as const;

describe("a host on which nothing is in the way", () => {
  it("has no finding", () => {
    assert.deepEqual(found({}), []);
  });
  it("has none either where nothing could be looked at", () => {
    const unknown = Object.fromEntries(Object.keys(WELL).map((key) => [key, undefined]));
    assert.deepEqual(found({ ...unknown, wanted: WELL.wanted, missingCapabilities: [] }), []);
  });
});

describe("every fault of an interface", () => {
  it("has its finding", () => {
    assert.deepEqual(codes({ links: [] }), ["interface-missing"]);
    assert.deepEqual(codes(link({ isUp: false, hasCarrier: false })), ["interface-down"]);
    assert.deepEqual(codes(link({ hasCarrier: false })), ["interface-no-carrier"]);
    assert.deepEqual(codes(link({ master: "bond0" })), ["interface-enslaved"]);
    assert.deepEqual(codes(link({ speaksArp: false })), ["interface-no-arp"]);
    assert.deepEqual(codes(link({ kind: "wireless" })), ["interface-wireless"]);
    assert.deepEqual(codes(link({ addresses: [network("10.0.0.1/8")] })), ["address-outside"]);
    assert.deepEqual(codes(link({ settings: { arpIgnore: 8, ipv6Disabled: true } })), ["arp-ignored"]);
    for (const arpIgnore of [0, 1, 2, 3, 4, 7])
      assert.deepEqual(codes(link({ settings: { arpIgnore, ipv6Disabled: true } })), [], `${arpIgnore}`);
    const both = [network("192.0.2.10/24"), network("2001:db8::10/64")];
    assert.deepEqual(
      codes({ ...link({ settings: { arpIgnore: 2, ipv6Disabled: true } }), ...wanted({ addresses: both }) }),
      ["ipv6-disabled"],
    );
  });
  it("names the interface that would do when there is only one", () => {
    const [finding] = found(wanted({ interface: "eth9" }));
    assert.equal(finding?.remedy, "--interface eth0");
  });
});

describe("who else is on the segment", () => {
  const claim = { address: address("192.0.2.10"), mac: STRANGER, others: [] };

  it("is a finding where a stranger has the address, and none where the host that advertises it has", () => {
    assert.deepEqual(codes({ claims: [claim] }), ["address-taken"]);
    assert.deepEqual(codes({ claims: [{ ...claim, mac: PEER }], heard: [HEARD] }), []);
    assert.deepEqual(segmentNotes({ ...WELL, heard: [HEARD] }), [
      "192.0.2.2 holds 192.0.2.10 now, with priority 250",
    ]);
  });
  it("is a finding where the address is at another MAC address than the host that advertises it", () => {
    assert.deepEqual(codes({ claims: [claim], heard: [HEARD] }), ["address-taken"]);
  });
  it("is named by what else it has", () => {
    const [finding] = found({ claims: [{ ...claim, others: [address("192.0.2.2")] }] });
    assert.match(finding?.message ?? "", /192\.0\.2\.2 is one of the peers/);
  });
  it("is a finding where the identifier is a stranger's, or a peer is told otherwise", () => {
    const stranger = { ...HEARD, source: address("192.0.2.99"), mac: STRANGER };
    assert.deepEqual(codes({ heard: [stranger] }), ["vrid-taken"]);
    assert.deepEqual(codes({ heard: [{ ...stranger, vrid: 54 }] }), []);
    assert.deepEqual(codes({ heard: [{ ...HEARD, addresses: [address("192.0.2.11")] }] }), ["peer-differs"]);
    assert.deepEqual(codes({ heard: [{ ...HEARD, version: 2 }] }), ["vrrp-version"]);
    const taken = [stranger, { ...stranger, vrid: 54 }, { ...stranger, vrid: 55 }];
    assert.match(found({ heard: taken })[0]?.remedy ?? "", /--vrid 56$/);
  });
  it("is no finding in another family, whose identifiers are others", () => {
    const other = { ...HEARD, family: "IPv6", source: address("fe80::99") } as const;
    assert.deepEqual(codes({ heard: [other] }), []);
  });
  it("is a finding where the address is here already, unless we have bound it", () => {
    const bound = { address: address("192.0.2.10"), link: "lo", isOurs: false };
    assert.deepEqual(codes({ bound: [bound] }), ["address-here"]);
    assert.deepEqual(codes({ bound: [{ ...bound, isOurs: true }] }), []);
    assert.deepEqual(codes({ silentPeers: [address("192.0.2.2")] }), ["peer-silent"]);
  });
});

describe("hosts that list no peers", () => {
  const wide: Partial<LinkFacts> = { addresses: [network("192.0.2.1/20"), network("2001:db8::1/64")] };
  it("may have the same priority in a network that is wider than their ends tell apart", () => {
    assert.deepEqual(codes({ ...link(wide), ...wanted({ peers: [] }) }), ["peers-unlisted"]);
    assert.deepEqual(
      codes({ ...link({}), ...wanted({ peers: [], addresses: [network("2001:db8::10/64")] }) }),
      ["peers-unlisted"],
    );
  });
  it("have none of their own in common in a /24, or by --peers, or by --priority", () => {
    assert.deepEqual(codes(wanted({ peers: [] })), []);
    assert.deepEqual(codes(link(wide)), []);
    assert.deepEqual(codes({ ...link(wide), ...wanted({ peers: [], priority: 100 }) }), []);
  });
});

describe("the firewall", () => {
  const vrrp = [{ family: "IPv4", source: address("192.0.2.2"), answer: DROPPED }] as const;

  it("is believed where it drops, and where what arrives does not come up it is no matter why", () => {
    assert.deepEqual(codes({ firewall: { vrrp, api: [], through: [], manager: undefined } }), [
      "vrrp-filtered",
    ]);
    assert.deepEqual(codes({ heard: [{ ...HEARD, delivered: false }] }), ["vrrp-filtered"]);
    const unknown = [{ ...vrrp[0], answer: { type: "unknown", place: PLACE } }] as const;
    assert.deepEqual(codes({ firewall: { vrrp: unknown, api: [], through: [], manager: undefined } }), []);
  });
  it("is opened by the commands of who writes its rules", () => {
    const remedy = (manager: "ufw" | "firewalld" | undefined) =>
      found({ firewall: { vrrp, api: [], through: [], manager } })[0]?.remedy ?? "";
    assert.match(
      remedy(undefined),
      /^nft insert rule inet filter input iifname "eth0" meta l4proto 112 accept,/,
    );
    assert.match(remedy("ufw"), /^ufw allow in on eth0 proto vrrp/);
    assert.match(
      remedy("firewalld"),
      /^firewall-cmd --permanent --add-protocol=vrrp && firewall-cmd --reload/,
    );
  });
  it("may keep clients out", () => {
    const api = [{ family: "IPv4", answer: DROPPED }] as const;
    assert.deepEqual(codes({ firewall: { vrrp: [], api, through: [], manager: undefined } }), [
      "api-filtered",
    ]);
  });
  it("lets nothing through to other hosts, which only --balance needs", () => {
    const through = [{ family: "IPv4", answer: DROPPED }] as const;
    const firewall = { vrrp: [], api: [], through, manager: undefined };
    const [finding] = found({ firewall, ...wanted({ balance: true }) });
    assert.equal(finding?.code, "balance-filtered");
    assert.match(
      finding?.remedy ?? "",
      /^nft insert rule inet filter input iifname "eth0" oifname "eth0" ct status dnat accept,/,
    );
    const ufw = found({ firewall: { ...firewall, manager: "ufw" } })[0]?.remedy;
    assert.match(ufw ?? "", /^ufw route allow in on eth0 out on eth0 proto tcp/);
  });
});

describe("the machine itself", () => {
  const listener = { program: "kube-apiserver", words: [], addresses: [address("0.0.0.0")] };
  const refused = { ok: false, detail: "refused", asked: "GET /livez" };

  it("has an API server that clients reach, or none yet", () => {
    assert.deepEqual(codes({ listener, check: { ...refused, ok: true } }), []);
    assert.deepEqual(codes({ listener, check: refused }), ["api-server-answers"]);
    assert.deepEqual(codes({ listener: { ...listener, program: "nginx" }, check: refused }), [
      "api-server-port-taken",
    ]);
    const bound = { ...listener, addresses: [address("127.0.0.1")] };
    assert.deepEqual(codes({ listener: bound, check: { ...refused, ok: true } }), ["api-server-bound"]);
    // Then connections end at the hosts' own addresses.
    assert.deepEqual(
      codes({ listener: bound, check: { ...refused, ok: true }, ...wanted({ balance: true }) }),
      [],
    );
  });
  it("has the file of the authority, the programs and the rights that it needs", () => {
    assert.deepEqual(
      found({ ca: { state: "absent" } }).map(({ code, severity }) => `${severity} ${code}`),
      ["warning ca-file"],
    );
    for (const ca of [
      { state: "no-certificate" },
      { state: "closed", at: "/root" },
      { state: "expired", until: "yesterday" },
    ] as const)
      assert.deepEqual(codes({ ca }), ["ca-file"]);
    assert.deepEqual(codes({ programs: [{ name: "keepalived", seen: "process 1" }] }), ["other-program"]);
    assert.deepEqual(codes({ hasNft: false, ...wanted({ balance: true }) }), ["balance-nft"]);
    assert.deepEqual(codes({ clock: "unsynchronized" }), ["clock"]);
    assert.deepEqual(codes({ missingCapabilities: ["CAP_NET_RAW"] }), ["capabilities"]);
  });
  it("shows errors first", () => {
    const all = found({ clock: "unsynchronized", ca: { state: "no-certificate" } });
    assert.deepEqual(
      all.map(({ severity }) => severity),
      ["error", "warning"],
    );
  });
});
