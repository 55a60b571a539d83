import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseMac } from "#base/mac";
import { sysctlKey } from "#core/sysctl/key";
import { openFakeEngine } from "#drivers/balance/fake";
import { FakeNetlink } from "#drivers/netlink/fake";
import { FakeSysctl } from "#drivers/sysctl/fake";
import { address, virtualRouter } from "#testing/values";
import { findAddresses } from "./addresses.ts";
import { findFiles } from "./files.ts";
import { findForwarding } from "./forwarding.ts";
import type { Leftover } from "./leftover.ts";
import { findSettings } from "./settings.ts";
import { findVirtualLinks } from "./virtual-links.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-leftovers-"));
after(() => rmSync(directory, { recursive: true }));

const whats = (leftovers: readonly Leftover[]): readonly string[] => leftovers.map(({ what }) => what);
const removeAll = async (leftovers: readonly Leftover[]): Promise<readonly (string | undefined)[]> =>
  Promise.all(leftovers.map(({ remove }) => remove()));

const ETH0 = { index: 2, name: "eth0", mtu: 1500, up: true, carrier: true, loopback: false };

/** No configuration. */
const NOTHING = { routers: [], loopback: [] };

describe("addresses that are left behind", () => {
  const machine = (): FakeNetlink => {
    const netlink = new FakeNetlink([ETH0]);
    // Ours by its mark, and the machine's own.
    netlink.addAddress({ linkIndex: 2, address: { address: address("192.0.2.100"), prefixLength: 24 } });
    netlink.setAddress({
      ...{ linkIndex: 2, address: address("192.0.2.1"), prefixLength: 24 },
      ...{ tentative: false, duplicate: false },
    });
    return netlink;
  };

  it("are those that carry our mark, and nobody else's", async () => {
    const netlink = machine();
    const found = await findAddresses(netlink, NOTHING)();
    assert.deepEqual(whats(found), ["address 192.0.2.100/24 on eth0"]);
    assert.deepEqual(await removeAll(found), [undefined]);
    assert.deepEqual(await findAddresses(netlink, NOTHING)(), []);
  });

  it("are those that a configuration names too, but for an owner's, which its interface has for good", async () => {
    const own = { address: address("192.0.2.1"), prefixLength: 24 };
    const router = virtualRouter({ name: "front", interface: "eth0", addresses: [own] });
    assert.equal((await findAddresses(machine(), { ...NOTHING, routers: [router] })()).length, 2);
    assert.equal(
      (await findAddresses(machine(), { ...NOTHING, routers: [{ ...router, priority: 255 }] })()).length,
      1,
    );
    assert.equal(
      (await findAddresses(machine(), { ...NOTHING, routers: [{ ...router, interface: "eth1" }] })()).length,
      1,
    );
  });

  it("are those that a configuration has routers told of, on the loopback interface and nowhere else", async () => {
    const lo = { ...ETH0, index: 1, name: "lo", loopback: true };
    const netlink = new FakeNetlink([lo, ETH0]);
    const unmarked = { tentative: false, duplicate: false };
    for (const [linkIndex, text, prefixLength] of [
      [1, "198.51.100.1", 32],
      [1, "2001:db8::1", 128],
      [1, "198.51.100.1", 24],
      [1, "198.51.100.2", 32],
      [2, "198.51.100.1", 32],
    ] as const)
      netlink.setAddress({ ...unmarked, linkIndex, address: address(text), prefixLength });
    const loopback = [address("198.51.100.1"), address("2001:db8::1")];
    assert.deepEqual(whats(await findAddresses(netlink, { ...NOTHING, loopback })()), [
      "address 198.51.100.1/32 on lo",
      "address 2001:db8::1/128 on lo",
    ]);
  });
});

describe("interfaces that are left behind", () => {
  it("are macvlans with our alias, and nobody else's", async () => {
    const netlink = new FakeNetlink([ETH0]);
    const mac = parseMac("00:00:5e:00:01:33") ?? assert.fail();
    for (const [name, alias] of [
      ["vrrp.51", "steelyard virtual router front"],
      ["mine", "mine"],
    ] as const) {
      assert.ok(netlink.addMacvlan({ name, lower: 2, mac, alias }).ok);
    }
    const found = await findVirtualLinks(netlink)();
    assert.deepEqual(whats(found), ["interface vrrp.51 with a virtual MAC address"]);
    assert.deepEqual(await removeAll(found), [undefined]);
    assert.deepEqual(await findVirtualLinks(netlink)(), []);
  });
});

describe("forwarding that is left behind", () => {
  it("is there when an engine has tables, and goes with them", async () => {
    const engine = openFakeEngine();
    assert.deepEqual(await findForwarding(engine)(), []);
    await engine.apply({ ingress: [], servers: [] });
    const found = await findForwarding(engine)();
    assert.deepEqual(whats(found), ["forwarding rules"]);
    assert.deepEqual(await removeAll(found), [undefined]);
    assert.deepEqual(await findForwarding(engine)(), []);
  });
});

describe("kernel settings that are left behind", () => {
  const key = sysctlKey("net", "ipv4", "conf", "eth0", "forwarding");
  const record = (): void =>
    writeFileSync(
      join(directory, "sysctls.json"),
      JSON.stringify([{ key, from: "0", to: "1", reason: "it was needed" }]),
    );

  it("are put back, and not again", async () => {
    record();
    const sysctl = new FakeSysctl(new Map([[key, "1"]]));
    const found = await findSettings(sysctl, directory)();
    assert.deepEqual(whats(found), ["change of net.ipv4.conf.eth0.forwarding (0 -> 1)"]);
    assert.deepEqual(await removeAll(found), [undefined]);
    const observed = sysctl.observe([key]);
    assert.equal(observed.ok && observed.value.get(key), "0");
    assert.deepEqual(await findSettings(sysctl, directory)(), []);
  });

  it("stay on record when the kernel refuses", async () => {
    record();
    const sysctl = new FakeSysctl(new Map([[key, "1"]]));
    sysctl.refuseWrites("EROFS");
    const [failure] = await removeAll(await findSettings(sysctl, directory)());
    assert.match(failure ?? "", /^EROFS: set it to 0 by hand/);
    assert.equal((await findSettings(sysctl, directory)()).length, 1);
  });
});

describe("files that are left behind", () => {
  it("are those that we write and a socket, not what merely has their names, and nothing else", async () => {
    const runtimeDirectory = join(directory, "run");
    mkdirSync(join(runtimeDirectory, "ruleset.nft.new"), { recursive: true });
    for (const name of ["ruleset.nft", "forwarding.json", "mine.txt"]) {
      writeFileSync(join(runtimeDirectory, name), "");
    }
    symlinkSync(join(runtimeDirectory, "mine.txt"), join(runtimeDirectory, "probe.nft"));
    const admin = join(runtimeDirectory, "edge.sock");
    const server = createServer().listen(admin);
    await new Promise((resolve) => server.once("listening", resolve));
    const found = await findFiles({ runtimeDirectory, admin })();
    server.close();
    assert.deepEqual(whats(found), [
      `file ${runtimeDirectory}/ruleset.nft`,
      `file ${runtimeDirectory}/forwarding.json`,
      `socket ${admin}`,
    ]);
    assert.deepEqual(await removeAll(found), [undefined, undefined, undefined]);
    assert.ok(existsSync(join(runtimeDirectory, "mine.txt")));
    assert.deepEqual(await findFiles({ runtimeDirectory, admin: join(runtimeDirectory, "mine.txt") })(), []);
  });
});
