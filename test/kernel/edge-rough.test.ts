import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startServers } from "#lab/probe/start";
import { type Bed, inBed, SMALL, steelyard, until, WITH_NODES } from "./edge-bed.ts";
import { config, router, server, VIP } from "./edge-config.ts";

const startPair = async ({ e1, e2, holdings }: Bed): Promise<void> => {
  await Promise.all([
    e1.start(config(router({ priority: 150 }))),
    e2.start(config(router({ priority: 100 }))),
  ]);
  await holdings.settle(VIP, ["e1"]);
};

describe("the network of an active edge is changed under it", () => {
  it("its interface is set down and up by hand: the peer serves meanwhile", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, holdings } = bed;
      await startPair(bed);
      const began = Date.now();
      await e1.host.expect(["ip", "link", "set", "eth0", "down"]);
      await holdings.settle(VIP, ["e2"]);
      await e1.host.expect(["ip", "link", "set", "eth0", "up"]);
      await holdings.settle(VIP, ["e1"]);
      assert(holdings.vacancy(VIP, { from: began }) < 2_000);
    });
  });

  it("its interface loses its own address and gets it back: the peer serves meanwhile", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, holdings } = bed;
      await startPair(bed);
      await e1.host.expect(["ip", "addr", "del", "10.2.0.11/24", "dev", "eth0"]);
      await holdings.settle(VIP, ["e2"]);
      const { waiting } = await e1
        .until("waits", ({ routers }) => routers[0]?.waiting !== undefined)
        .then(({ routers }) => routers[0] ?? assert.fail());
      assert.match(String(waiting), /eth0 has no IPv4 address to speak from/);
      await e1.host.expect(["ip", "addr", "add", "10.2.0.11/24", "dev", "eth0"]);
      await holdings.settle(VIP, ["e1"]);
    });
  });

  it("its link flaps: at the end one edge holds the address", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, e1, holdings } = bed;
      await startPair(bed);
      for (let flap = 0; flap < 10; flap += 1) {
        await lab.fault("link-down e1");
        await pause(flap * 20);
        await lab.fault("link-up e1");
        await pause(flap * 20);
      }
      const still = Date.now();
      await holdings.settle(VIP, ["e1"]);
      await pause(1_000);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
      assert.equal(holdings.overlap(VIP, { from: still + 2_000 }), 0);
      await e1.is("active");
    });
  });

  it("the device of one of its addresses is missing: it says so and puts it there later", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const addresses = [`${VIP}/24`, { address: "10.9.0.100/24", device: "later" }];
      await e1.start(config(router({ priority: 150, addresses })));
      await holdings.settle(VIP, ["e1"]);
      const { text } = await e1.event(({ event }) => event.type === "address" && event.change === "failed");
      assert.match(text, /10\.9\.0\.100 on later failed \(interface later does not exist\)/);
      await e1.host.expect([
        "sh",
        "-c",
        "ip link add later type veth peer name far; ip link set far up; ip link set later up",
      ]);
      await holdings.settle("10.9.0.100", ["e1"]);
      await e1.until("holds both", ({ routers }) => routers[0]?.addresses.every(({ held }) => held) === true);
    });
  });
});

