/**
 * That MetalLB's speakers and ours can take turns: with the same Services, pools and advertisements both choose the same node for every
 * address, and users notice nothing while ours start beside MetalLB's, MetalLB's end, and ours begin to go by their own rules. The order
 * is that of docs/replace-metallb.md.
 */
import assert from "node:assert/strict";
import { after, describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Access } from "../access.ts";
import { pool } from "../controller.ts";
import { eventually } from "../eventually.ts";
import { servicePath } from "../services.ts";
import { type LabCluster, sharedLabCluster } from "./bed.ts";
import { type MetallbSpeakers, openMetallbSpeakers } from "./metallb-speaker.ts";
import { watchNeighbours } from "./neighbours.ts";
import { type Outage, outagesDuring } from "./outage.ts";
import type { LabServiceOptions } from "./services.ts";
import { type LabSpeaker, startSpeakers } from "./speaker.ts";
import { advertisement } from "./speaker-bed.ts";
import { installSpeaker } from "./speaker-rights.ts";
import { openWitness, type Witness } from "./witness.ts";

const inLab = sharedLabCluster({ nodes: 3, minSyncMs: 100 });

type Wish = LabServiceOptions & { readonly addresses: readonly string[]; readonly tier?: "front" };

/** Services with addresses from here on, one after the other. */
const wishes = (
  count: number,
  first: number,
  more: (last: number) => Partial<Wish> & Pick<Wish, "app">,
): readonly Wish[] =>
  Array.from({ length: count }, (_, index) => {
    const last = first + index;
    return { name: `s${last}`, addresses: [`10.2.0.${last}`], ...more(last) };
  });

const both = (last: number): readonly string[] => [`10.2.0.${last}`, `fd02::${last}`];

/** All kinds: of any pod or of local ones, one family or both, and of a pool whose advertisements choose nodes and Services. */
const SERVICES: readonly Wish[] = [
  ...wishes(10, 100, () => ({ app: "web" })),
  ...wishes(4, 110, (last) => ({ app: "web", addresses: both(last) })),
  ...wishes(4, 114, (last) => ({ app: "web", addresses: [`fd02::${last}`] })),
  ...wishes(8, 118, () => ({ app: "near", policy: "Local" })),
  ...wishes(6, 160, () => ({ app: "web" })),
  ...wishes(6, 166, () => ({ app: "web", tier: "front" })),
  ...wishes(2, 172, () => ({ app: "near", policy: "Local", tier: "front" })),
];
const ADDRESSES = SERVICES.flatMap(({ addresses }) => addresses);

/** Not every pod is ready, one node is not, and another is cordoned: MetalLB has rules of its own about each. */
const arrange = async (cluster: LabCluster): Promise<void> => {
  const { plane, pods, node } = cluster;
  await plane.apply(pool("lan", ["10.2.0.100-10.2.0.159", "fd02::100-fd02::1ff"]));
  await plane.apply(pool("edge", ["10.2.0.160-10.2.0.199"]));
  await plane.apply(advertisement("lan", { ipAddressPools: ["lan"] }));
  const edge = { ipAddressPools: ["edge"], interfaces: ["eth0"] };
  const role = (value: string): unknown => [{ matchLabels: { role: value } }];
  await plane.apply(advertisement("edge", { ...edge, nodeSelectors: role("edge") }));
  const front = { serviceSelectors: [{ matchLabels: { tier: "front" } }], nodeSelectors: role("front") };
  await plane.apply(advertisement("front", { ...edge, ...front }));
  await Promise.all(["n1", "n2"].map((name) => node(name).label({ role: "edge" })));
  await node("n3").label({ role: "front" });
  await pods.start("web", "n3");
  await pods.start("near", "n1");
  await (await pods.start("near", "n2")).say("unready");
  await (await pods.start("near", "n3")).say("terminating");
  await node("n2").condition("Ready", "False");
  await node("n3").cordon();
  await Promise.all(
    SERVICES.map(async ({ tier, ...wish }) => {
      await cluster.service(wish);
      if (tier === undefined) return;
      await plane.admin.patch(servicePath("default", wish.name), { metadata: { labels: { tier } } });
    }),
  );
};

/** Who has each address, by address; several nodes are joined by commas. */
type Holders = Readonly<Record<string, string>>;

type Bed = {
  readonly access: Access;
  readonly metallb: MetallbSpeakers;
  readonly witness: Witness;
  /** Ours, while some run. */
  ours: readonly LabSpeaker[];
  /** As MetalLB's speakers alone had it. */
  chosen: Holders;
};

let bed: Bed | undefined;
after(() => bed?.access.api.close());

