/** Fields of a BGPPeer as a real router sees them: each peer is planned from its resource, as a speaker does it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "#base/address";
import type { PeerWord } from "#core/bgp/desired";
import { planOf, peer as resource } from "#core/bgp-peers/test-peers";
import { AT, until } from "./bfd-bed.ts";
import { ASN, inBgpBed, routeTo } from "./bgp-bed.ts";
import { startFrr } from "./bgp-frr.ts";

const PREFIX = "192.0.2.128/25";

/** What a speaker on `e1` makes of a BGPPeer for the router `e2`. */
const planned = (spec: Readonly<Record<string, unknown>>): PeerWord => {
  const common = { myASN: ASN.ours, peerASN: ASN.theirs, peerAddress: AT.e2.IPv4 };
  const times = { holdTime: "9s", keepaliveTime: "3s", connectTime: "1s" };
  const internalIps = [parseAddress(AT.e1.IPv4) ?? assert.fail()];
  const { peers, refused } = planOf([resource("peer", { ...common, ...times, ...spec })], {
    node: { name: "node-a", labels: {}, internalIps },
  });
  assert.deepEqual(refused, []);
  return peers[0]?.word ?? assert.fail("there is no peer");
};

describe("a field of a BGPPeer, with FRR as the router", () => {
  it("localASN: the router knows that number, and the path has it alone", (context) =>
    inBgpBed(context, async (bed) => {
      const frr = await startFrr(bed, { asn: 65_010 });
      await bed.station([planned({ localASN: 65_010 })], [routeTo(PREFIX)]);
      const path = await until(
        () => frr.path("ipv4", PREFIX),
        (found) => found !== undefined,
        bed.patience,
      );
      assert.equal(path?.aspath?.string, "65010");
      assert.equal((await frr.neighbor(AT.e1.IPv4)).remoteAs, 65_010);
    }));

  for (const [dynamicASN, local] of [
    ["external", ASN.theirs],
    ["internal", ASN.ours],
  ] as const)
    it(`dynamicASN: ${dynamicASN} takes such a router without its number`, (context) =>
      inBgpBed(context, async (bed) => {
        const frr = await startFrr(bed, { local });
        const station = await bed.station([planned({ peerASN: undefined, dynamicASN })], [routeTo(PREFIX)]);
        const { session } = await station.is("established");
        assert.deepEqual([session?.negotiated.peerAsn, session?.negotiated.kind], [local, dynamicASN]);
        const path = await until(
          () => frr.path("ipv4", PREFIX),
          (found) => found !== undefined,
          bed.patience,
        );
        // FRR's word for an empty path.
        assert.equal(path?.aspath?.string, dynamicASN === "external" ? `${ASN.ours}` : "Local");
      }));

  for (const [dynamicASN, local] of [
    ["external", ASN.ours],
    ["internal", ASN.theirs],
  ] as const)
    it(`dynamicASN: ${dynamicASN} refuses a router that is not, and tells it why`, (context) =>
      inBgpBed(context, async (bed) => {
        const frr = await startFrr(bed, { local });
        const station = await bed.station([planned({ peerASN: undefined, dynamicASN })], [routeTo(PREFIX)]);
        await until(
          () => frr.neighbor(AT.e1.IPv4),
          ({ lastNotificationReason }) => /Bad Peer AS/i.test(lastNotificationReason ?? ""),
          bed.patience,
        );
        const { ups } = await station.peer();
        assert.equal(ups, 0);
      }));

  it("disableMP: a router that knows no capabilities gets an OPEN without families, and IPv4 routes", (context) =>
    inBgpBed(context, async (bed) => {
      // Numbers of four octets are a capability, too.
      const frr = await startFrr(bed, { local: 65_002, lines: ["dont-capability-negotiate"] });
      const word = planned({ disableMP: true, peerASN: 65_002 });
      const station = await bed.station([word], [routeTo(PREFIX), routeTo("2001:db8:5::/48")]);
      const { session } = await station.is("established");
      assert.deepEqual(session?.negotiated.families, ["IPv4"]);
      await until(
        () => frr.path("ipv4", PREFIX),
        (found) => found?.valid === true,
        bed.patience,
      );
      assert.equal(await frr.count("ipv6"), 0);
      const { neighborCapabilities = {} } = await frr.neighbor(AT.e1.IPv4);
      const { multiprotocolExtensions = {} } = neighborCapabilities;
      assert.doesNotMatch(JSON.stringify(multiprotocolExtensions), /eceived/);
      const leftOut = station.observed().flatMap((each) => (each.type === "left-out" ? each.leftOut : []));
      assert.deepEqual(
        leftOut.map(({ reason, family }) => [reason, family]),
        [["family-not-spoken", "IPv6"]],
      );
    }));

  it("routerID: the router is told this identifier, and else the node's address", (context) =>
    inBgpBed(context, async (bed) => {
      const frr = await startFrr(bed);
      const station = await bed.station([planned({ routerID: "10.9.9.9" })], [routeTo(PREFIX)]);
      await station.is("established");
      assert.equal((await frr.neighbor(AT.e1.IPv4)).remoteRouterId, "10.9.9.9");
      await station.order({ order: "peers", peers: [planned({})] });
      await until(
        () => frr.neighbor(AT.e1.IPv4),
        ({ remoteRouterId, bgpState }) => remoteRouterId === AT.e1.IPv4 && bgpState === "Established",
        bed.patience,
      );
    }));
});
