/** A bed of speakers behind a real router, which all tests of a file share. */
import type { SpeakerStatus } from "#api/speaker";
import { pool } from "../controller.ts";
import { type LabRouter, NODES_ASN, ROUTER_ADDRESS, ROUTER_ASN, resource, startRouter } from "./router.ts";
import { type SpeakerBed, sharedSpeakerBed } from "./speaker-bed.ts";

/** Its nodes. */
export const NODES = ["n1", "n2", "n3"];

export type RoutedBed = SpeakerBed & { readonly router: LabRouter };

/** The bed with a router, a peer of all nodes with BFD and graceful restart, and pods of `near` on every node. */
const openRouter = async ({ cluster }: SpeakerBed): Promise<LabRouter> => {
  const { plane } = cluster;
  const router = await startRouter(cluster);
  await plane.apply(pool("routed", ["203.0.113.0/24", "fd0b::/120"]));
  await plane.apply(
    resource("BFDProfile", "fast", { receiveInterval: 100, transmitInterval: 100, detectMultiplier: 5 }),
  );
  await plane.apply(
    resource(
      "BGPPeer",
      "router",
      {
        ...{ myASN: NODES_ASN, peerASN: ROUTER_ASN, peerAddress: ROUTER_ADDRESS },
        ...{ enableGracefulRestart: true, dualStackAddressFamily: true, bfdProfile: "fast" },
      },
      "v1beta2",
    ),
  );
  await plane.apply(resource("BGPAdvertisement", "routed", { ipAddressPools: ["routed"] }));
  await Promise.all(["n1", "n2"].map((node) => cluster.pods.start("near", node)));
  await cluster.pods.start("near", "n3");
  for (const node of NODES) await router.established(node);
  return router;
};

/** What a speaker says of the router. */
export const peerOf = (status: SpeakerStatus) => status.bgp.peers.find(({ name }) => name === "router");

/** Opens it with the first test. */
export const routedBed = () => {
  const inSpeakerBed = sharedSpeakerBed({ nodes: 3 });
  let started: LabRouter | undefined;
  let made = 0;
  const ordinal = (): number => {
    made += 1;
    return made;
  };
  return {
    /** A number that no address of this bed has had. */
    ordinal,
    inBed:
      (test: (bed: RoutedBed) => Promise<void>): ReturnType<typeof inSpeakerBed> =>
      (context) =>
        inSpeakerBed(async (bed) => {
          started ??= await openRouter(bed);
          await test({ ...bed, router: started });
        })(context),
    /** A Service of the pods on every node, at addresses that only routers lead to. */
    routed: async ({ cluster }: SpeakerBed, policy: "Cluster" | "Local") => {
      const number = ordinal();
      const at = [`203.0.113.${number}`, `fd0b::${number}`] as const;
      const service = await cluster.service({ name: `routed-${number}`, app: "near", addresses: at, policy });
      return { ...service, at };
    },
  };
};
