import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { steelyard, until } from "./edge-bed.ts";
import {
  CA_FILE,
  type ControlPlane,
  holderOf,
  inVipBed,
  PATIENCE,
  parted,
  startAll,
  VIP,
} from "./vip-bed.ts";

const VIP6 = "fd02::100";
const FILE = "/run/vip/vip.yaml";

/** One file for all hosts, of both families. */
const endpoint = (spec: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    ...{ apiVersion: "steelyard.dev/v1alpha1", kind: "ControlPlaneEndpoint", metadata: { name: "api" } },
    spec: {
      ...{ interface: "eth0", addresses: [VIP, `${VIP6}/64`], advertisementInterval: "100ms" },
      peers: [1, 2, 3].flatMap((n) => [`10.2.0.1${n}`, `fd02::1${n}`]),
      apiServer: { caFile: CA_FILE, interval: "200ms", fall: 2 },
      ...spec,
    },
  });

const configure = async (each: ControlPlane, text: string): Promise<void> => {
  await each.host.write(`${FILE}.new`, text);
  await each.host.expect(["mv", `${FILE}.new`, FILE]);
};

describe("a file with a ControlPlaneEndpoint", () => {
  it("holds both families on one host, changes while it runs, and is cleaned up after", async (context) => {
    await inVipBed(context, async (bed) => {
      const { hosts, holdings } = bed;
      for (const each of hosts) await configure(each, endpoint());
      const first = await startAll(bed, ["--config", FILE]);
      assert.equal(await holderOf(holdings, VIP6), first);
      const { holder } = parted(bed, first);

      const from = Date.now();
      await configure(holder, endpoint({ priority: 300 }));
      const refused = await holder.until("refuses", ({ config }) => config.refused !== undefined, PATIENCE);
      assert.match(refused.config.refused?.[0] ?? "", /vip\.yaml:1:\d+ spec\.priority: 300 is above 254/);
      await configure(holder, endpoint({ priority: 99 }));
      await holder.until(
        "takes it in",
        ({ config, routers }) =>
          config.refused === undefined && routers.every(({ priority }) => priority === 99),
        PATIENCE,
      );
      assert.deepEqual([holdings.vacancy(VIP, { from }), holdings.vacancy(VIP6, { from })], [0, 0]);

      // The commands find it without being told where it is.
      const status = await holder.host.run(steelyard("status"));
      assert.match(status.stdout, /^steelyard \S+ vip, running/);
      assert.match(status.stdout, /https 127\.0\.0\.1:6443\/livez {2}/);
      const events = await holder.host.run(steelyard("events"));
      assert.match(events.stdout, /api-ipv6/);

      await holder.server("SIGKILL");
      await until("both move", async () => !holdings.holders(VIP).includes(first), { withinMs: PATIENCE });
      const second = await holderOf(holdings);
      assert.notEqual(second, first);
      assert.equal(await holderOf(holdings, VIP6), second);

      for (const each of hosts) await each.host.signalAll("SIGKILL");
      assert.deepEqual(holdings.holders(VIP), [second]);
      for (const each of hosts) await each.host.run(steelyard("clean"));
      await holdings.settle(VIP, [], PATIENCE);
      await holdings.settle(VIP6, [], PATIENCE);
    });
  });

  it("waits for the address of its host, and finds its place when there is one", async (context) => {
    await inVipBed(context, async ({ hosts: [each], holdings }) => {
      const flush = ["ip", "-4", "address", "flush", "dev", "eth0"];
      await each.host.expect(flush);
      await configure(each, endpoint({ addresses: [VIP], peers: ["10.2.0.11", "10.2.0.12"] }));
      await each.serve();
      await each.launch(["--config", FILE]);
      await each.until("does not know itself", ({ routers }) => routers[0]?.priority === 1, PATIENCE);
      assert.deepEqual(holdings.tenures(VIP), []);
      await each.host.expect(["ip", "address", "add", "10.2.0.11/24", "dev", "eth0"]);
      await each.until("knows itself", ({ routers }) => routers[0]?.priority === 250, PATIENCE);
      await holdings.settle(VIP, [each.name], PATIENCE);
    });
  });
});
