/** `steelyard speaker` as it is built, on a real link, with an API server that is away. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ADDRESSES, eventually, inSpeakerBed, macOf } from "./speaker-bed.ts";

describe("two speakers without an API server", () => {
  it("announce from one node, from the other when that dies, and hand over when they are told to end", async (context) => {
    await inSpeakerBed(context, async ({ e1, e2, believes, speakers }) => {
      await e1.start();
      await e2.start();
      await believes("e1");
      assert.ok(!(await speakers()).includes(macOf("e2")));

      const agent = await e1.agentPid();
      await e1.signal("wire", "SIGKILL");
      // Nobody asks: the client has a neighbour, and hears from e2 that it is another one now.
      await believes("e2");
      await eventually("the agent ends with its parent", async () => {
        const { code } = await e1.host.run(["kill", "-0", agent]);
        return code === 0 ? undefined : true;
      });
      assert.match(e2.log(), /claiming -> holding: e1 fell silent, last heard \d+ms before/);

      const back = await e1.start();
      await believes("e1");
      const before = (await speakers()).length;
      const first = await e1.agentPid();
      await e1.signal("agent", "SIGKILL");
      await eventually("another agent", async () => ((await e1.agentPid()) === first ? undefined : true));
      await back.said(/agent: exited \(pid \d+: SIGKILL\)/);
      assert.ok((await speakers()).slice(before).every((mac) => mac === macOf("e1")));

      await e1.signal("wire", "SIGTERM");
      const { code, signal } = await back.exited;
      assert.deepEqual([code, signal], [0, null]);
      assert.match(back.stdout() + back.stderr(), /yielding -> standby: e2 has it now/);
      await believes("e2");
      assert.equal((await speakers()).at(-1), macOf("e2"));
    });
  });

  it("wait longer for one that stands still again and again, which still takes what nobody holds", async (context) => {
    await inSpeakerBed(context, async ({ e1, e2, believes, speakers }) => {
      await e1.start();
      const other = await e2.start();
      await believes("e1");
      const standStill = async (ms: number): Promise<void> => {
        await e1.signal("wire", "SIGSTOP");
        await pause(ms);
        await e1.signal("wire", "SIGCONT");
      };
      const deaths = (): number => (e2.log().match(/node e1: alive -> dead/g) ?? []).length;
      const asked = /this node: stands still again and again, so others take over only after 1s of silence/;
      for (let times = 1; !asked.test(e1.log()); times += 1) {
        assert.ok(times <= 8, "patience is asked for");
        await standStill(500);
        // Sessions come up again, and it holds something, before it stands still the next time.
        await other.said(/node e1: dead -> alive/);
        await pause(2_500);
      }
      assert.ok(deaths() >= 3, "the first standstills were deaths");
      await believes("e2");
      const [before, spoken] = [deaths(), (await speakers()).length];
      await standStill(600);
      await pause(1_000);
      assert.equal(deaths(), before, "nobody calls it dead after 0.6 s of silence");
      assert.ok(
        (await speakers()).slice(spoken).every((mac) => mac === macOf("e2")),
        "and nothing moves",
      );

      await e2.signal("wire", "SIGKILL");
      await believes("e1");
    });
  });

  it("answer nobody from a second process on one node, nor without what they need", async (context) => {
    await inSpeakerBed(context, async ({ e1, believes }) => {
      const exits = async (...further: readonly string[]): Promise<string> => {
        const program = await e1.start(...further);
        const { code } = await program.exited;
        return `${code} ${program.stdout()}${program.stderr()}`;
      };
      await e1.host.write("/run/speaker/short", "short\n");
      await e1.host.expect(["chmod", "600", "/run/speaker/short"]);
      assert.equal(
        await exits("--secret-file", "/run/speaker/short"),
        "2 steelyard speaker: --secret-file /run/speaker/short has a line of less than 16 bytes\n",
      );
      assert.equal(
        await exits("--secret-file", "/run/speaker/none"),
        "2 steelyard speaker: --secret-file /run/speaker/none does not exist\n",
      );
      assert.match(await exits("--admin", `/run/${"x".repeat(120)}.sock`), /^1 .*at most 107 bytes/s);
      const prefix = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw", "--"];
      const unable = await e1.host.run([...prefix, ...e1.command()]);
      assert.deepEqual(
        [unable.code, unable.stderr],
        [1, "steelyard speaker: CAP_NET_RAW missing: run it as root, or give it this capability\n"],
      );
      const first = await e1.start();
      await first.said(/speaker: started/);
      assert.match(
        await exits("--admin", "/run/other.sock"),
        /^1 steelyard speaker: another steelyard speaker runs in this network namespace \(process \d+\)/,
      );
      await believes("e1");
      await first.signal("SIGTERM");
      assert.equal((await first.exited).code, 0);
    });
  });

  it("do not believe a node that does not have the secret", async (context) => {
    await inSpeakerBed(context, async ({ e1, e2, believes }) => {
      await e2.host.write("/run/speaker/secret", "a secret of somebody else\n");
      await e1.start();
      await believes("e1");
      const other = await e2.start();
      await other.said(/node e1: alive -> dead: it was never heard/, 40_000);
      // It takes the first for dead, and takes nothing all the same: somebody answers for the address.
      await other.said(new RegExp(`address ${ADDRESSES[0]}: .*-> standby: somebody answers for it`), 40_000);
      await believes("e1");
    });
  });
});
