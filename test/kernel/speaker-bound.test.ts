/** `steelyard speaker --bind`, as it is built: real kernels answer for addresses that are on real links. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ADDRESSES, eventually, inSpeakerBed, macOf, type SpeakerHost } from "./speaker-bed.ts";

const MAIN = join(import.meta.dirname, "../../dist/main.js");
const LENGTHS = { "10.2.0.110": 32, "fd02::110": 128 } as const;

type Entry = {
  readonly local?: string;
  readonly prefixlen?: number;
  readonly valid_life_time?: number;
  readonly tentative?: boolean;
};

/** An address as the kernel of a node has it; `undefined`: it has not. */
const entryOf = async ({ host }: SpeakerHost, address: string): Promise<Entry | undefined> => {
  const links: readonly { addr_info?: readonly Entry[] }[] = JSON.parse(
    await host.expect(["ip", "-j", "address", "show"]),
  );
  return links.flatMap(({ addr_info = [] }) => addr_info).find(({ local }) => local === address);
};

const isBound = async (node: SpeakerHost, wanted: boolean): Promise<void> => {
  for (const address of ADDRESSES)
    await eventually(`${address} ${wanted ? "bound" : "not bound"} at ${node.name}`, async () =>
      ((await entryOf(node, address)) !== undefined) === wanted ? true : undefined,
    );
};

describe("two speakers that bind addresses", () => {
  it("let the kernel of one answer, put back what is removed, and leave nothing for long", async (context) => {
    await inSpeakerBed(context, async ({ e1, e2, client, believes, speakers }) => {
      const first = await e1.start("--bind");
      await e2.start("--bind");
      await isBound(e1, true);
      await believes("e1");
      await isBound(e2, false);
      for (const address of ADDRESSES) {
        const entry = await entryOf(e1, address);
        const { prefixlen, valid_life_time: left = 0, tentative } = entry ?? assert.fail(address);
        assert.deepEqual([prefixlen, tentative], [LENGTHS[address], undefined], address);
        // By itself it stays for so long only.
        assert.ok(left > 0 && left <= 30, `${address}: ${left} s`);
        // It is the kernel's, which says of a port where nobody listens that it is closed.
        const { stderr } = await client.run(["timeout", "10", "bash", "-c", `echo > /dev/tcp/${address}/9`]);
        assert.match(stderr, /[Rr]efused/, address);
      }
      assert.ok((await speakers()).every((mac) => mac === macOf("e1")));

      for (const address of ADDRESSES) {
        const text = `${address}/${LENGTHS[address]}`;
        await e1.host.expect(["bash", "-c", `ip address del ${text} dev eth0`]);
        await first.said(new RegExp(`address ${address}: is bound to eth0 again`));
      }
      await isBound(e1, true);

      // Nobody is there to take them off: the kernel goes on, which the other one is told when it asks, until `clean` ends it.
      await e1.signal("wire", "SIGKILL");
      await eventually("e2 has asked", async () =>
        /somebody answers for it/.test(e2.log()) ? true : undefined,
      );
      await believes("e1");
      await isBound(e1, true);
      await isBound(e2, false);
      const clean = [process.execPath, MAIN, "clean"];
      const { stdout } = await e1.host.run([...clean, "--dry-run"]);
      assert.match(stdout, /would remove address 10\.2\.0\.110\/32 on eth0/);
      assert.match((await e1.host.run(clean)).stdout, /removed address fd02::110\/128 on eth0/);
      await isBound(e1, false);
      await isBound(e2, true);
      await believes("e2");
      const refused = await e2.host.run(clean);
      assert.match(refused.stderr, /a speaker runs: stop it, which removes them/);
      await isBound(e2, true);

      const again = await e1.start("--bind");
      await believes("e1");
      await isBound(e1, true);
      await isBound(e2, false);
      await again.signal("SIGTERM");
      assert.equal((await again.exited).code, 0);
      await isBound(e1, false);
    });
  });

  it("do not start where they may not do it", async (context) => {
    await inSpeakerBed(context, async ({ e1 }) => {
      const prefix = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--"];
      const { code, stderr } = await e1.host.run([...prefix, ...e1.command("--bind")]);
      assert.equal(code, 1);
      assert.match(stderr, /^steelyard speaker: CAP_NET_ADMIN missing, which --bind needs: /);
    });
  });
});
