import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { inBed, SMALL, until } from "./edge-bed.ts";
import { config, router, VIP } from "./edge-config.ts";
import { reaches } from "./lab-bed.ts";

const VIP6 = "fd02::100";
/** No second burst and no refresh: what repairs the neighbours must be the end of the partition. */
const ONCE = { gratuitous: { delay: "0s", refresh: "0s" } };

describe("after a partition between two edges, of which the better one has not heard the other", () => {
  it("neighbours find the better one within a second, for IPv4 and IPv6", async (context) => {
    await inBed(context, SMALL, async ({ lab, e1, e2, holdings }) => {
      const both = (priority: number): string =>
        config(
          router({ priority, ...ONCE }),
          router({ priority, vrid: 52, addresses: [`${VIP6}/64`], ...ONCE }, "front6"),
        );
      const client = lab.host("cl");
      const macOf = async ({ host }: typeof e1): Promise<string> =>
        (await host.expect(["cat", "/sys/class/net/eth0/address"])).trim();
      const learnt = async (): Promise<string> => {
        const known = await client.expect(["ip", "neigh", "show", "dev", "eth0"]);
        const of = (address: string): string =>
          known
            .split("\n")
            .find((line) => line.startsWith(`${address} `))
            ?.match(/lladdr (\S+)/)?.[1] ?? "nobody";
        return `${of(VIP)} ${of(VIP6)}`;
      };
      await e1.start(both(150));
      await holdings.settle(VIP, ["e1"]);
      await holdings.settle(VIP6, ["e1"]);
      await e2.start(both(100));
      for (const address of [VIP, VIP6]) {
        assert.ok(await reaches(lab, "cl", address), `${address} does not answer`);
      }
      const [first, second] = [await macOf(e1), await macOf(e2)];
      // Who speaks first after the partition is chance, and the better one's word alone would repair nothing.
      for (let round = 0; round < 3; round += 1) {
        await lab.fault("partition e1 e2");
        await holdings.settle(VIP, ["e1", "e2"]);
        await holdings.settle(VIP6, ["e1", "e2"]);
        await until("the client believes e2", async () => (await learnt()) === `${second} ${second}`);
        await pause(1_000);
        await lab.fault("restore");
        const options = { withinMs: 1_000 };
        await until("the client finds e1", async () => (await learnt()) === `${first} ${first}`, options);
        await holdings.settle(VIP, ["e1"]);
        await holdings.settle(VIP6, ["e1"]);
        assert.equal(await learnt(), `${first} ${first}`);
      }
      // The better one has noticed, though it never stepped back; and nothing else was wrong.
      const said = async (edge: typeof e1): Promise<readonly string[]> =>
        (await edge.events())
          .filter(({ event }) => event.type === "router-conflict")
          .map(({ subject, text }) => `${subject}: ${text}`);
      const noticed = /^router front6?: lower-priority-active with \S+ (begun|ended, seen for \S+)$/;
      const heard = await said(e1);
      assert.ok(
        heard.some((text) => text.endsWith("begun")),
        heard.join("\n"),
      );
      assert.deepEqual([...heard.filter((text) => !noticed.test(text)), ...(await said(e2))], []);
    });
  });
});
