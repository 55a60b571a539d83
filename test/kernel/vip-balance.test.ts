import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Status } from "#api/status";
import type { Event } from "#core/observation/event";
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

const ask = async (host: LabHostHandle, count = 32, path = "/"): Promise<Asked> =>
  JSON.parse(
    await host.expect([process.execPath, CLIENT, VIP, "6443", String(count), CA_FILE, path], {
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

/** How the holder has one of the API servers. */
const standing = ({ servers: [server] }: Status, { address }: ControlPlane): string => {
  const backend = server?.backends.find((each) => each.address === address);
  const drain = server?.drains.find((each) => each.backend === backend?.name);
  return `${backend?.health} ${drain?.state ?? "-"}`;
};

describe("an API server that is to end", () => {
  it("gets no new connection, and finishes those that it has, over a restart of the holder in place", async (context) => {
    await inVipBed(context, async (bed) => {
      const { lab, hosts, holdings, authority } = bed;
      const client = lab.host("cl");
      await client.write(CA_FILE, authority.ca);
      const flags = [...LINE, "--balance"];
      const first = await startAll(bed, flags);
      await Promise.all(hosts.map(allHealthy));
      const { holder, others } = parted(bed, first);
      const [ending, well] = others;
      assert(ending !== undefined && well !== undefined);
      const under = ask(client, 30, "/wait/12000");
      await pause(2_000);
      await ending.answer("unready");
      await holder.until("drains it", (seen) => standing(seen, ending) === "failed draining", PATIENCE);
      const rest = ALL.filter((name) => name !== ending.name);
      assert.deepEqual(await answering(client), rest);
      await holder.signal("SIGUSR2");
      await holder.relaunch(flags);
      await holder.until("drains it again", (seen) => standing(seen, ending) === "failed draining", PATIENCE);
      assert.deepEqual(await answering(client), rest);
      const { served, failures } = await under;
      assert.deepEqual(failures, {}, "none was cut");
      assert.ok((served[ending.name] ?? 0) > 0, JSON.stringify(served));
      assert.deepEqual(holdings.holders(VIP), [first]);
    });
  });

  it("that of the holder does not move the address until it is gone, with all that it served", async (context) => {
    await inVipBed(context, async (bed) => {
      const { lab, hosts, holdings, authority } = bed;
      const client = lab.host("cl");
      await client.write(CA_FILE, authority.ca);
      const first = await startAll(bed, [...LINE, "--balance"]);
      await Promise.all(hosts.map(allHealthy));
      const { holder } = parted(bed, first);
      const under = ask(client, 30, "/wait/12000");
      await pause(2_000);
      await holder.answer("unready");
      await holder.until("drains its own", (seen) => standing(seen, holder) === "failed draining", PATIENCE);
      assert.deepEqual(
        await answering(client),
        ALL.filter((name) => name !== first),
      );
      await holder.server("SIGTERM");
      const refuses = ({ checks }: Status) =>
        /^it refuses; the address stays until \d+ connections/.test(checks[0]?.reason ?? "");
      await holder.until("says why the address stays", refuses, PATIENCE);
      assert.deepEqual(
        await answering(client),
        ALL.filter((name) => name !== first),
      );
      assert.deepEqual(holdings.holders(VIP), [first]);
      const { served, failures } = await under;
      assert.deepEqual(failures, {}, "none was cut");
      assert.ok((served[first] ?? 0) > 0, JSON.stringify(served));
      await leaves(holdings, first);
      assert.notEqual(await holderOf(holdings), first);
    });
  });

  it("that of the holder moves the address at once when it is killed, whatever it served", async (context) => {
    await inVipBed(context, async (bed) => {
      const { lab, hosts, holdings, authority } = bed;
      const client = lab.host("cl");
      await client.write(CA_FILE, authority.ca);
      const first = await startAll(bed, [...LINE, "--balance"]);
      await Promise.all(hosts.map(allHealthy));
      const { holder } = parted(bed, first);
      const under = ask(client, 30, "/wait/20000");
      await pause(2_000);
      await holder.server("SIGKILL");
      await leaves(holdings, first);
      const events = (await holder.events()).map(({ event }) => event);
      assert.ok(!events.some((event) => event.type === "check-health" && event.from === event.to), "no stay");
      await under;
    });
  });

  it("is given up with all that it has when its host falls silent", async (context) => {
    await inVipBed(context, async (bed) => {
      const { lab, hosts, authority } = bed;
      const client = lab.host("cl");
      await client.write(CA_FILE, authority.ca);
      const first = await startAll(bed, [...LINE, "--balance", "--check-timeout", "500ms"]);
      await Promise.all(hosts.map(allHealthy));
      const { holder, others } = parted(bed, first);
      const [ending] = others;
      assert(ending !== undefined);
      const under = ask(client, 30, "/wait/20000");
      await pause(2_000);
      await ending.answer("unready");
      await holder.until("drains it", (seen) => standing(seen, ending) === "failed draining", PATIENCE);
      await ending.server("SIGSTOP");
      await holder.until("gives it up", (seen) => standing(seen, ending) === "failed -", PATIENCE);
      const told = async (good: (event: Event) => boolean): Promise<boolean> =>
        (await holder.events()).some(({ event }) => good(event));
      assert.ok(await told((event) => event.type === "backend-health" && event.from === event.to));
      const hasEnded = () => told((event) => event.type === "flows-ended" && event.count > 0);
      await until("ends what it had", hasEnded, { withinMs: PATIENCE });
      // Nobody else tells its clients, and nobody else's are told.
      const { served, failures } = await under;
      assert.deepEqual(
        Object.keys(served).sort(),
        ALL.filter((name) => name !== ending.name),
      );
      assert.deepEqual(Object.keys(failures), ["read ECONNRESET"]);
    });
  });
});