describe("a reload of an active router", () => {
  it("to another virtual router id goes on with the address", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(router({ priority: 150 })));
      await holdings.settle(VIP, ["e1"]);
      await e1.configure(config(router({ priority: 150, vrid: 60 })));
      await e1.until("has the id", ({ routers }) => routers[0]?.vrid === 60 && routers[0].state === "active");
      await holdings.settle(VIP, ["e1"]);
    });
  });

  it("under another name ends with one router and its address", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(router({ priority: 150 })));
      await holdings.settle(VIP, ["e1"]);
      await e1.configure(config(router({ priority: 150 }, "renamed")));
      await e1.is("active", "renamed");
      await holdings.settle(VIP, ["e1"]);
      assert.deepEqual(
        (await e1.status())?.routers.map(({ name }) => name),
        ["renamed"],
      );
      assert.deepEqual((await e1.router("renamed")).conflicts, []);
    });
  });

  it("that swaps addresses between two routers leaves each with its own", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const OTHER = "10.2.0.110";
      const two = (first: string, second: string): string =>
        config(
          router({ priority: 150, addresses: [`${first}/24`] }),
          router({ priority: 150, vrid: 52, addresses: [`${second}/24`] }, "other"),
        );
      await e1.start(two(VIP, OTHER));
      await holdings.settle(VIP, ["e1"]);
      await holdings.settle(OTHER, ["e1"]);
      await e1.configure(two(OTHER, VIP));
      await e1.event(({ event }) => event.type === "config-applied" && event.generation === 2);
      await e1.until("holds both", ({ routers }) =>
        routers.every(({ addresses }) => addresses.every(({ held }) => held)),
      );
      await pause(1_500);
      assert.deepEqual([holdings.holders(VIP), holdings.holders(OTHER)], [["e1"], ["e1"]]);
      const { routers } = (await e1.status()) ?? assert.fail("no status");
      assert.deepEqual(
        routers.map(({ name, addresses }) => [name, addresses[0]?.address, addresses[0]?.held]),
        [
          ["front", `${OTHER}/24`, true],
          ["other", `${VIP}/24`, true],
        ],
      );
    });
  });
});

describe("the program goes on", () => {
  it("when nobody reads its log any more", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.configure(config(router({ priority: 150 })));
      const command = steelyard("edge", "--config", "/run/edge/edge.yaml").join(" ");
      await e1.host.spawn(["sh", "-c", `(${command} 2>&1; echo $? >/run/edge/ended) | head -n 1`]);
      const { wire, agent } = await e1.until("is active", ({ routers }) => routers[0]?.state === "active");
      await e1.configure("kind: Nonsense\n");
      await e1.until("shows a problem", (seen) => seen.config.refused !== undefined);
      await e1.host.expect(["ip", "addr", "del", `${VIP}/24`, "dev", "eth0"]);
      const { text } = await e1.event(({ event }) => event.type === "address" && event.change === "restored");
      assert.match(text, /removed by (process \d+ \(ip\)|netlink port \d+, a process that is gone)/);
      const still = (await e1.status()) ?? assert.fail("no status");
      assert.deepEqual([still.wire.pid, still.agent.pid], [wire.pid, agent.pid]);
      await e1.host.expect(["kill", "-TERM", String(wire.pid)]);
      await until("it ends", async () => (await e1.host.run(["cat", "/run/edge/ended"])).stdout === "0\n");
      assert.deepEqual(holdings.holders(VIP), []);
    });
  });

  it("as an ordinary user with the capabilities that are documented and no more", async (context) => {
    await inBed(context, WITH_NODES, async ({ lab, e1, holdings }) => {
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      await e1.host.expect(["sh", "-c", "mkdir /run/steelyard; chown 65534:65534 /run/steelyard"]);
      // The checkout may lie where only root can read.
      const rights = "+net_admin,+net_raw,+dac_read_search";
      const prefix = [
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
        "--no-new-privs",
        "--inh-caps",
        rights,
        "--ambient-caps",
        rights,
        "--",
      ];
      await e1.start(
        config(router({ priority: 150 }), server(), server({ mode: "dsr", port: 8080 }, "direct")),
        { prefix },
      );
      await holdings.settle(VIP, ["e1"]);
      const failures = (await e1.events()).filter(({ severity }) => severity === "error");
      assert.deepEqual(
        failures.map(({ subject, text }) => `${subject}: ${text}`),
        [],
      );
      const connect = ["timeout", "1", "bash", "-c", `exec 3<>/dev/tcp/${VIP}/80`];
      await until("it forwards", async () => (await lab.host("cl").run(connect)).code === 0);
      assert.deepEqual(await e1.stop(), { code: 0, signal: null });
      assert.deepEqual(holdings.holders(VIP), []);
    });
  });
});
