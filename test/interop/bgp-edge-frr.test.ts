/** Two active edges behind an FRR that spreads over both by BGP, as behind BIRD (`bgp-edge.test.ts`). */
import { describe, it } from "node:test";
import { type Bed, inBed } from "#test/kernel/edge-bed";
import { edgeConfig, HOPS, isWatched, type Router, routerOn, startEdges } from "./bgp-edge-bed.ts";
import { downloadsOutliveSilence, replacedUnnoticed, startBackends, TOPOLOGY } from "./bgp-edge-users.ts";
import { startFrrDaemons } from "./frr-daemons.ts";

const FRR = [
  "router bgp 64500",
  " bgp router-id 10.2.0.1",
  " no bgp ebgp-requires-policy",
  ...HOPS.both.flatMap((address) => [
    ` neighbor ${address} remote-as 64510`,
    ` neighbor ${address} password correct-horse`,
    ` neighbor ${address} timers 3 9`,
    ` neighbor ${address} timers connect 2`,
    ` neighbor ${address} bfd`,
  ]),
  " address-family ipv4 unicast",
  "  maximum-paths 8",
  ...HOPS.both.map((address) => `  neighbor ${address} activate`),
  " exit-address-family",
  "exit",
  "",
].join("\n");

/** FRR on the router, and servers on the nodes. */
const startAround = async (bed: Bed): Promise<Router> => {
  const { lab } = bed;
  const frr = await startFrrDaemons(lab, "rt", () => {});
  await frr.load(FRR);
  await startBackends(bed);
  return routerOn(lab.host("rt"), (...words) => frr.vtysh(words.join(" ")));
};

describe("two edges that announce by BGP to FRR", () => {
  it("share flows, and one that goes silent loses none in direct server return", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const router = await startAround(bed);
      await startEdges(bed, edgeConfig({ mode: "dsr" }));
      await router.sendsTo(HOPS.both, 20_000);
      await downloadsOutliveSilence(context, bed, router);
    }));

  it("are replaced one after the other under graceful restart and BFD (RFC 4724, RFC 5882): FRR goes on sending to both, and no request is lost", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const { e1, e2 } = bed;
      const router = await startAround(bed);
      const text = edgeConfig({ mode: "masquerade" }, [], { enableGracefulRestart: true });
      const program = await startEdges(bed, text);
      await router.sendsTo(HOPS.both, 20_000);
      await Promise.all([e1, e2].map((edge) => isWatched(edge)));
      await replacedUnnoticed(bed, router, [
        { edge: e1, text, program },
        { edge: e2, text },
      ]);
    }));
});