const openBed = async (cluster: LabCluster): Promise<Bed> => {
  const access = await installSpeaker(cluster);
  await arrange(cluster);
  const [metallb, witness] = await Promise.all([openMetallbSpeakers(cluster), openWitness(cluster)]);
  return { access, metallb, witness, ours: [], chosen: {} };
};

const inBed = (
  test: (cluster: LabCluster, given: Bed, context: TestContext) => Promise<void>,
): ReturnType<typeof inLab> =>
  inLab(async (cluster, context) => {
    bed ??= await openBed(cluster);
    try {
      await test(cluster, bed, context);
    } catch (error) {
      context.diagnostic(bed.metallb.lastWords(20));
      for (const { node, lastWords } of bed.ours) context.diagnostic(`${node}: ${lastWords(40)}`);
      throw error;
    }
  });

/** So many addresses are asked for at a time: all at once would leave speakers no time. */
const AT_A_TIME = 11;

/** Who answers the client. */
const answering = async ({ witness }: Bed): Promise<Holders> => {
  const holders: Record<string, string> = {};
  for (let from = 0; from < ADDRESSES.length; from += AT_A_TIME) {
    const some = ADDRESSES.slice(from, from + AT_A_TIME);
    const nodes = await Promise.all(some.map((address) => witness.answering(address)));
    for (const [index, address] of some.entries()) holders[address] = nodes[index]?.join() ?? "";
  }
  return holders;
};

/** Who holds them, as each of our speakers says of itself. */
const held = async ({ ours }: Bed): Promise<Holders> => {
  const holders = new Map<string, string[]>();
  for (const { node, status } of ours)
    for (const { address, state } of (await status()).addresses)
      if (state === "holding") holders.set(address, [...(holders.get(address) ?? []), node]);
  return Object.fromEntries(ADDRESSES.map((address) => [address, holders.get(address)?.join() ?? ""]));
};

/** Resolves when everybody has what MetalLB's speakers chose; fails with the difference. */
const becomes = async (look: () => Promise<Holders>, chosen: Holders, withinMs: number): Promise<void> => {
  const isAs = (holders: Holders): boolean => ADDRESSES.every((each) => holders[each] === chosen[each]);
  let last: Holders = {};
  await eventually("the nodes that MetalLB chose", withinMs, async () => {
    last = await look();
    return isAs(last) ? true : undefined;
  }).catch((error) => {
    assert.deepEqual(last, chosen);
    throw error;
  });
};

/** Addresses that datagrams go to, always the same: plain ones of each node, and one of each other kind, each of another node. */
const watched = ({ chosen }: Bed): readonly string[] => {
  const firstOf = (node: string, from: number, to: number): string => {
    const kind = SERVICES.slice(from, to).flatMap(({ addresses }) => addresses);
    return kind.find((each) => chosen[each] === node) ?? assert.fail(`${node} has none of ${kind}`);
  };
  const plain = ["n1", "n2", "n3"].map((node) => firstOf(node, 0, 10));
  return [...plain, firstOf("n2", 14, 18), firstOf("n3", 18, 26), firstOf("n1", 26, 38)];
};

type Seen = {
  readonly outages: readonly Outage[];
  /** How often users' kernel turned to another node than MetalLB's choice, by address; only where it did. */
  readonly turns: Readonly<Record<string, number>>;
};

/** What users see while something happens. */
const seenDuring = async (
  { client, node }: LabCluster,
  given: Bed,
  act: () => Promise<void>,
): Promise<Seen> => {
  const addresses = watched(given);
  const watch = await watchNeighbours(client);
  const outages = await outagesDuring(client, addresses, act);
  await watch.close();
  const turnsOf = (address: string): number => {
    const right = node(given.chosen[address] ?? "").mac;
    return watch.beliefs(address).filter(({ mac }) => mac !== undefined && mac !== right).length;
  };
  const turns = addresses.map((each) => [each, turnsOf(each)] as const).filter(([, count]) => count > 0);
  return { outages, turns: Object.fromEntries(turns) };
};

const lostOf = ({ outages }: Seen): Readonly<Record<string, number>> =>
  Object.fromEntries(outages.filter(({ lost }) => lost > 0).map(({ address, lost }) => [address, lost]));

/** Told, not asserted: on a busy machine that stands still for a quarter of a second ours take others for dead. */
const tell = (context: TestContext, what: string, seen: Seen): void => {
  const sent = seen.outages.reduce((sum, each) => sum + each.sent, 0);
  const [lost, turns] = [lostOf(seen), seen.turns].map((counts) => JSON.stringify(counts));
  context.diagnostic(`${what}: of ${sent} datagrams lost ${lost}, turned to another node ${turns}`);
};

