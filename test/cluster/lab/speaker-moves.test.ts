/**
 * That whoever moves an address on purpose loses nothing: datagrams at ten milliseconds' spacing and a request each few milliseconds,
 * none of which stays without an answer, while speakers end, start, and are replaced, and nodes are cordoned and drained.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toMillis } from "#base/time";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { startHttpLoad } from "#lab/probe/start";
import { outagesDuring } from "./outage.ts";
import { urlAt } from "./services.ts";
import { type OrderedService, type SpeakerBed, sharedSpeakerBed } from "./speaker-bed.ts";
import { announcedBy } from "./speaker-status.ts";

const inBed = sharedSpeakerBed({ nodes: 4 });

/** How long the preferred node must be well before it takes an address back, and three times as long for the rest. */
const RETURN_MS = 3 * toMillis(DEFAULT_OWNERSHIP.settle);

/** Lets users be there while something happens, who make connections to the first two addresses; fails if one has noticed. */
const unnoticed = async (
  { cluster }: SpeakerBed,
  at: readonly string[],
  act: () => Promise<void>,
): Promise<void> => {
  const loads = await Promise.all(
    at.slice(0, 2).map((each) => startHttpLoad(cluster.client, { url: urlAt(each), clients: 2, rate: 25 })),
  );
  const outages = await outagesDuring(cluster.client, at, act);
  const records = await Promise.all(loads.map((load) => load.finish()));
  for (const { address, sent, lost } of outages)
    assert.equal(lost, 0, `${address}: ${lost} of ${sent} datagrams`);
  const errors = records.flatMap(({ requests }) => requests.flatMap(({ error }) => error ?? []));
  assert.deepEqual(errors, []);
  // Who has to send its first packet twice waits for a second.
  const slow = records.flatMap(({ requests }) => requests.filter(({ took }) => took > 900_000));
  assert.deepEqual(slow, []);
};

const held = async (bed: SpeakerBed, order: readonly [string, ...string[]]): Promise<OrderedService> => {
  await bed.speakers.acquainted();
  const service = await bed.service({ order });
  await bed.witness.held(order[0], service.at);
  return service;
};

describe("users notice nothing", () => {
  it(
    "when a speaker is told to end",
    inBed(async (bed) => {
      const { witness, speakers, cluster } = bed;
      const { name, at, delete: remove } = await held(bed, ["n1", "n2"]);
      await unnoticed(bed, at, async () => {
        await speakers.on("n1").retire();
        await witness.believes("n2", at);
      });
      await witness.agreesOn("n2", at);
      await announcedBy(cluster, { service: name, nodes: ["n2"] });
      await speakers.on("n1").start();
      await remove();
    }),
  );

  it(
    "when a node is cordoned, and uncordoned",
    inBed(async (bed) => {
      const { witness, cluster } = bed;
      const { at, delete: remove } = await held(bed, ["n2", "n3"]);
      await unnoticed(bed, at, async () => {
        await cluster.node("n2").cordon();
        await witness.believes("n3", at);
      });
      await witness.agreesOn("n3", at);
      await unnoticed(bed, at, async () => {
        await cluster.node("n2").uncordon();
        await witness.believes("n2", at, RETURN_MS);
      });
      await witness.agreesOn("n2", at);
      await remove();
    }),
  );

  it(
    "when a node is drained whose own pods they were sent to",
    inBed(async (bed) => {
      const { witness, cluster } = bed;
      const [mine] = await Promise.all(["n1", "n3"].map((node) => cluster.pods.start("near", node)));
      const { at, delete: remove } = await bed.service({ order: ["n1", "n3"], app: "near", policy: "Local" });
      await witness.held("n1", at);
      await unnoticed(bed, at, async () => {
        await cluster.node("n1").cordon();
        await witness.believes("n3", at);
        await mine?.say("terminating");
        await mine?.remove();
      });
      await witness.agreesOn("n3", at);
      await cluster.node("n1").uncordon();
      await remove();
      for (const pod of cluster.pods.list("n3")) await pod.remove();
    }),
  );

  it(
    "when all speakers are replaced, one after the other, and when the addresses are back where they were",
    inBed(async (bed) => {
      const { witness, cluster, speakers } = bed;
      await speakers.acquainted();
      const orders = [["n1"], ["n2"], ["n3"], ["n4"]];
      const services = await Promise.all(orders.map((order) => bed.service({ order })));
      for (const [index, { at }] of services.entries()) await witness.held(`n${index + 1}`, at);
      // Both families, and of each Service one.
      const all = services.flatMap(({ at }, index) => at[index % 2] ?? []);
      await unnoticed(bed, all, async () => {
        for (const { name: node } of cluster.nodes) {
          await speakers.on(node).replace();
          await speakers.acquainted();
        }
        for (const [index, { at }] of services.entries())
          await witness.believes(`n${index + 1}`, at, RETURN_MS);
      });
      for (const [index, { at, name }] of services.entries()) {
        await witness.agreesOn(`n${index + 1}`, at);
        await announcedBy(cluster, { service: name, nodes: [`n${index + 1}`] });
      }
    }),
  );
});
