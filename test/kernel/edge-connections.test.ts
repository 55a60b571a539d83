/** Open connections of the modes that translate, through the takeover of a real edge by another. Needs root. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { standardTopology } from "#lab/index";
import { startDownloads, startServers, urlOf } from "#lab/probe/start";
import { address } from "#testing/values";
import { type Bed, inBed } from "./edge-bed.ts";
import { config, router, server, VIP } from "./edge-config.ts";
import { patientClient } from "./patient-client.ts";

const ROUTED = standardTopology();
/** A gateway that moves together with the virtual address. */
const GATEWAY = "10.2.0.101";
const SOCKETS = 20;

const startPair = async ({ lab, e1, e2, holdings }: Bed, mode: string): Promise<void> => {
  await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
  const text = (priority: number): string =>
    config(router({ priority, addresses: [`${VIP}/24`, `${GATEWAY}/24`] }), server({ mode }));
  await Promise.all([e1.start(text(150)), e2.start(text(100))]);
  await holdings.settle(VIP, ["e1"]);
};

describe("open connections when the active edge goes silent", () => {
  it("live on behind a virtual address when their clients speak: masquerade", async (context) => {
    await inBed(context, ROUTED, async (bed) => {
      await startPair(bed, "masquerade");
      const client = bed.lab
        .host("cl")
        .expect(patientClient({ address: VIP, sockets: SOCKETS, millis: 4_000 }));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await bed.lab.fault("silence e1");
      const { answers, errors } = JSON.parse(await client);
      assert.deepEqual(errors, []);
      assert.ok(answers > SOCKETS * 20, `${answers} answers`);
      assert.match(
        await bed.e2.host.expect(["nft", "list", "map", "inet", "steelyard", "sources4"]),
        /10\.2\.0\.100/,
      );
    });
  });

  it("live on although their clients only listen: downloads in mode nat", async (context) => {
    await inBed(context, ROUTED, async (bed) => {
      await startPair(bed, "nat");
      for (const node of ["n1", "n2", "n3"]) {
        await bed.lab.host(node).expect(["ip", "route", "replace", "default", "via", GATEWAY]);
      }
      const options = { url: urlOf(address(VIP), 80), streams: 30, duration: 4, bytes: 1_000_000 };
      const downloads = await startDownloads(bed.lab.host("cl"), options);
      await bed.lab.fault("silence e1");
      await bed.holdings.settle(VIP, ["e1", "e2"]);
      const { downloads: ended } = await downloads.finish();
      assert.deepEqual(
        ended.filter(({ whole }) => !whole),
        [],
      );
      assert.equal(new Set(ended.map(({ backend }) => backend)).size, 3);
    });
  });
});
