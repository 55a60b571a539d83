import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { standardTopology } from "#lab/index";
import { startServers } from "#lab/probe/start";
import { address } from "#testing/values";
import { type Bed, type Edge, inBed, SLACK, SMALL, until } from "./edge-bed.ts";
import { activeDown, config, router, server, VIP } from "./edge-config.ts";

const WITH_DIRECT = standardTopology({ client: "lan", directReturn: [address(VIP)] });
const HIGH = 150;
const LOW = 100;
/** Until the other edge serves, or the better one again. */
const BOUND = 2 * activeDown(LOW) + SLACK;

/** Runs `ip` with these words in an edge's host. */
const ip = async ({ host }: Edge, ...commands: readonly string[]): Promise<void> => {
  for (const command of commands) await host.expect(["ip", ...command.split(" ")]);
};

/** e1 active on this interface, e2 its backup on eth0. */
const pair = async ({ e1, e2, holdings }: Bed, on: string, more = {}): Promise<void> => {
  await e1.start(config(router({ priority: HIGH, interface: on, ...more })));
  await holdings.settle(VIP, ["e1"]);
  await e2.start(config(router({ priority: LOW })));
  await e2.is("backup");
};

const carries = async ({ host }: Edge, device: string): Promise<boolean> =>
  (await host.expect(["ip", "-o", "addr", "show", "dev", device])).includes(` ${VIP}/`);

const waiting = async ({ e1 }: Bed): Promise<string> => {
  const { routers } = await e1.until("waits", (status) => status.routers[0]?.waiting !== undefined);
  return String(routers[0]?.waiting);
};

describe("an interface", () => {
  it("that is a bridge serves, gives up when its last port goes, and serves again", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, holdings } = bed;
      const move = ["link add br0 type bridge", "link set eth0 master br0", "addr flush dev eth0"];
      await ip(e1, ...move, "link set br0 up", "addr add 10.2.0.11/24 dev br0");
      await pair(bed, "br0");
      await ip(e1, "link set eth0 down");
      await holdings.settle(VIP, ["e2"], BOUND);
      await ip(e1, "link set eth0 up");
      await holdings.settle(VIP, ["e1"], BOUND);
      assert.ok(await carries(e1, "br0"));
    });
  });

  it("that is a macvlan is served again when it is deleted and made anew", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, holdings } = bed;
      const make = ["link add link eth0 name mv0 type macvlan mode bridge", "link set mv0 up"];
      await ip(e1, ...make, "addr add 10.2.0.31/24 dev mv0");
      await pair(bed, "mv0");
      await ip(e1, "link del mv0");
      await holdings.settle(VIP, ["e2"], BOUND);
      assert.match(await waiting(bed), /interface mv0 does not exist/);
      await ip(e1, ...make, "addr add 10.2.0.31/24 dev mv0");
      await holdings.settle(VIP, ["e1"], BOUND);
      assert.ok(await carries(e1, "mv0"));
    });
  });

  for (const [kind, device, make] of [
    [
      "a bridge",
      "br0",
      ["link add br0 type bridge", "link set eth0 master br0", "addr flush dev eth0", "link set br0 up"],
    ],
    ["a macvlan", "mv0", ["link add link eth0 name mv0 type macvlan mode bridge", "link set mv0 up"]],
  ] as const) {
    it(`that is ${kind} has virtual servers in every mode that needs nothing of the backends' routes`, async (context) => {
      await inBed(context, WITH_DIRECT, async (bed) => {
        const { lab, e1, holdings } = bed;
        await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
        await ip(e1, ...make, `addr add 10.2.0.31/24 dev ${device}`);
        const scheduler = { scheduler: "round-robin", tableSize: undefined };
        await e1.start(
          config(
            router({ priority: HIGH, interface: device }),
            server({ mode: "dsr", port: 80 }, "hashed"),
            server({ mode: "dsr", port: 8080, persistence: { timeout: "10m" } }, "kept"),
            // Another address: backends drop what comes from one that they hold.
            router({ priority: HIGH, interface: device, vrid: 52, addresses: ["10.2.0.101/24"] }, "other"),
            server({ ...scheduler, address: "10.2.0.101" }, "translated"),
          ),
        );
        await holdings.settle(VIP, ["e1"]);
        await holdings.settle("10.2.0.101", ["e1"]);
        for (const [virtual, port] of [
          [VIP, 80],
          [VIP, 8080],
          ["10.2.0.101", 80],
        ] as const) {
          const ask = `exec 3<>/dev/tcp/${virtual}/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -c 12 <&3`;
          const isServed = async (): Promise<boolean> =>
            /^HTTP/.test((await lab.host("cl").run(["timeout", "2", "bash", "-c", ask])).stdout);
          if (kind === "a bridge" && virtual !== VIP) {
            // Frames of a bridge are translated as they pass here, and none goes back out of the port that it came from.
            const filter = "net/bridge/bridge-nf-call-iptables";
            await e1.host.expect(["sh", "-c", `[ ! -e /proc/sys/${filter} ] || echo 1 >/proc/sys/${filter}`]);
            if ((await e1.host.run(["test", "-e", `/proc/sys/${filter}`])).code === 0) {
              await e1.event(({ event }) => event.type === "sysctl" && event.setting === filter, 8_000);
              assert.ok(!(await isServed()), "it does no harm any more: let the edge say nothing");
              await e1.host.expect(["sh", "-c", `echo 0 >/proc/sys/${filter}`]);
            }
          }
          await until(`${virtual}:${port} is served`, isServed);
        }
      });
    });
  }

  it("that is renamed, or becomes a port of a bridge, is given up, and served again when it is back", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, e2, holdings } = bed;
      await pair(bed, "eth0");
      await ip(e1, "link set eth0 down", "link set eth0 name lan0", "link set lan0 up");
      await holdings.settle(VIP, ["e2"], BOUND);
      assert.ok(!(await carries(e1, "lan0")), "a renamed interface keeps nothing of ours");
      await ip(e1, "link set lan0 down", "link set lan0 name eth0", "link set eth0 up");
      await holdings.settle(VIP, ["e1"], BOUND);

      await ip(e1, "link add br0 type bridge", "link set eth0 master br0");
      await holdings.settle(VIP, ["e2"], BOUND);
      assert.match(await waiting(bed), /interface eth0 belongs to a bridge: use that instead/);
      assert.ok(!(await carries(e1, "eth0")));
      assert.equal((await e2.router()).state, "active");
      await ip(e1, "link set eth0 nomaster");
      await holdings.settle(VIP, ["e1"], BOUND);
    });
  });

  it("that gets another MAC address is announced under it at once", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, e1 } = bed;
      await pair(bed, "eth0");
      const cl = lab.host("cl");
      await cl.run(["bash", "-c", `echo > /dev/udp/${VIP}/9`]);
      const known = async (): Promise<string> => await cl.expect(["ip", "neigh", "show", VIP]);
      await until("the client knows the address", async () => (await known()).includes("lladdr"));
      await pause(100);
      await ip(e1, "link set eth0 address 02:00:00:00:99:99");
      await until("the client learns", async () => (await known()).includes("02:00:00:00:99:99"), {
        withinMs: SLACK,
      });
    });
  });
});
