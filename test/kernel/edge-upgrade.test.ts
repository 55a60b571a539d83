/** An upgrade of the active edge as its service does it: SIGUSR2, another program in the old one's place, a start. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { VERSION } from "#base/version";
import { startServers, startUdpProbe } from "#lab/probe/start";
import { inBed, until, WITH_NODES } from "./edge-bed.ts";
import { config, echo, router, server, VIP } from "./edge-config.ts";

const ADDRESS = parseAddress(VIP) ?? assert.fail(VIP);
const root = join(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "steelyard-upgrade-"));
after(() => rmSync(directory, { recursive: true }));

/** A build of ours that calls itself `version`, in a place of its own. */
const programOf = (version: string): string => {
  const place = join(directory, version);
  cpSync(join(root, "dist"), join(place, "dist"), { recursive: true });
  symlinkSync(join(root, "prebuilds"), join(place, "prebuilds"));
  writeFileSync(join(place, "package.json"), '{"type":"module"}');
  for (const name of readdirSync(join(place, "dist"))) {
    if (!/\.c?js$/.test(name)) continue;
    const path = join(place, "dist", name);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(`"${VERSION}"`, `"${version}"`));
  }
  return join(place, "dist", "main.js");
};

/** Short on purpose: peers would miss an edge at this interval long before a program has started. */
const INTERVAL = "100ms";
const ABSENCE = 1_500;

describe("an upgrade of the active edge", () => {
  it("loses no datagram at 10 ms spacing and no connection, and moves nothing, even if it takes long", async (context) => {
    const [before, next] = [programOf("0.9.1"), programOf("0.9.2")];
    assert.equal(spawnSync(process.execPath, [next, "--version"], { encoding: "utf8" }).stdout, "0.9.2\n");
    await inBed(context, WITH_NODES, async ({ lab, e1, e2, holdings }) => {
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      const texts = [150, 100].map((priority) =>
        config(router({ priority, advertisementInterval: INTERVAL }), echo(), server()),
      );
      const [high = "", low = ""] = texts;
      await e1.configure(high);
      const arguments_ = ["edge", "--config", "/run/edge/edge.yaml"];
      const old = await e1.host.spawn([process.execPath, before, ...arguments_]);
      await holdings.settle(VIP, ["e1"]);
      await e2.start(low);
      await e2.is("backup");
      const rulesBefore = await e1.host.expect(["nft", "-s", "list", "ruleset"]);
      const probe = await startUdpProbe(lab.host("cl"), { address: ADDRESS, port: 9000, interval: 10 });
      // One connection that stays open over all of it.
      const talk = `exec 3<>/dev/tcp/${VIP}/80 && sleep 4 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -c 12 <&3`;
      const connection = lab.host("cl").run(["timeout", "8", "bash", "-c", talk]);
      await pause(300);

      const began = Date.now();
      await e1.host.expect(["kill", "-USR2", String(old.pid)]);
      assert.deepEqual(await old.exited, { code: 0, signal: null });
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
      assert.equal(await e1.host.expect(["nft", "-s", "list", "ruleset"]), rulesBefore);
      // A small board, a package that unpacks.
      await pause(ABSENCE);
      const young = await e1.host.spawn([process.execPath, next, ...arguments_]);
      const running = await until("the new version runs", async () => {
        const status = await e1.status();
        return status?.version === "0.9.2" && status.routers[0]?.state === "active" ? status : undefined;
      });
      assert.equal(running.routers[0]?.reason, "resumed");
      const took = Date.now() - began;
      await pause(1_000);

      const { sent, answers } = await probe.finish();
      assert.ok(sent > 200, `only ${sent} were sent`);
      assert.equal(sent - answers.length, 0, `of ${sent} datagrams ${sent - answers.length} were lost`);
      assert.match((await connection).stdout, /^HTTP\/1\.[01] 200/);
      assert.deepEqual(
        holdings.tenures(VIP).map(({ host }) => host),
        ["e1"],
      );
      const seen = (await e2.events()).map(({ text }) => text);
      assert.ok(!seen.some((text) => /-> active|interval-mismatch/.test(text)), seen.join("\n"));
      context.diagnostic(`away for ${took} ms, ${sent} datagrams`);
      assert.deepEqual(await young.stop(), { code: 0, signal: null });
    });
  });
});
