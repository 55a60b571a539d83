/** `acceptMode: false`: an active router that answers for its addresses and takes nothing for itself. Needs root. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { standardTopology } from "#lab/index";
import { startServers, urlOf } from "#lab/probe/start";
import { address } from "#testing/values";
import { type Bed, type Edge, inBed, SMALL, until } from "./edge-bed.ts";
import { config, router, server, VIP } from "./edge-config.ts";
import { reaches } from "./lab-bed.ts";

const VIP6 = "fd02::100";
const [DIRECT, DIRECT6] = ["10.2.0.101", "fd02::101"];
const OURS = "10.2.0.11";
const TOPOLOGY = standardTopology({
  client: "lan",
  directReturn: [address(DIRECT), address(DIRECT6)],
});

const nodes = (prefix: string) => [1, 2, 3].map((n) => ({ name: `n${n}`, address: `${prefix}2${n}` }));
const webs = [
  [VIP, "masquerade", "10.2.0."],
  [VIP6, "masquerade", "fd02::"],
  [DIRECT, "dsr", "10.2.0."],
  [DIRECT6, "dsr", "fd02::"],
] as const;

const text = (acceptMode: boolean): string =>
  config(
    router({ acceptMode, priority: 150, addresses: [`${VIP}/24`, `${DIRECT}/24`] }),
    router(
      { acceptMode, priority: 150, vrid: 52, addresses: ["fe80::100/64", `${VIP6}/64`, `${DIRECT6}/64`] },
      "front6",
    ),
    ...webs.map(([held, mode, prefix], index) =>
      server({ address: held, mode, backends: nodes(prefix) }, `web${index}`),
    ),
  );

const pings = async ({ lab }: Bed, target: string): Promise<boolean> => {
  const { code } = await lab.host("cl").run([process.execPath, join(import.meta.dirname, "ping.ts"), target]);
  return code === 0;
};

/** Whether the box itself answers at each of the addresses: pings, and connections to a port of its own. */
const answers = async (bed: Bed, targets: readonly string[]): Promise<readonly boolean[]> => {
  const all = targets.flatMap((target) => [pings(bed, target), reaches(bed.lab, "cl", target)]);
  return await Promise.all(all);
};

const fetches = async ({ lab }: Bed, target: string): Promise<void> => {
  const script = `const answer = await fetch("${urlOf(address(target), 80)}", { signal: AbortSignal.timeout(2000) });
    if (answer.status !== 200) process.exit(1);`;
  await lab.host("cl").expect([process.execPath, "--input-type=module", "-e", script]);
};

const isThere = async ({ host }: Edge): Promise<boolean> =>
  (await host.run(["nft", "list", "table", "inet", "steelyard"])).code === 0;

const VIRTUAL = webs.map(([held]) => held);
const allOf = (value: boolean): readonly boolean[] => VIRTUAL.flatMap(() => [value, value]);

describe("a router that accepts no packets to its addresses", () => {
  it("drops pings and connections, balances all the same, and is found by neighbours", async (context) => {
    await inBed(context, TOPOLOGY, async (bed) => {
      const { lab, e1, holdings } = bed;
      const client = lab.host("cl");
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      await e1.start(text(true));
      await holdings.settle(VIP, ["e1"]);
      await holdings.settle(VIP6, ["e1"]);
      assert.deepEqual(await answers(bed, VIRTUAL), allOf(true));
      await e1.configure(text(false));
      await e1.signal("SIGHUP");
      await until("the box is silent", async () => !(await reaches(lab, "cl", VIP)));
      assert.deepEqual(await answers(bed, VIRTUAL), allOf(false));
      assert.deepEqual(await answers(bed, [OURS, "fd02::11"]), [true, true, true, true]);
      await client.expect(["ip", "neigh", "flush", "dev", "eth0"]);
      for (const target of VIRTUAL) await fetches(bed, target);
      // A neighbour asks whether it is still there: by unicast, to the address itself.
      for (const target of VIRTUAL) {
        const entry = [target, "dev", "eth0"];
        await client.expect(["ip", "neigh", "change", ...entry, "nud", "probe"]);
        const state = (): Promise<string> => client.expect(["ip", "neigh", "show", ...entry]);
        await until(`${target} confirmed`, async () => (await state()).includes("REACHABLE"));
      }
      await e1.host.expect(["nft", "flush", "chain", "inet", "steelyard", "unaccepted"]);
      await e1.event(({ event }) => event.type === "forwarding-applied" && event.repaired === true);
      assert.deepEqual(await answers(bed, VIRTUAL), allOf(false));
      await e1.configure(text(true));
      await e1.signal("SIGHUP");
      await until("the box answers again", () => reaches(lab, "cl", VIP));
      assert.deepEqual(await answers(bed, VIRTUAL), allOf(true));
    });
  });

  it("needs no virtual server for it, and leaves nothing behind", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, holdings } = bed;
      const strict = config(router({ acceptMode: false }));
      await e1.start(strict);
      await holdings.settle(VIP, ["e1"]);
      assert.deepEqual(await answers(bed, [VIP, OURS]), [false, false, true, true]);
      await e1.stop();
      assert.equal(await isThere(e1), false);
      await e1.start(strict);
      await holdings.settle(VIP, ["e1"]);
      await e1.signal("SIGKILL");
      await until("it is gone", async () => (await e1.status()) === undefined);
      assert.deepEqual(await answers(bed, [VIP]), [false, false]);
      assert.equal((await e1.command("clean")).code, 0);
      assert.equal(await isThere(e1), false);
    });
  });
});
