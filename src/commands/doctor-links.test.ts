import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openNetlink } from "#drivers/netlink/linux";
import { openSysctl } from "#drivers/sysctl/linux";
import { readLinks } from "./doctor-links.ts";

describe("interfaces as the doctor sees them", () => {
  let net: string;
  let sysctl: string;
  before(() => {
    net = mkdtempSync(join(tmpdir(), "steelyard-doctor-"));
    sysctl = join(net, "sysctl");
    const put = (path: string, text: string): void => {
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, text);
    };
    put(join(net, "lo/flags"), "0x9\n");
    put(join(net, "lo/bridge/multicast_snooping"), "1\n");
    put(join(net, "lo/bridge/multicast_querier"), "0\n");
    for (const [link, arpIgnore] of [
      ["all", "0"],
      ["lo", "1"],
    ] as const) {
      put(join(sysctl, `net/ipv4/conf/${link}/arp_ignore`), `${arpIgnore}\n`);
    }
    put(join(sysctl, "net/ipv4/conf/all/rp_filter"), "2\n");
    put(join(sysctl, "net/ipv4/conf/lo/rp_filter"), "1\n");
  });
  after(() => rmSync(net, { recursive: true }));

  const loopback = (folder: string) => {
    const netlink = openNetlink();
    assert.ok(netlink.ok);
    const read = readLinks({ netlink: netlink.value, sysctl: openSysctl(sysctl) }, folder);
    netlink.value.close();
    assert.ok(read.ok);
    return read.links.find(({ name }) => name === "lo") ?? assert.fail("no loopback");
  };

  it("have the kernel's settings, the larger of their own and those for all", () => {
    const { settings, snooping, speaksArp, kind } = loopback(net);
    assert.deepEqual(settings, { arpIgnore: 1, arpAnnounce: 0, rpFilter: 2 });
    assert.deepEqual(snooping, { on: true, querier: false });
    assert.deepEqual([speaksArp, kind], [true, undefined]);
  });

  it("say when ARP is off, and when they are a radio", () => {
    const other = mkdtempSync(join(tmpdir(), "steelyard-doctor-"));
    mkdirSync(join(other, "lo/phy80211"), { recursive: true });
    writeFileSync(join(other, "lo/flags"), "0x89\n");
    const { speaksArp, kind, snooping } = loopback(other);
    assert.deepEqual([speaksArp, kind, snooping], [false, "wireless", undefined]);
    rmSync(other, { recursive: true });
  });
});
