/** The link bandwidth that a node says, as a real router weighs it: in its kernel. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AT, until } from "./bfd-bed.ts";
import { ASN, type BgpBed, inBgpBed, peerAt, routeTo } from "./bgp-bed.ts";
import { startFrrDaemons } from "./frr-daemons.ts";

const ROUTER = "10.2.0.1";
const PREFIX = "192.0.2.128/25";

/** FRR on `rt`, which takes several next hops and weighs them as they say, as it does unless it is told otherwise. */
const startRouter = async ({ lab, remember }: BgpBed): Promise<void> => {
  const frr = await startFrrDaemons(lab, "rt", remember);
  await frr.load(
    [
      `router bgp ${ASN.theirs}`,
      ` bgp router-id ${ROUTER}`,
      " no bgp ebgp-requires-policy",
      ...[AT.e1.IPv4, AT.e2.IPv4].map((node) => ` neighbor ${node} remote-as ${ASN.ours}`),
      " address-family ipv4 unicast",
      "  maximum-paths 16",
      " exit-address-family",
      "exit",
      "",
    ].join("\n"),
  );
};

/** Next hops of the route in the router's kernel, and the weight of each. */
const weightsIn = async ({ lab }: BgpBed): Promise<Readonly<Record<string, number>>> => {
  const text = await lab.host("rt").expect(["ip", "-4", "route", "show", PREFIX]);
  const hops = [...text.matchAll(/via (\S+) .*?(?:weight (\d+))?\s*$/gm)];
  return Object.fromEntries(hops.map(([, hop = "", weight = "1"]) => [hop, Number(weight)]));
};

const ratio = (weights: Readonly<Record<string, number>>): number =>
  (weights[AT.e1.IPv4] ?? 0) / (weights[AT.e2.IPv4] ?? Number.NaN);

describe("link bandwidth that nodes say, and FRR", () => {
  it("makes a node with three pods weigh three times one with one in the router's kernel, and the same once both have as many", (context) =>
    inBgpBed(context, async (bed) => {
      await startRouter(bed);
      // What a speaker says of so many pods is a multiple of the same share.
      const routeOf = (pods: number) => routeTo(PREFIX, { linkBandwidth: pods * 1_000_000 });
      const peer = peerAt(ROUTER);
      const first = await bed.station([peer], [routeOf(3)]);
      await bed.station(
        [{ ...peer, routerId: AT.e2.IPv4 as typeof peer.routerId }],
        [routeOf(1)],
        "fresh",
        "e2",
      );
      const weights = await until(
        () => weightsIn(bed),
        (found) => Object.keys(found).length === 2 && Math.abs(ratio(found) - 3) < 0.2,
        bed.patience,
      );
      context.diagnostic(JSON.stringify(weights));
      await first.order({ order: "route", changes: { changed: [routeOf(1)], removed: [] } });
      await until(
        () => weightsIn(bed),
        (found) => Object.keys(found).length === 2 && ratio(found) === 1,
        bed.patience,
      );
      assert.equal((await first.peer()).ups, 1);
    }));
});