/** All at once, as a new DaemonSet has it. */
const startOurs = async (cluster: LabCluster, { access }: Bed): Promise<readonly LabSpeaker[]> =>
  (await startSpeakers(cluster, { access, args: ["--rules=metallb"] })).all;

describe("beside MetalLB's own speakers", () => {
  it(
    "each address is at one node, as MetalLB chose",
    inBed(async (_, given) => {
      await given.metallb.start();
      await eventually("one answer for each address", 20_000, async () => {
        given.chosen = await answering(given);
        return Object.values(given.chosen).every((node) => /^n\d$/.test(node)) ? true : undefined;
      });
      assert(ADDRESSES.length >= 40);
      for (const node of ["n1", "n2", "n3"])
        assert(Object.values(given.chosen).filter((each) => each === node).length >= 5, `${node} has some`);
    }),
  );

  it(
    "ours start, choose the same nodes for all addresses, and take over when MetalLB's end",
    inBed(async (cluster, given, context) => {
      const { metallb, chosen } = given;
      const second = cluster.node("n2");
      // Of a node that is not ready and was never heard ours would believe that it is dead.
      await second.condition("Ready", "True");
      const start = await seenDuring(cluster, given, async () => {
        given.ours = await startOurs(cluster, given);
        await becomes(() => held(given), chosen, 20_000);
      });
      tell(context, "ours start", start);
      await second.condition("Ready", "False");
      await pause(1_000);
      await becomes(() => held(given), chosen, 20_000);
      await becomes(() => answering(given), chosen, 20_000);
      const end = await seenDuring(cluster, given, async () => {
        await metallb.retire();
        await pause(1_000);
      });
      tell(context, "MetalLB's speakers end", end);
      await becomes(() => held(given), chosen, 20_000);
      await becomes(() => answering(given), chosen, 20_000);
    }),
  );

  it(
    "MetalLB's come back beside ours and end node by node: ours hold what they held all the time, and users lose nothing",
    inBed(async (cluster, given, context) => {
      const { metallb, ours, chosen } = given;
      await metallb.start();
      await becomes(() => answering(given), chosen, 20_000);
      const flapping = new Set<string>();
      const end = await seenDuring(cluster, given, async () => {
        for (const { node } of metallb.all) {
          await metallb.retireOn(node);
          // Its others have found out by then, and answer for what it had.
          await pause(2_000);
          await becomes(() => held(given), chosen, 20_000);
          for (const { status } of ours) for (const each of (await status()).flapping) flapping.add(each);
        }
      });
      tell(context, "MetalLB's speakers end node by node", end);
      assert.deepEqual([...flapping], []);
      for (const { address, sent, lost } of end.outages)
        assert.ok(lost <= sent / 100, `${address}: ${lost} of ${sent} datagrams lost`);
      await becomes(() => answering(given), chosen, 20_000);
    }),
  );

  it(
    "MetalLB's come back beside ours, and ours end: the addresses are where they were",
    inBed(async (cluster, given, context) => {
      const { metallb, ours, chosen } = given;
      const start = await seenDuring(cluster, given, async () => {
        await metallb.start();
        await pause(1_000);
      });
      tell(context, "MetalLB's speakers start", start);
      await becomes(() => answering(given), chosen, 20_000);
      const end = await seenDuring(cluster, given, async () => {
        await Promise.all(ours.map((speaker) => speaker.retire()));
      });
      given.ours = [];
      tell(context, "ours end", end);
      await becomes(() => answering(given), chosen, 10_000);
    }),
  );

  it(
    "ours take over again and change to their own rules, node by node: the addresses are where they were",
    inBed(async (cluster, given, context) => {
      const { metallb, access, chosen } = given;
      // By our rules these two would stand behind.
      await cluster.node("n2").condition("Ready", "True");
      await cluster.node("n3").uncordon();
      given.ours = await startOurs(cluster, given);
      await becomes(() => held(given), chosen, 20_000);
      await metallb.retire();
      for (const pod of cluster.pods.list("n3")) await pod.say("ready");
      const roll = await seenDuring(cluster, given, async () => {
        for (const [index, speaker] of given.ours.entries()) {
          await speaker.retire();
          const { all } = await startSpeakers(cluster, { access, nodes: [speaker.node] });
          given.ours = given.ours.map((each, place) => (place === index ? (all[0] ?? each) : each));
        }
        await becomes(() => held(given), chosen, 40_000);
      });
      tell(context, "another set of rules", roll);
      await becomes(() => answering(given), chosen, 20_000);
    }),
  );
});
