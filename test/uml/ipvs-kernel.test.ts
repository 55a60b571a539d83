/** What IPVS makes of what it is asked for: exact counts, pinned clients. Runs inside user-mode Linux. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { IP_VS_SVC_F_PERSISTENT } from "#core/ipvs/constants";
import { diffServices } from "#core/ipvs/diff";
import type { IpvsService, ServiceState } from "#core/ipvs/model";
import type { IpvsKernel } from "#drivers/balance/ipvs/kernel";
import { openIpvsSocket } from "#drivers/balance/ipvs/socket";
import { openDoor } from "#native/door";
import { address, Bed, type Client, VIRTUAL } from "#test/kernel/balance-bed";

const PERSISTENCE = 2;

const state = (service: Partial<IpvsService>, weights: readonly number[] = [1, 1, 1]): ServiceState => ({
  service: {
    ...{ address: address(VIRTUAL.IPv4), protocol: "tcp", port: 80, scheduler: "rr" },
    ...{ flags: 0, persistence: 0, prefixLength: 32, ...service },
  },
  destinations: weights.map((weight, index) => ({
    ...{ address: address(`10.2.0.2${index + 1}`), port: service.port ?? 80, weight },
    ...{ forwarding: "direct", limited: false },
  })),
});

describe("IPVS itself", () => {
  let bed: Bed;
  let client: Client;
  let kernel: IpvsKernel;
  let current: readonly ServiceState[] = [];

  const want = (...wanted: readonly ServiceState[]): void => {
    assert.deepEqual(kernel.change(diffServices(wanted, current)), []);
    current = wanted;
  };
  const hold = async (count: number): Promise<Readonly<Record<string, number>>> => {
    const names = await client.list({ op: "hold", count, address: VIRTUAL.IPv4, port: 80 });
    return Object.fromEntries(
      ["w1", "w2", "w3"].map((name) => [name, names.filter((met) => met === name).length]),
    );
  };
  const met = async (port: number, count: number): Promise<readonly string[]> =>
    Object.keys(await client.count({ op: "spread", count, address: VIRTUAL.IPv4, port })).sort();

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([80, 81]);
    bed.giveAddressesTo("e1");
    client = bed.startClient();
    const opened = bed.inNamespace("e1", () => openIpvsSocket(openDoor()));
    assert.ok(opened.ok);
    kernel = opened.value;
  });
  after(async () => {
    kernel.close();
    await bed.close();
  });
  afterEach(async () => {
    await client.ask({ op: "drop" });
    want();
  });

  it("counts connections exactly: whoever has fewer of them for its weight gets the next (wlc)", async () => {
    want(state({ scheduler: "wlc" }, [0, 1, 1]));
    assert.deepEqual(await hold(12), { w1: 0, w2: 6, w3: 6 });
    want(state({ scheduler: "wlc" }, [1, 1, 1]));
    assert.deepEqual(await hold(6), { w1: 6, w2: 0, w3: 0 });
    assert.deepEqual(await hold(6), { w1: 2, w2: 2, w3: 2 });
    want(state({ scheduler: "wlc" }, [2, 1, 1]));
    assert.deepEqual(await hold(8), { w1: 8, w2: 0, w3: 0 });
  });

  it("pins a client while it comes back in time, to all ports if the service is for all", async () => {
    const pinned = { flags: IP_VS_SVC_F_PERSISTENT, persistence: PERSISTENCE };
    want(state({ ...pinned, port: 0 }));
    const [first, ...others] = await met(80, 12);
    assert.deepEqual([others, await met(81, 12)], [[], [first]]);
  });

  it("forgets a pin when its time is over and its connections are gone", async () => {
    bed.inside("e1", "ipvsadm --set 1 1 1");
    want(state({ flags: IP_VS_SVC_F_PERSISTENT, persistence: PERSISTENCE }));
    const seen = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      for (const name of await met(80, 4)) seen.add(name);
      await pause((PERSISTENCE + 2) * 1_000);
    }
    assert.equal(seen.size, 3);
  });
});
