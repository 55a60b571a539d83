/**
 * That the address of a node that fails is at another one soon, at exactly one, and stays there when the first is back.
 *
 * What is asserted is what others see: the datagrams of a client, its neighbour table, the answers that it gets when it asks, and
 * the switch's table. Bounds of time are three times those that the design states.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { toMillis } from "#base/time";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { boundsOf } from "#core/ownership/timing";
import { eventually } from "../eventually.ts";
import { outagesDuring } from "./outage.ts";
import { type OrderedService, type SpeakerBed, sharedSpeakerBed } from "./speaker-bed.ts";
import { announcedBy } from "./speaker-status.ts";

const inBed = sharedSpeakerBed({ nodes: 4 });

/** In milliseconds. */
const LONGEST_OUTAGE = 3 * toMillis(boundsOf(DEFAULT_OWNERSHIP).takeOver.latest);
/** How long a node that is back is watched for anything that it says: longer than any question that it asks itself. */
const WATCHED_MS = 2_500;

type Fault = {
  /** What a sentence says of the node. */
  readonly is: string;
  readonly happens: (bed: SpeakerBed, node: string) => Promise<void>;
  readonly ends: (bed: SpeakerBed, node: string) => Promise<void>;
};

/** Everybody hears it again in one moment: whom its gateway alone has heard for a while goes on, as it should. */
const restore: Fault["ends"] = ({ cluster }, node) => cluster.lab.fault({ type: "restore", host: node });

const FAULTS: readonly Fault[] = [
  {
    is: "without power",
    happens: ({ cluster }, node) => cluster.node(node).kill(),
    ends: async ({ cluster, speakers }, node) => {
      await cluster.node(node).restart();
      await speakers.on(node).start();
    },
  },
  {
    is: "that stands still",
    happens: ({ cluster }, node) => cluster.node(node).freeze(),
    ends: ({ cluster }, node) => cluster.node(node).thaw(),
  },
  {
    is: "whose cable is pulled",
    happens: ({ cluster }, node) => cluster.node(node).linkDown(),
    ends: ({ cluster }, node) => cluster.node(node).linkUp(),
  },
  {
    is: "that is cut off from everybody",
    happens: ({ cluster }, node) => cluster.node(node).partition(),
    ends: restore,
  },
  {
    is: "that only users still reach",
    happens: ({ cluster }, node) => cluster.node(node).partition(othersThanUsers(node)),
    ends: restore,
  },
  {
    is: "that only hears",
    happens: ({ cluster }, node) => cluster.lab.fault({ type: "loss", from: node, percent: 100 }),
    ends: restore,
  },
  {
    is: "that nobody reaches, but that is heard",
    happens: ({ cluster }, node) => cluster.lab.fault({ type: "loss", to: node, percent: 100 }),
    ends: restore,
  },
  {
    is: "whose speaker is killed",
    happens: ({ speakers }, node) => speakers.on(node).stop("SIGKILL"),
    ends: ({ speakers }, node) => speakers.on(node).start(),
  },
  {
    is: "whose speaker stands still",
    happens: ({ speakers }, node) => speakers.on(node).freeze(),
    ends: ({ speakers }, node) => speakers.on(node).thaw(),
  },
];

const othersThanUsers = (node: string): readonly string[] =>
  ["n1", "n2", "n3", "n4", "gw"].filter((name) => name !== node);

/** Two nodes, the first of which fails; all three in turn, so that the others have long been well. */
const pairOf = (index: number): readonly [string, string] => {
  const name = (n: number): string => `n${(n % 3) + 1}`;
  return [name(index), name(index + 1)];
};

/** A Service that the first of these nodes holds, as its users see it. */
const held = async (bed: SpeakerBed, order: readonly [string, ...string[]]): Promise<OrderedService> => {
  await bed.speakers.acquainted();
  const service = await bed.service({ order });
  await bed.witness.held(order[0], service.at);
  return service;
};

/** Nobody but this node says anything of these addresses for a while. */
const staysAt = async (
  { cluster, witness }: SpeakerBed,
  node: string,
  at: readonly string[],
  since: number,
) => {
  await pause(Math.max(0, since + WATCHED_MS - Date.now()));
  for (const { name } of cluster.nodes)
    if (name !== node)
      for (const address of at)
        assert.deepEqual(witness.said(name, address, since), [], `${name} spoke of ${address}`);
  await witness.agreesOn(node, at);
};

