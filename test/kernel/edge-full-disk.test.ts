/** An edge whose directory is on a file system without space. Needs root. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Bed, type Edge, inBed, SMALL, until } from "./edge-bed.ts";
import { config, router, server } from "./edge-config.ts";

const DIRECTORY = "/run/small";
const FILL = `${DIRECTORY}/fill`;
const OPTIONS = { runtimeDirectory: DIRECTORY };

const sh = (edge: Edge, script: string): Promise<string> => edge.host.expect(["sh", "-c", script]);

/** A file system of 256 kB for the edge's own files. */
const mount = (edge: Edge): Promise<string> =>
  sh(edge, `mkdir -m 700 ${DIRECTORY} && mount -t tmpfs -o size=256k,mode=700 small ${DIRECTORY}`);

/** Takes all its space; blocks that are freed later are taken as well when it is called again. */
const fill = (edge: Edge): Promise<string> =>
  sh(edge, `dd if=/dev/zero bs=4k 2>/dev/null >>${FILL}; test -s ${FILL}`);

/** Files of the edge that are there, and whether each is whole as far as its kind shows. */
const files = async (edge: Edge): Promise<ReadonlyMap<string, string>> => {
  const names = (await sh(edge, `ls ${DIRECTORY}`))
    .split("\n")
    .filter((name) => name !== "" && name !== "fill");
  const texts = await Promise.all(
    names.map((name) => sh(edge, `cat ${DIRECTORY}/${name} 2>/dev/null || true`)),
  );
  return new Map(names.map((name, index) => [name, texts[index] ?? ""]));
};

const assertWhole = (present: ReadonlyMap<string, string>): void => {
  for (const [name, text] of present) {
    assert.doesNotMatch(name, /\.new$/);
    if (name.endsWith(".json")) assert.doesNotThrow(() => JSON.parse(text), name);
  }
};

const SERVERS = [
  server({ health: undefined }),
  server({ port: 81, health: undefined }, "other"),
  server({ port: 82, health: undefined }, "third"),
];

const inForce = (edge: Edge, name: string) =>
  until(`${name} is in the kernel`, async () =>
    (await sh(edge, "nft -t list table inet steelyard")).includes(`server/${name}`),
  );

describe("an edge on a full disk", () => {
  it("applies what changes, leaves no half files, says so, and catches up when there is space", (context) =>
    inBed(context, SMALL, async ({ e1 }: Bed) => {
      await mount(e1);
      await e1.start(config(router({ priority: 150 }), ...SERVERS.slice(0, 1)), OPTIONS);
      const before = await files(e1);
      assert.ok(before.has("forwarding.json") && before.has("sysctls.json") && before.has("ruleset.nft"));
      await fill(e1);
      await e1.configure(config(router({ priority: 150 }), ...SERVERS.slice(0, 2)));
      await inForce(e1, "other");
      // What was loaded before is gone, and with it the last of the space.
      await fill(e1);
      await e1.configure(config(router({ priority: 150 }), ...SERVERS));
      await inForce(e1, "third");
      await e1.event(({ text }) =>
        /no record for a restart: \/run\/small\/forwarding\.json: ENOSPC/.test(text),
      );
      const during = await files(e1);
      assertWhole(during);
      assert.equal(during.get("sysctls.json"), before.get("sysctls.json"));
      const record = during.get("forwarding.json") ?? '"third"';
      assert.match(record, /"third"/, "an old record would lead a restart astray");
      assert.equal(during.has("ruleset.nft"), false, "nor is what was loaded before what runs");
      await sh(e1, `rm ${FILL}`);
      await e1.event(({ text }) => text.includes("the record for a restart is written again"));
      const after = await files(e1);
      assertWhole(after);
      assert.match(after.get("forwarding.json") ?? "", /"third"/);
      assert.equal((await e1.stop()).code, 0);
      assert.deepEqual([...(await files(e1)).keys()], []);
    }));

  it("starts, and records the kernel's settings as soon as there is space", (context) =>
    inBed(context, SMALL, async ({ e1 }: Bed) => {
      await mount(e1);
      await fill(e1);
      // Its log goes to the same place.
      const prefix = ["sh", "-c", `exec "$@" 2>${DIRECTORY}/log`, "sh"];
      await e1.start(config(router({ priority: 150 }), ...SERVERS), { ...OPTIONS, prefix });
      await inForce(e1, "other");
      await e1.event(({ text }) => text.includes("could not be recorded"));
      const { agent } = (await e1.status()) ?? assert.fail();
      await sh(e1, `rm ${FILL}`);
      await e1.event(({ text }) => text.includes("the former values are recorded now"));
      const after = await files(e1);
      assertWhole(after);
      assert.ok(after.has("sysctls.json"));
      assert.equal((await e1.status())?.agent.pid, agent.pid, "the agent lives");
      assert.equal((await e1.stop()).code, 0);
      assert.equal((await files(e1)).has("sysctls.json"), false);
    }));
});
