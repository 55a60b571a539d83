import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Holdings } from "#lab/holdings";
import type { LabHostHandle } from "#lab/index";
import { until } from "./edge-bed.ts";
import {
  CA_FILE,
  type ControlPlane,
  holderOf,
  inVipBed,
  LINE,
  PATIENCE,
  parted,
  startAll,
  VIP,
} from "./vip-bed.ts";

const CLIENT = join(import.meta.dirname, "vip-client.ts");
const ALL = ["e1", "e2", "e3"];

type Asked = {
  readonly served: Readonly<Record<string, number>>;
  readonly clients: readonly string[];
  readonly failures: Readonly<Record<string, number>>;
};

const ask = async (host: LabHostHandle, count = 32): Promise<Asked> =>
  JSON.parse(
    await host.expect([process.execPath, CLIENT, VIP, "6443", String(count), CA_FILE], {
      timeoutMs: PATIENCE,
    }),
  );

/** Who answers when this host asks; fails when a request does. */
const answering = async (host: LabHostHandle): Promise<readonly string[]> => {
  const { served, failures } = await ask(host);
  assert.deepEqual(failures, {}, host.name);
  return Object.keys(served).sort();
};

const allHealthy = (each: ControlPlane): Promise<unknown> =>
  each.until(
    "knows all to be well",
    ({ servers }) =>
      servers.length > 0 &&
      servers.every(({ backends }) => backends.every(({ health }) => health === "healthy")),
    PATIENCE,
  );

const leaves = (holdings: Holdings, name: string): Promise<unknown> =>
  until("it moves", async () => !holdings.holders(VIP).includes(name), { withinMs: PATIENCE });

describe("connections to the API servers", () => {
  it("are spread over all of them, from outside and from each host, and never reach a dead one", async (context) => {
    await inVipBed(context, async (bed) => {
      const { lab, hosts, holdings, authority } = bed;
      const client = lab.host("cl");
      await client.write(CA_FILE, authority.ca);
      const first = await startAll(bed, [...LINE, "--balance"]);
      await Promise.all(hosts.map(allHealthy));
      const askers = [client, ...hosts.map(({ host }) => host)];
      for (const each of askers) assert.deepEqual(await answering(each), ALL, each.name);

      // What is sent through a host that does not hold the address, as by its pods, goes on to the one that does.
      const [through] = parted(bed, first).others;
      assert(through !== undefined);
      const route = [`${VIP}/32`, "via", through.address];
      await client.expect(["ip", "route", "add", ...route]);
      assert.deepEqual(await answering(client), ALL, "through another host");
      await client.expect(["ip", "route", "del", ...route]);

      // One that does not hold the address dies: the holder goes on without it.
      const { holder, others } = parted(bed, first);
      const [dead, alive] = others;
      assert(dead !== undefined && alive !== undefined);
      const left = ALL.filter((name) => name !== dead.name);
      await dead.server("SIGKILL");
      await Promise.all(
        hosts.map((each) =>
          each.until(
            "knows one to be dead",
            ({ servers }) => servers[0]?.backends.filter(({ health }) => health === "failed").length === 1,
            PATIENCE,
          ),
        ),
      );
      for (const each of [client, dead.host]) assert.deepEqual(await answering(each), left, each.name);
      assert.deepEqual(holdings.holders(VIP), [first]);

      // That of the holder freezes: the address goes to the one host that is left.
      await holder.server("SIGSTOP");
      await leaves(holdings, first);
      assert.equal(await holderOf(holdings), alive.name);
      await holder.until(
        "knows two to be dead",
        ({ servers }) => servers[0]?.backends.filter(({ health }) => health === "failed").length === 2,
        PATIENCE,
      );
      for (const each of [client, holder.host])
        assert.deepEqual(await answering(each), [alive.name], each.name);
    });
  });
});