describe("the address of a node", () => {
  for (const [index, { is, happens, ends }] of FAULTS.entries())
    it(
      `${is} is at the next one soon, and stays there when the first is back`,
      inBed(async (bed) => {
        const [first, next] = pairOf(index);
        const { at, delete: remove } = await held(bed, [first, next]);
        const outages = await outagesDuring(bed.cluster.client, at, async () => {
          await happens(bed, first);
          await bed.witness.believes(next, at);
        });
        for (const { address, longestMs } of outages)
          assert(longestMs <= LONGEST_OUTAGE, `${address}: ${longestMs} ms of ${LONGEST_OUTAGE}`);
        await bed.witness.agreesOn(next, at);
        const since = Date.now();
        await ends(bed, first);
        await staysAt(bed, next, at, since);
        await remove();
      }),
    );

  it(
    "that one other does not hear is at one of them alone in the end",
    inBed(async (bed) => {
      const { at, delete: remove } = await held(bed, ["n1", "n2"]);
      const { lab } = bed.cluster;
      await lab.fault({ type: "loss", from: "n1", to: "n2", percent: 100 });
      await pause(WATCHED_MS);
      const answering = await bed.witness.answering(at[0]);
      assert.equal(answering.length, 1, answering.join());
      await bed.witness.agreesOn(answering[0] ?? "", at);
      await lab.fault({ type: "loss", from: "n1", to: "n2", percent: 0 });
      await staysAt(bed, answering[0] ?? "", at, Date.now());
      await remove();
    }),
  );

  it(
    "whose agent dies stays where it is, loses nothing, and the next agent goes on",
    inBed(async (bed) => {
      const { at, delete: remove } = await held(bed, ["n2", "n3"]);
      const agent = async (): Promise<number | undefined> =>
        (
          await bed.speakers
            .on("n2")
            .status()
            .catch(() => undefined)
        )?.agent.pid;
      const before = await agent();
      const since = Date.now();
      const outages = await outagesDuring(bed.cluster.client, at, async () => {
        await bed.speakers.on("n2").signal("agent", "SIGKILL");
        await eventually("another agent", 20_000, async () => {
          const now = await agent();
          return now !== undefined && now !== before ? true : undefined;
        });
      });
      assert.deepEqual(
        outages.map(({ lost }) => lost),
        [0, 0],
      );
      await staysAt(bed, "n2", at, since);
      const another = await held(bed, ["n2", "n3"]);
      await another.delete();
      await remove();
    }),
  );
});

describe("while the API server is away", () => {
  it(
    "addresses of nodes without power move all the same, also to a speaker that has started meanwhile, and then only what is written",
    inBed(async (bed) => {
      const { cluster, speakers, witness } = bed;
      const { name, at, delete: remove } = await held(bed, ["n3", "n1", "n2"]);
      await announcedBy(cluster, { service: name, nodes: ["n3"] });
      await cluster.stopApi();
      const movesTo = async (next: string, from: string): Promise<void> => {
        const outages = await outagesDuring(cluster.client, at, async () => {
          await cluster.node(from).kill();
          await witness.believes(next, at);
        });
        for (const { longestMs } of outages) assert(longestMs <= LONGEST_OUTAGE, `${longestMs} ms`);
        await witness.agreesOn(next, at);
      };
      await movesTo("n1", "n3");
      // It starts alone: all that it knows of the cluster is on its disk.
      const started = Date.now();
      await speakers.on("n2").stop("SIGKILL");
      const synced = speakers.on("n2").start();
      await speakers.acquainted(["n1", "n2", "n4"]);
      await eventually("n2 to take n3 for dead, which it has never heard", 20_000, async () => {
        const { members } = await speakers.on("n2").status();
        return members.some(({ node, standing }) => node === "n3" && standing === "dead") ? true : undefined;
      });
      await staysAt(bed, "n1", at, started);
      await movesTo("n2", "n1");
      const back = Date.now();
      await cluster.startApi();
      await synced;
      await announcedBy(cluster, { service: name, nodes: ["n2"] });
      await staysAt(bed, "n2", at, back);
      await remove();
    }),
  );
});
