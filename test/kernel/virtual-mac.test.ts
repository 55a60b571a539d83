import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { standardTopology } from "#lab/index";
import { startDownloads, startServers, startUdpProbe, urlOf } from "#lab/probe/start";
import { type Bed, type Edge, inBed, SLACK, SMALL, until, WITH_NODES } from "./edge-bed.ts";
import { activeDown, config, echo, router, server, VIP } from "./edge-config.ts";
import { changesSince, tracesOf } from "./edge-traces.ts";

const ADDRESS = parseAddress(VIP) ?? assert.fail(VIP);
const MAC = "00:00:5e:00:01:33";
const HIGH = { priority: 150, virtualMac: true };
const LOW = { priority: 100, virtualMac: true };
const BOUND = activeDown(LOW.priority) + SLACK;

const links = async ({ host }: Edge): Promise<string> => await host.expect(["ip", "-o", "link"]);

/** The client never learns where an address is: neither gratuitous ARP nor anything else changes its mind. */
const beDeaf = async ({ lab }: Bed, address: string, mac: string): Promise<void> => {
  const cl = lab.host("cl");
  await cl.expect(["ip", "neigh", "replace", address, "lladdr", mac, "dev", "eth0", "nud", "permanent"]);
};

/** Lets the client ask for the MAC address of an address. */
const resolve = async ({ lab }: Bed, address: string): Promise<string> => {
  const cl = lab.host("cl");
  await cl.expect(["ip", "neigh", "flush", "dev", "eth0"]);
  await cl.run(["bash", "-c", `echo > /dev/udp/${address}/9`]);
  const known = async (): Promise<string | undefined> =>
    / lladdr (\S+)/.exec(await cl.expect(["ip", "neigh", "show", address]))?.[1];
  return await until(`the client knows ${address}`, known);
};

/** Both edges up, e1 active. */
const pair = async ({ e1, e2, holdings }: Bed, ...rest: readonly string[]): Promise<void> => {
  await e1.start(config(router(HIGH), ...rest));
  await holdings.settle(VIP, ["e1"]);
  await e2.start(config(router(LOW), ...rest));
  await e2.is("backup");
};

