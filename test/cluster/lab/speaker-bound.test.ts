/** That addresses which are bound to the interfaces of their node are reached as others are, whatever kube-proxy does in the kernel, and move. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { toMillis } from "#base/time";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { boundsOf } from "#core/ownership/timing";
import { eventually } from "../eventually.ts";
import { outagesDuring } from "./outage.ts";
import { type SpeakerBed, sharedSpeakerBed } from "./speaker-bed.ts";
import { ask } from "./traffic.ts";

/** In milliseconds. */
const LONGEST_OUTAGE = 3 * toMillis(boundsOf(DEFAULT_OWNERSHIP).takeOver.latest);

/** How long the next node must be well before it takes an address from one that is, and three times as long for the rest. */
const WELL_MS = 3 * toMillis(DEFAULT_OWNERSHIP.settle);

/** The nodes whose kernels have an address. */
const boundAt = async ({ cluster: { lab, nodes } }: SpeakerBed, address: string): Promise<string> => {
  const bound: string[] = [];
  for (const { name } of nodes) {
    const text = await lab.host(name).expect(["ip", "-j", "address", "show", "to", address]);
    if (text.includes(`"${address}"`)) bound.push(name);
  }
  return bound.join("+");
};

const isBoundAt = async (bed: SpeakerBed, at: readonly string[], node: string): Promise<void> => {
  for (const address of at)
    await eventually(`${address} bound at ${node || "no node"} alone`, 15_000, async () =>
      (await boundAt(bed, address)) === node ? true : undefined,
    );
};

for (const proxyMode of ["nftables", "iptables"] as const) {
  describe(`addresses that are bound beside kube-proxy's ${proxyMode}`, () => {
    // One cluster after the other.
    const inBed = sharedSpeakerBed({ nodes: 3, proxyMode, args: ["--bind"] });

    it(
      "are on the node that holds them, which answers once, and lead to the pods of all nodes",
      inBed(async (bed) => {
        const { cluster, witness, speakers } = bed;
        await speakers.acquainted();
        const { at, delete: remove } = await bed.service({ order: ["n1", "n2"] });
        await witness.held("n1", at);
        await isBoundAt(bed, at, "n1");
        for (const client of [cluster.client, cluster.farClient])
          for (const each of at) {
            const { pods, errors } = await ask(client, each, { millis: 300 });
            assert.deepEqual([pods, errors], [["n3-a"], []], `${each} from ${client.name}`);
          }

        // Somebody takes it off, and whoever asks is answered all the same.
        const n1 = cluster.lab.host("n1");
        const [four] = at;
        const there: readonly { ifname: string }[] = JSON.parse(
          await n1.expect(["ip", "-j", "address", "show", "to", four]),
        );
        const [{ ifname } = assert.fail(`${four} is on no interface`)] = there;
        await n1.expect(["ip", "address", "del", `${four}/32`, "dev", ifname]);
        await isBoundAt(bed, at, "n1");
        await witness.agreesOn("n1", at);

        const moved = await outagesDuring(cluster.client, at, async () => {
          await cluster.node("n1").cordon();
          // Speakers have only just started, and take nothing from a node that lives before they have been well for a while.
          await witness.believes("n2", at, WELL_MS);
        });
        for (const { address, sent, lost } of moved)
          assert.equal(lost, 0, `${address}: ${lost} of ${sent} datagrams`);
        await isBoundAt(bed, at, "n2");
        await witness.agreesOn("n2", at);

        // A speaker that is killed leaves it to its kernel, which goes on until the next run takes it up.
        const changes = await cluster.lab.host("n2").spawn(["ip", "-o", "monitor", "address"]);
        const killed = await outagesDuring(cluster.client, at, async () => {
          await speakers.on("n2").stop("SIGKILL");
          await speakers.on("n2").start();
          for (const each of at)
            await eventually(`${each} taken up`, 25_000, async () =>
              speakers.on("n2").log().includes(`address ${each}: was left on`) ? true : undefined,
            );
        });
        for (const { address, sent, lost } of killed)
          assert.equal(lost, 0, `${address}: ${lost} of ${sent} datagrams`);
        await changes.stop();
        assert.doesNotMatch(changes.stdout(), /Deleted/);
        await witness.agreesOn("n2", at);
        await isBoundAt(bed, at, "n2");

        const failed = await outagesDuring(cluster.client, at, async () => {
          await cluster.node("n2").kill();
          await witness.leaves("n2", at);
          await pause(500);
        });
        for (const { address, longestMs } of failed)
          assert.ok(longestMs < LONGEST_OUTAGE, `${address}: ${longestMs} ms`);
        for (const each of at) {
          const { pods, errors } = await ask(cluster.client, each, { millis: 300 });
          assert.deepEqual([pods, errors], [["n3-a"], []], each);
        }
        await remove();
        for (const each of at)
          for (const name of ["n1", "n3"])
            await eventually(`${each} nowhere on ${name}`, 15_000, async () => {
              const text = await cluster.lab.host(name).expect(["ip", "-j", "address", "show", "to", each]);
              return text.includes(`"${each}"`) ? undefined : true;
            });
      }),
    );
  });
}
