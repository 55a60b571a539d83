import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { macFromBytes } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { type Edge, inBed, SLACK, SMALL, type Topology } from "./edge-bed.ts";
import { activeDown, check, config, INTERVAL, router, VIP } from "./edge-config.ts";

const HIGH = 150;
const LOW = 100;

const BACK = "bk";

/** The edges have a second cable, eth1, to a switch of its own: 10.3.0.11 and 10.3.0.12. */
const TWO_LINKS: Topology = {
  switches: ["sw", BACK],
  hosts: (SMALL?.hosts ?? []).map((host) => {
    if (host.role !== "edge") return host;
    const number = host.name === "e1" ? 11 : 12;
    const address = parseInterfaceAddress(`10.3.0.${number}/24`) ?? assert.fail();
    const mac = macFromBytes(Uint8Array.of(2, 0, 0, 0, 3, number));
    const eth1 = { name: "eth1", switch: BACK, mac, addresses: [address] };
    return { ...host, interfaces: [...host.interfaces, eth1] };
  }),
};

describe("a router gives way", () => {
  const extra = async ({ host }: Edge): Promise<(state: "up" | "down") => Promise<unknown>> => {
    await host.expect(["ip", "link", "add", "uplink", "type", "veth", "peer", "name", "far"]);
    await host.expect(["sh", "-c", "ip link set uplink up && ip link set far up"]);
    return (state) => host.expect(["ip", "link", "set", "far", state]);
  };

  it("by weight when a tracked interface has no carrier, and takes over again when it has", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, e2, holdings } = bed;
      const plug = await extra(e1);
      await e2.start(config(router({ priority: LOW })));
      await e1.start(
        config(router({ priority: HIGH, track: { interfaces: [{ name: "uplink", weight: 60 }] } })),
      );
      await holdings.settle(VIP, ["e1"]);
      const lost = Date.now();
      await plug("down");
      await holdings.settle(VIP, ["e2"], activeDown(LOW) + SLACK);
      const { effectivePriority, failed, state } = await e1.is("backup");
      assert.deepEqual([state, effectivePriority, failed], ["backup", 90, ["interface uplink failed"]]);
      assert(holdings.vacancy(VIP, { from: lost }) < INTERVAL + SLACK);
      await plug("up");
      await holdings.settle(VIP, ["e1"]);
      assert.equal((await e1.is("active")).effectivePriority, HIGH);
    });
  });

  it("altogether when a tracked interface with fault has no carrier, even if nobody else is there", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const plug = await extra(e1);
      await e1.start(
        config(router({ priority: HIGH, track: { interfaces: [{ name: "uplink", fault: true }] } })),
      );
      await holdings.settle(VIP, ["e1"]);
      await plug("down");
      await holdings.settle(VIP, []);
      assert.equal((await e1.is("fault")).effectivePriority, "fault");
      await plug("up");
      await holdings.settle(VIP, ["e1"]);
    });
  });

  it("when a tracked script says no, and says so", async (context) => {
    await inBed(context, SMALL, async ({ e1, e2, holdings }) => {
      const ready = check("ready", {
        script: { command: ["/usr/bin/test", "-e", "/run/edge/ready"] },
        interval: "100ms",
        retries: 0,
        rise: 1,
      });
      const tracking = { track: { checks: [{ name: "ready", weight: 60 }] } };
      await e1.host.write("/run/edge/ready", "");
      await e1.start(config(router({ priority: HIGH, ...tracking }), ready));
      await e2.start(config(router({ priority: LOW })));
      await holdings.settle(VIP, ["e1"]);
      await e1.host.expect(["rm", "/run/edge/ready"]);
      await holdings.settle(VIP, ["e2"]);
      const { checks } = await e1.until("shows the check", (seen) => seen.checks[0]?.health === "failed");
      assert.match(String(checks[0]?.reason), /1/);
      await e1.event(({ event }) => event.type === "check-health" && event.to === "failed");
      await e1.host.write("/run/edge/ready", "");
      await holdings.settle(VIP, ["e1"]);
    });
  });

  it("together with its sync group when one of two links fails", async (context) => {
    await inBed(context, TWO_LINKS, async ({ lab, e1, e2, holdings }) => {
      const INNER = "10.3.0.100";
      const group = (priority: number): string =>
        config(
          router({ priority, syncGroup: "pair" }),
          router({ priority, syncGroup: "pair", interface: "eth1", addresses: [`${INNER}/24`] }, "back"),
        );
      await e1.start(group(HIGH));
      await e2.start(group(LOW));
      await e1.is("active", "back");
      await e1.is("active");
      await lab.host(BACK).expect(["ip", "link", "set", "e1", "down"]);
      await e2.is("active", "back");
      await e2.is("active");
      await holdings.settle(VIP, ["e2"]);
      assert.equal((await e1.router()).state, "fault");
      await lab.host(BACK).expect(["ip", "link", "set", "e1", "up"]);
      await e1.is("active", "back");
      await e1.is("active");
      await holdings.settle(VIP, ["e1"]);
      await e2.is("backup", "back");
    });
  });
});