describe("a virtual MAC address", () => {
  it("moves with its address, so that a client that learns nothing loses nothing (masquerade)", async (context) => {
    await inBed(context, WITH_NODES, async (bed) => {
      const { lab, e1, e2, holdings } = bed;
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      await pair(bed, echo());
      await beDeaf(bed, VIP, MAC);
      const probe = await startUdpProbe(lab.host("cl"), { address: ADDRESS, port: 9000, interval: 10 });
      await pause(500);
      await e1.signal("SIGTERM");
      await holdings.settle(VIP, ["e2"], BOUND);
      await pause(500);
      const { sent, answers } = await probe.finish();
      assert(sent > 80, `only ${sent} were sent`);
      // An answer that is under way at that moment comes to the edge that does not know its question.
      assert(sent - answers.length <= 1, `of ${sent} datagrams ${sent - answers.length} were lost`);
      assert.match(await links(e2), new RegExp(`vrrp.51@eth0: <[^>]*UP.*${MAC}`));
    });
  });

  it("moves with its address and every download in flight (dsr)", async (context) => {
    const topology = standardTopology({ client: "lan", directReturn: [ADDRESS] });
    await inBed(context, topology, async (bed) => {
      const { lab, holdings } = bed;
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      await pair(bed, server({ mode: "dsr", port: 8080 }));
      await beDeaf(bed, VIP, MAC);
      const options = { url: urlOf(ADDRESS, 8080), streams: 10, duration: 2, bytes: 500_000 };
      const downloads = await startDownloads(lab.host("cl"), options);
      await lab.fault("silence e1");
      await holdings.settle(VIP, ["e1", "e2"], BOUND);
      const { downloads: ended } = await downloads.finish();
      assert.equal(ended.length, 10);
      assert.ok(ended.every(({ whole }) => whole));
    });
  });

  it("is the one answer to ARP, and the sender of advertisements; the backup is silent", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, e1, e2 } = bed;
      const cl = lab.host("cl");
      const capture = await cl.spawn(["tcpdump", "-lnei", "eth0", "arp or proto 112"]);
      await until("the capture runs", async () => capture.stderr().includes("listening"));
      await pair(bed);
      assert.equal(await resolve(bed, VIP), MAC);
      await resolve(bed, "10.2.0.11");
      await resolve(bed, "10.2.0.12");
      await pause(300);
      const lines = capture.stdout().split("\n");
      const answers = (address: string): ReadonlySet<string> =>
        new Set(lines.flatMap((line) => new RegExp(`Reply ${address} is-at (\\S+),`).exec(line)?.[1] ?? []));
      assert.deepEqual(answers(VIP), new Set([MAC]));
      const own = async ({ host }: Edge): Promise<string> =>
        (await host.expect(["cat", "/sys/class/net/eth0/address"])).trim();
      assert.deepEqual(answers("10.2.0.11"), new Set([await own(e1)]));
      assert.deepEqual(answers("10.2.0.12"), new Set([await own(e2)]));
      const adverts = lines.filter((line) => line.includes("VRRP"));
      assert(adverts.length > 3);
      for (const line of adverts) assert.match(line, new RegExp(`^\\S+ ${MAC} > .*10\\.2\\.0\\.11 > 224`));
      assert.match(await links(e2), /vrrp\.51@eth0: <(?!.*\bUP\b)/);
    });
  });

  it("serves IPv6 under its own address of that family", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, e1, e2, holdings } = bed;
      const virtual = "2001:db8:2::100";
      const spec = { virtualMac: true, addresses: ["fe80::100/64", `${virtual}/64`] };
      for (const host of ["e1", "e2", "cl"]) {
        const address = `2001:db8:2::${host === "cl" ? 50 : host.slice(1)}/64`;
        await lab.host(host).expect(["ip", "address", "add", address, "dev", "eth0", "nodad"]);
      }
      await e1.start(config(router({ ...spec, priority: 150 })));
      await holdings.settle(virtual, ["e1"]);
      await e2.start(config(router({ ...spec, priority: 100 })));
      assert.equal(await resolve(bed, virtual), "00:00:5e:00:02:33");
      await lab.fault("silence e1");
      await holdings.settle(virtual, ["e1", "e2"], BOUND);
      assert.equal(await resolve(bed, virtual), "00:00:5e:00:02:33");
    });
  });

  it("does not keep two active routers from hearing each other: one gives way", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, holdings } = bed;
      await pair(bed);
      await lab.fault("silence e1");
      await holdings.settle(VIP, ["e1", "e2"], BOUND);
      const restored = Date.now();
      await lab.fault("restore e1");
      await holdings.settle(VIP, ["e1"], 2_000);
      await pause(500);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
      assert.equal(holdings.overlap(VIP, { from: restored + 2_000 }), 0);
    });
  });

  it("comes and goes without a trace, and is made again when somebody removes it or takes it down", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const before = await tracesOf(e1);
      await e1.start(config(router(HIGH)));
      await holdings.settle(VIP, ["e1"]);
      const { host } = e1;
      const serves = async (): Promise<boolean> =>
        /vrrp\.51 .*10\.2\.0\.100\/24/.test(await host.expect(["ip", "-o", "addr", "show", "up"]));
      await until("it serves", serves);
      await host.expect(["ip", "link", "set", "vrrp.51", "down"]);
      await until("it is up again", async () => /vrrp\.51@\S+ <[^>]*\bUP\b/.test(await links(e1)));
      await host.expect(["ip", "link", "del", "vrrp.51"]);
      await until("it is there again", serves, { withinMs: 3_000 });
      assert.deepEqual(await e1.stop(), { code: 0, signal: null });
      assert.deepEqual(await changesSince(e1, before), []);
      assert.doesNotMatch(await links(e1), /vrrp/);
    });
  });

  it("is adopted by a restart after SIGKILL, with the same interface, and removed when it is not wanted any more", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(router(HIGH)));
      await holdings.settle(VIP, ["e1"]);
      const index = (text: string): string | undefined => /^(\d+): vrrp\.51@/m.exec(text)?.[1];
      const before = index(await links(e1));
      await e1.host.signalAll("SIGKILL");
      await e1.start(config(router(HIGH)));
      await e1.is("active");
      assert.equal(index(await links(e1)), before);
      assert.equal(holdings.tenures(VIP).length, 1);
      await e1.host.signalAll("SIGKILL");
      await e1.start(config(router({ priority: 150 })));
      await e1.is("active");
      assert.equal(index(await links(e1)), undefined);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
    });
  });

  it("does not touch an interface of its name that is not ours, and says so", async (context) => {
    await inBed(context, SMALL, async ({ e1 }) => {
      await e1.host.expect(["ip", "link", "add", "vrrp.51", "type", "bridge"]);
      await e1.configure(config(router(HIGH)));
      await e1.launch();
      const { text } = await e1.event(({ event }) => event.type === "virtual-link");
      assert.match(text, /there is another interface of this name/);
      assert.match(await links(e1), /vrrp\.51: .*/);
    });
  });
});
