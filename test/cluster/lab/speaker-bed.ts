/**
 * A cluster in the lab with a speaker on every node, for all tests of a file.
 *
 *     const inBed = sharedSpeakerBed({ nodes: 4 });
 *     it("...", inBed(async (bed) => {
 *       const web = await bed.service({ order: ["n1", "n2"] });
 *       await bed.cluster.node("n1").kill();
 *       await bed.witness.believes("n2", web.addresses);
 *     }));
 *
 * A pool has most of the free addresses of the LAN, its L2Advertisement all nodes, and the last node has a pod of the app `web`, on which
 * faults of other nodes have no influence. Each test makes Services of its own, at addresses for which MetalLB's order of the nodes is
 * the one that it wants.
 */
import { createHash } from "node:crypto";
import { after, before, type TestContext } from "node:test";
import { NAMESPACE, pool } from "../controller.ts";
import { type LabCluster, type LabClusterOptions, openLabCluster } from "./bed.ts";
import type { LabService, LabServiceOptions } from "./services.ts";
import { type Speakers, type SpeakersOptions, startSpeakers } from "./speaker.ts";
import { installSpeaker } from "./speaker-rights.ts";
import { openWitness, type Witness } from "./witness.ts";

export type SpeakerBedOptions = LabClusterOptions &
  Pick<SpeakersOptions, "args" | "program" | "readyWithinMs">;

export type OrderedService = LabService & {
  /** IPv4 and IPv6. */
  readonly at: readonly [string, string];
};

export type SpeakerBed = {
  readonly cluster: LabCluster;
  readonly speakers: Speakers;
  readonly witness: Witness;
  /** Makes a dual-stack Service of the pods of `web` for which these nodes are the first, in this order. */
  service(
    options: { readonly order: readonly string[] } & Partial<LabServiceOptions>,
  ): Promise<OrderedService>;
  close(): Promise<void>;
};

/** An L2Advertisement as it is applied. */
export const advertisement = (name: string, spec: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    apiVersion: "metallb.io/v1beta1",
    kind: "L2Advertisement",
    metadata: { name, namespace: NAMESPACE },
    spec,
  });

const digest = (node: string, address: string): string =>
  createHash("sha256").update(`${node}#${address}`).digest("hex");

/** The nodes in the order in which MetalLB elects them for an address. */
export const electionOrder = (nodes: readonly string[], address: string): readonly string[] =>
  [...nodes].sort((left, right) => (digest(left, address) < digest(right, address) ? -1 : 1));

/** Addresses of the LAN that are given once each. */
const openAddresses = (nodes: readonly string[]) => {
  const free = Array.from({ length: 100 }, (_, index) => `10.2.0.${100 + index}`);
  return (order: readonly string[]): readonly [string, string] => {
    const index = free.findIndex((each) => {
      const elected = electionOrder(nodes, each);
      return order.every((node, place) => elected[place] === node);
    });
    const [found] = index < 0 ? [] : free.splice(index, 1);
    if (found === undefined) throw new Error(`no address is left whose order begins with ${order}`);
    return [found, `fd02::${found.split(".")[3]}`];
  };
};

/** Builds it; it is there after about fifteen seconds. */
export const openSpeakerBed = async (options: SpeakerBedOptions = {}): Promise<SpeakerBed> => {
  const { args = [], program, readyWithinMs, ...wishes } = options;
  const cluster = await openLabCluster({ minSyncMs: 100, ...wishes });
  try {
    const names = cluster.nodes.map(({ name }) => name);
    const access = await installSpeaker(cluster);
    await cluster.plane.apply(pool("lan", ["10.2.0.100-10.2.0.199", "fd02::100-fd02::1ff"]));
    await cluster.plane.apply(advertisement("lan", { ipAddressPools: ["lan"] }));
    await cluster.pods.start("web", names.at(-1) ?? "");
    const speakers = await startSpeakers(cluster, {
      access,
      args,
      ...(program === undefined ? {} : { program }),
      ...(readyWithinMs === undefined ? {} : { readyWithinMs }),
    });
    const witness = await openWitness(cluster);
    const take = openAddresses(names);
    let services = 0;
    return {
      ...{ cluster, speakers, witness },
      service: async ({ order, ...rest }) => {
        services += 1;
        const at = take(order);
        const name = `web-${services}`;
        const service = await cluster.service({ name, app: "web", addresses: at, ...rest });
        return { ...service, at };
      },
      close: async () => {
        access.api.close();
        await cluster.close();
      },
    };
  } catch (error) {
    await cluster.close();
    throw error;
  }
};

/** A test in the bed that it is given. */
export type SpeakerBedTest = (bed: SpeakerBed, context: TestContext) => Promise<void>;

/** One bed for all tests of a file; gives what makes a function a test in it. */
export const sharedSpeakerBed = (
  options: SpeakerBedOptions = {},
): ((test: SpeakerBedTest) => (context: TestContext) => Promise<void>) => {
  let bed: SpeakerBed | undefined;
  before(async () => {
    bed = await openSpeakerBed(options);
  });
  after(() => bed?.close());
  return (test) => async (context) => {
    if (bed === undefined) throw new Error("there is no bed");
    try {
      await test(bed, context);
    } catch (error) {
      context.diagnostic(bed.speakers.lastWords(40));
      throw error;
    }
  };
};