describe("an address", () => {
  it("comes up on the device and with the label and prefix length that were asked for", async (context) => {
    await inBed(context, TWO_LINKS, async ({ e1, holdings }) => {
      const addresses = [
        { address: `${VIP}/28`, label: "eth0:vip" },
        { address: "10.3.0.100/24", device: "eth1" },
        "10.2.0.101",
      ];
      await e1.start(config(router({ priority: HIGH, addresses, unadvertisedAddresses: ["fd02::100/64"] })));
      await holdings.settle("fd02::100", ["e1"]);
      type Shown = { ifname: string; addr_info: { local: string; prefixlen: number; label?: string }[] };
      const links: readonly Shown[] = JSON.parse(await e1.host.expect(["ip", "-j", "addr"]));
      const shown = links.flatMap(({ ifname, addr_info }) =>
        addr_info.map(({ local, prefixlen, label }) =>
          `${local}/${prefixlen} ${ifname} ${label ?? ""}`.trimEnd(),
        ),
      );
      for (const wanted of [
        `${VIP}/28 eth0 eth0:vip`,
        "10.3.0.100/24 eth1 eth1",
        "10.2.0.101/32 eth0 eth0",
        "fd02::100/64 eth0",
      ])
        assert(shown.includes(wanted), `${wanted} is not among ${shown.join(", ")}`);
      await e1.stop();
      const left = await e1.host.expect(["ip", "-o", "addr"]);
      assert.doesNotMatch(left, /\.10[01]\/|::100\//);
    });
  });
});

describe("an edge that is cut off from clients while its peer still hears it on another link", () => {
  it("gives up when its witness answers no more, by ping or ARP, and takes over again", async (context) => {
    await inBed(context, TWO_LINKS, async ({ lab, e1, e2, holdings }) => {
      const timing = { address: "10.2.0.1", interval: "200ms", timeout: "200ms", retries: 0 };
      const spec = (witness: object, priority: number): string =>
        config(
          check("gateway", { ...timing, ...witness }),
          router({
            ...{ interface: "eth1", priority, addresses: [{ address: `${VIP}/24`, device: "eth0" }] },
            track: { checks: [{ name: "gateway", weight: 100 }] },
          }),
        );
      await Promise.all([
        e1.start(spec({ ping: {} }, HIGH)),
        e2.start(spec({ arp: { interface: "eth0" } }, LOW)),
      ]);
      await holdings.settle(VIP, ["e1"]);
      const sw = lab.host("sw");
      const cut = (name: string): Promise<unknown> => sw.expect(["ip", "link", "set", name, "nomaster"]);
      const mend = (name: string): Promise<unknown> =>
        sw.expect(["ip", "link", "set", name, "master", "br0"]);
      await cut("e1");
      const began = Date.now();
      await holdings.settle(VIP, ["e2"], 1_000 + SLACK);
      assert(holdings.overlap(VIP, { from: began }) < INTERVAL + SLACK);
      assert.deepEqual((await e1.router()).failed, ["check gateway failed"]);
      await mend("e1");
      await holdings.settle(VIP, ["e1"], 2_000 + SLACK);
      await cut("e2");
      await e2.until("misses its witness", ({ routers }) => routers[0]?.effectivePriority === 1);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
    });
  });

  it("keeps the addresses where they are when the witness itself is gone", async (context) => {
    await inBed(context, SMALL, async ({ lab, e1, e2, holdings }) => {
      const text = (priority: number): string =>
        config(
          check("gateway", { ping: {}, address: "fd02::1", interval: "200ms", timeout: "200ms", retries: 0 }),
          router({ priority, track: { checks: [{ name: "gateway", weight: 60 }] } }),
        );
      await Promise.all([e1.start(text(HIGH)), e2.start(text(LOW))]);
      await holdings.settle(VIP, ["e1"]);
      await lab.fault("silence rt");
      await e1.until("misses it", ({ routers }) => routers[0]?.effectivePriority === HIGH - 60);
      await e2.until("misses it", ({ routers }) => routers[0]?.effectivePriority === LOW - 60);
      await holdings.settle(VIP, ["e1"]);
      assert.equal((await e1.router()).state, "active");
    });
  });
});
