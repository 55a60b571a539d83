import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Bed, inBed, SLACK, SMALL } from "./edge-bed.ts";
import { activeDown, config, router, type Spec, VIP } from "./edge-config.ts";

const HIGH = 150;
const LOW = 100;

/** Both edges with this spec; e1 is better. */
const startPair = async ({ e1, e2 }: Bed, spec: Spec = {}): Promise<void> => {
  await Promise.all([
    e1.start(config(router({ priority: HIGH, ...spec }))),
    e2.start(config(router({ priority: LOW, ...spec }))),
  ]);
};

describe("two edges share an address", () => {
  it("of IPv6, announced to neighbours who knew the other", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, holdings } = bed;
      const addresses = ["fe80::100", "fd02::100"] as const;
      await startPair(bed, { addresses: addresses.map((address) => `${address}/64`) });
      for (const address of addresses) await holdings.settle(address, ["e1"]);
      await greet(bed, "fd02::100");
      assert.equal(await neighbour(bed, "fd02::100"), "02:00:00:00:02:0b");
      const cut = Date.now();
      await lab.fault("silence e1");
      for (const address of addresses) await holdings.settle(address, ["e1", "e2"], activeDown(LOW) + SLACK);
      await pause(300);
      assert.equal(await neighbour(bed, "fd02::100"), "02:00:00:00:02:0c");
      await lab.fault("restore");
      for (const address of addresses) {
        await holdings.settle(address, ["e1"]);
        assert.equal(holdings.vacancy(address, { from: cut }), 0);
      }
    });
  });

  it("of IPv4, announced to neighbours who knew the other", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, holdings } = bed;
      await startPair(bed);
      await holdings.settle(VIP, ["e1"]);
      await greet(bed, VIP);
      assert.equal(await neighbour(bed, VIP), "02:00:00:00:02:0b");
      await lab.fault("silence e1");
      await holdings.settle(VIP, ["e1", "e2"]);
      await pause(300);
      assert.equal(await neighbour(bed, VIP), "02:00:00:00:02:0c");
    });
  });

  it("in version 2", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, holdings } = bed;
      await startPair(bed, { version: 2, advertisementInterval: "1s" });
      await holdings.settle(VIP, ["e1"], 8_000);
      const cut = Date.now();
      await lab.fault("silence e1");
      const took = (await holdings.settle(VIP, ["e1", "e2"])) - cut;
      const limit = 3_000 + (156 / 256) * 1_000;
      assert(took > 1_900 && took < limit + SLACK, `${took} ms`);
    });
  });

  it("without multicast, by unicast to each other", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, e1, e2, holdings } = bed;
      const filter = "proto 112 and dst host 224.0.0.18";
      const ear = await lab.host("cl").spawn(["tcpdump", "-lni", "eth0", filter]);
      await ear.said(/listening on/);
      await e1.start(config(router({ priority: HIGH, unicast: { peers: ["10.2.0.12"] } })));
      await e2.start(config(router({ priority: LOW, unicast: { peers: ["10.2.0.11"] } })));
      await holdings.settle(VIP, ["e1"]);
      await pause(500);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
      await lab.fault("silence e1");
      await holdings.settle(VIP, ["e1", "e2"], activeDown(LOW) + SLACK);
      await ear.stop();
      assert.equal(ear.stdout().trim(), "", "nothing went to the group");
    });
  });

  it("as two routers with mirrored priorities, one each, and both when alone", async (context) => {
    await inBed(context, SMALL, async ({ lab, e1, e2, holdings }) => {
      const OTHER = "10.2.0.110";
      const both = (first: number, second: number): string =>
        config(
          router({ priority: first }),
          router({ priority: second, vrid: 52, addresses: [`${OTHER}/24`] }, "other"),
        );
      await e1.start(both(HIGH, LOW));
      await e2.start(both(LOW, HIGH));
      const apart = async (): Promise<void> => {
        await holdings.settle(VIP, ["e1"]);
        await holdings.settle(OTHER, ["e2"]);
      };
      await apart();
      await lab.fault("silence e1");
      await holdings.settle(VIP, ["e1", "e2"]);
      await lab.fault("restore");
      await apart();
      await e2.stop();
      await holdings.settle(OTHER, ["e1"]);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
    });
  });
});

describe("who takes over from a worse router that is alive", () => {
  it("nobody, with preempt: false", async (context) => {
    await inBed(context, SMALL, async ({ e1, e2, holdings }) => {
      await e2.start(config(router({ priority: LOW, preempt: false })));
      await holdings.settle(VIP, ["e2"]);
      await e1.start(config(router({ priority: HIGH, preempt: false })));
      await pause(2 * activeDown(HIGH));
      assert.deepEqual(holdings.holders(VIP), ["e2"]);
      assert.equal((await e1.router()).state, "backup");
      await e2.stop();
      await holdings.settle(VIP, ["e1"]);
    });
  });

  it("the better one, once preemptDelay is over", async (context) => {
    await inBed(context, SMALL, async ({ e1, e2, holdings }) => {
      await e2.start(config(router({ priority: LOW })));
      await holdings.settle(VIP, ["e2"]);
      const started = Date.now();
      await e1.start(config(router({ priority: HIGH, preemptDelay: "2s" })));
      const took = (await holdings.settle(VIP, ["e1"])) - started;
      assert(took > 2_000 && took < 2_000 + activeDown(HIGH) + SLACK, `${took} ms`);
    });
  });

  it("the owner of the addresses at once, without waiting for silence", async (context) => {
    await inBed(context, SMALL, async ({ e1, e2, holdings }) => {
      await e1.host.expect(["ip", "addr", "add", `${VIP}/24`, "dev", "eth0"]);
      await e2.start(config(router({ priority: LOW, advertisementInterval: "1s" })));
      await holdings.settle(VIP, ["e1", "e2"], 8_000);
      const started = Date.now();
      await e1.start(config(router({ priority: 255, advertisementInterval: "1s" })));
      const took = (await holdings.settle(VIP, ["e1"])) - started;
      assert(took < 1_000 + SLACK, `${took} ms`);
      assert.equal((await e1.is("active")).reason, "owner");
      await e1.stop();
      await holdings.settle(VIP, ["e1", "e2"]);
      assert.equal(
        holdings.tenures(VIP).filter(({ host }) => host === "e1").length,
        1,
        "the owner keeps its own",
      );
    });
  });
});

/** Makes the client learn the neighbour: nobody listens there, and being refused is enough. */
async function greet({ lab }: Bed, address: string): Promise<void> {
  await lab.host("cl").run(["timeout", "1", "bash", "-c", `exec 3<>/dev/tcp/${address}/9`]);
}

/** The Ethernet address that the client has for a neighbour. */
async function neighbour({ lab }: Bed, address: string): Promise<string | undefined> {
  const text = await lab.host("cl").expect(["ip", "neigh", "show", "to", address, "dev", "eth0"]);
  return /lladdr (\S+)/.exec(text)?.[1];
}
