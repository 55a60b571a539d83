import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Bed, type Edge, inBed, SLACK, SMALL, until } from "./edge-bed.ts";
import { activeDown, config, router, VIP } from "./edge-config.ts";

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
