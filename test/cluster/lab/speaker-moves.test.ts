/**
 * That whoever moves an address on purpose loses nothing: datagrams at ten milliseconds' spacing and a request each few milliseconds,
 * none of which stays without an answer, while speakers end, start, and are replaced, and nodes are cordoned and drained.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { instant, toMillis } from "#base/time";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { monotonicNow } from "#lab/probe/clock";
import { splitRequests, type Window } from "#lab/probe/report";
import { startHttpLoad } from "#lab/probe/start";
import { type NeighbourWatch, watchNeighbours } from "./neighbours.ts";
import { outagesDuring } from "./outage.ts";
import { urlAt } from "./services.ts";
import { type OrderedService, type SpeakerBed, sharedSpeakerBed } from "./speaker-bed.ts";
import { announcedBy } from "./speaker-status.ts";

const inBed = sharedSpeakerBed({ nodes: 4 });

/** How long the preferred node must be well before it takes an address back, and three times as long for the rest. */
const RETURN_MS = 3 * toMillis(DEFAULT_OWNERSHIP.settle);

/** What lies between when a client's kernel changes its mind and when that is told, on both sides, in microseconds. */
const AROUND = 20_000;

/** When the client began to send what is for an address to another machine, by the clock of the loads, with what lies around. */
const turnsOf = (watch: NeighbourWatch, address: string): readonly Window[] => {
  const offset = monotonicNow() - Date.now() * 1_000;
  return watch.beliefs(address).map(({ at }) => {
    const turn = at * 1_000 + offset;
    return { from: instant(Math.max(0, turn - AROUND)), to: instant(turn + AROUND) };
  });
};

/**
 * Lets users be there while something happens, who make connections to the first two addresses; fails if one has noticed.
 *
 * A connection that is open at the moment in which its client turns to another node is unknown to that node's kernel, and is reset: a
 * few milliseconds of one request, and none that begins later.
 */
const unnoticed = async (
  { cluster }: SpeakerBed,
  at: readonly string[],
  act: () => Promise<void>,
): Promise<void> => {
  const watch = await watchNeighbours(cluster.client);
  const loaded = at.slice(0, 2);
  const loads = await Promise.all(
    loaded.map((each) => startHttpLoad(cluster.client, { url: urlAt(each), clients: 2, rate: 25 })),
  );
  const outages = await outagesDuring(cluster.client, at, act);
  const records = await Promise.all(loads.map((load) => load.finish()));
  await watch.close();
  for (const { address, sent, lost } of outages)
    assert.equal(lost, 0, `${address}: ${lost} of ${sent} datagrams`);
  for (const [index, address] of loaded.entries()) {
    const turns = turnsOf(watch, address);
    const { others } = splitRequests(records[index] ?? { requests: [] }, turns);
    assert(others.length > 10, "there was a load");
    // Who has to send its first packet twice waits for a second.
    const noticed = others.filter(({ error, took }) => error !== undefined || took >= 1_000_000);
    assert.deepEqual(noticed, [], `${address}, whose client turned ${turns.length} times`);
  }
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
        // What was under way has ended by then.
        await pause(1_000);
        await mine?.remove();
      });
      await witness.agreesOn("n3", at);
      await cluster.node("n1").uncordon();
      await remove();
      for (const pod of cluster.pods.list("n3")) await pod.remove();
    }),
  );

  it(
    "when the kubelet of a node shuts it down: the addresses have moved before anything ends there",
    inBed(async (bed) => {
      const { witness, cluster, speakers } = bed;
      const { at, name, delete: remove } = await held(bed, ["n3", "n1"]);
      await unnoticed(bed, at, async () => {
        await cluster.node("n3").shuttingDown();
        // Where speakers have only just started, the next one takes nothing from a node that lives before it has been well for a while.
        await witness.believes("n1", at, RETURN_MS);
        // Critical pods are told last.
        await speakers.on("n3").retire();
      });
      await witness.agreesOn("n1", at);
      await announcedBy(cluster, { service: name, nodes: ["n1"] });
      await cluster.node("n3").ready();
      await speakers.on("n3").start();
      await remove();
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
