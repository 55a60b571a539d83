/** The netlink driver against this kernel, in network namespaces of its own. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { formatInterfaceAddress, type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import { seconds } from "#base/time";
import { type Bench, netlinkContract } from "#drivers/netlink/contract";
import { openNetlink } from "#drivers/netlink/linux";
import type { NetlinkChange, NetlinkPort, NetlinkResult } from "#drivers/netlink/port";
import { openDoor } from "#native/door";

const CLONE_NEWNET = 0x4000_0000;
const door = openDoor();

const ip = (...args: readonly string[]): string =>
  execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** Moves this thread, and with it every socket and program that it opens, into another network namespace. */
const enter = (path: string): void => {
  const descriptor = openSync(path, "r");
  assert.equal(door.setns(descriptor, CLONE_NEWNET), 0);
  closeSync(descriptor);
};

let benches = 0;
const home = openSync("/proc/self/ns/net", "r");

type KernelBench = Bench & { readonly ip: (...args: readonly string[]) => string };

/** A namespace with `edge0`, whose cable ends in `far0` in a second namespace, so that its carrier can be cut. */
const openBench = (queueBytes?: number): KernelBench => {
  benches += 1;
  const near = `sy-netlink-${process.pid}-${benches}`;
  const far = `${near}-far`;
  const inside = (...args: readonly string[]): string => ip("-n", near, ...args);
  const close = (): void => {
    assert.equal(door.setns(home, CLONE_NEWNET), 0);
    for (const name of [near, far]) ip("netns", "del", name);
  };
  ip("netns", "add", near);
  ip("netns", "add", far);
  try {
    for (const name of [near, far]) {
      ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1");
    }
    inside("link", "set", "lo", "up");
    inside("link", "add", "edge0", "type", "veth", "peer", "name", "far0", "netns", far);
    inside("link", "set", "edge0", "up");
    ip("-n", far, "link", "set", "far0", "up");
    enter(`/run/netns/${near}`);
    const opened = openNetlink(door, queueBytes === undefined ? {} : { queueBytes });
    assert.ok(opened.ok, JSON.stringify(opened));
    const netlink = opened.value;
    const links = granted(netlink.links());
    const linkIndex = links.find(({ name }) => name === "edge0")?.index ?? 0;
    return {
      netlink,
      linkIndex,
      linkName: "edge0",
      ip: inside,
      setUp: (up) => inside("link", "set", "edge0", up ? "up" : "down"),
      setCarrier: (carrier) => ip("-n", far, "link", "set", "far0", carrier ? "up" : "down"),
      addForeign: (address) => inside("addr", "add", formatInterfaceAddress(address), "dev", "edge0"),
      removeForeign: (address) => inside("addr", "del", formatInterfaceAddress(address), "dev", "edge0"),
      changeSetting: () => {
        const path = "/proc/sys/net/ipv4/conf/edge0/rp_filter";
        writeFileSync(path, readFileSync(path, "latin1").trim() === "2" ? "0" : "2");
      },
      deleteLink: () => inside("link", "del", "edge0"),
      close: () => {
        netlink.close();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
};

const granted = <Value>(result: NetlinkResult<Value>): Value => {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
};

const cidr = (text: string): InterfaceAddress => {
  const parsed = parseInterfaceAddress(text);
  assert.ok(parsed, text);
  return parsed;
};

const address = (index: number): InterfaceAddress => cidr(`10.99.${index >> 8}.${index & 0xff}/32`);

const median = (values: readonly number[]): number =>
  [...values].sort((left, right) => left - right)[values.length >> 1] ?? 0;

/** Microseconds that each of 500 calls took. */
const timed = (act: (index: number) => void): readonly number[] =>
  Array.from({ length: 500 }, (_, index) => {
    const start = door.monotonicMicros();
    act(index);
    return door.monotonicMicros() - start;
  });

netlinkContract("kernel", openBench);

describe("the kernel's netlink", { timeout: 60_000 }, () => {
  let bench: KernelBench;
  before(() => {
    bench = openBench();
  });
  after(() => bench.close());

  const ours = (netlink: NetlinkPort): number =>
    granted(netlink.addresses()).filter(({ protocol }) => protocol === 0x53).length;

  it("adds 500 addresses, lists them all, and removes them", (t) => {
    const { netlink, linkIndex } = bench;
    const adds = timed((index) => {
      assert.equal(granted(netlink.addAddress({ linkIndex, address: address(index) })), "added");
    });
    assert.equal(ours(netlink), 500);
    const removals = timed((index) => {
      assert.equal(granted(netlink.removeAddress({ linkIndex, address: address(index) })), "removed");
    });
    assert.equal(ours(netlink), 0);
    t.diagnostic(`add: p50 ${median(adds)} us, 500 in ${adds.reduce((a, b) => a + b, 0) / 1_000} ms`);
    t.diagnostic(
      `remove: p50 ${median(removals)} us, 500 in ${removals.reduce((a, b) => a + b, 0) / 1_000} ms`,
    );
  });

  it("lets leased addresses go when nobody renews them, and tells of it", async () => {
    const { netlink, linkIndex } = bench;
    const texts = ["192.0.2.44/32", "2001:db8::44/128"];
    const gone: string[] = [];
    const stop = granted(
      netlink.subscribe((change) => {
        if (change.type === "address-gone") gone.push(formatInterfaceAddress(change.address));
      }),
    );
    for (const text of texts)
      granted(netlink.leaseAddress({ linkIndex, address: cidr(text), lifetime: seconds(1) }));
    assert.match(bench.ip("-6", "addr", "show", "edge0"), /2001:db8::44\/128 scope global .*nodad/);
    // No route comes with them.
    assert.equal(bench.ip("-6", "route", "show", "2001:db8::44"), "");
    const limit = performance.now() + 30_000;
    while (gone.length < texts.length) {
      assert.ok(performance.now() < limit, `gone: ${gone.join()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    stop();
    assert.deepEqual(gone.toSorted(), texts);
    assert.ok(!granted(netlink.addresses()).some((each) => texts.includes(formatInterfaceAddress(each))));
  });

  it("keeps an IPv6 address out of the host's own choice of source: deprecated, and not probed (RFC 4862 §5.5.4)", () => {
    const { netlink, linkIndex } = bench;
    bench.ip("addr", "add", "2001:db8::1/64", "dev", "edge0", "nodad");
    granted(netlink.addAddress({ linkIndex, address: cidr("2001:db8::99/64") }));
    assert.match(bench.ip("-6", "addr", "show", "edge0"), /2001:db8::99\/64 scope global nodad deprecated/);
    const route = granted(netlink.routeTo(cidr("2001:db8::98").address));
    assert.equal(route.source, "2001:db8::1");
    granted(netlink.removeAddress({ linkIndex, address: cidr("2001:db8::99/64") }));
  });

  it("says EACCES in the kernel's words where IPv6 is switched off", () => {
    const { netlink, linkIndex } = bench;
    execFileSync("sysctl", ["-qw", "net.ipv6.conf.edge0.disable_ipv6=1"]);
    const refused = netlink.addAddress({ linkIndex, address: cidr("2001:db8::99/64") });
    execFileSync("sysctl", ["-qw", "net.ipv6.conf.edge0.disable_ipv6=0"]);
    assert.deepEqual(refused, {
      ok: false,
      error: {
        code: "EACCES",
        request: `add 2001:db8::99/64 to link ${linkIndex}`,
        detail: "ipv6: IPv6 is disabled on this device",
      },
    });
  });

  it("lists a neighbour that answered and one that did not", () => {
    const { netlink } = bench;
    bench.ip("neigh", "add", "192.0.2.7", "lladdr", "02:00:00:00:00:07", "dev", "edge0");
    bench.ip("neigh", "add", "192.0.2.8", "nud", "failed", "dev", "edge0");
    const states = new Map(
      granted(netlink.neighbours()).map(({ address, state }) => [String(address), state]),
    );
    assert.equal(states.get("192.0.2.7"), "permanent");
    assert.equal(states.get("192.0.2.8"), "failed");
  });

  it("does not call a bridge's port gone when it leaves the bridge", async () => {
    const { netlink, linkIndex } = bench;
    bench.ip("link", "add", "br0", "type", "bridge");
    bench.ip("link", "set", "edge0", "master", "br0");
    const seen: NetlinkChange[] = [];
    const last = Promise.withResolvers<void>();
    const stop = granted(
      netlink.subscribe((change) => {
        seen.push(change);
        if (change.type === "link-gone" && change.name === "br0") last.resolve();
      }),
    );
    bench.ip("link", "set", "edge0", "nomaster");
    bench.ip("link", "del", "br0");
    await last.promise;
    stop();
    const gone = seen.filter((change) => change.type === "link-gone").map(({ index }) => index);
    assert.ok(!gone.includes(linkIndex));
    assert.ok(seen.some((change) => change.type === "link" && change.link.index === linkIndex));
  });
});

describe("a subscriber that does not read in time (ENOBUFS)", { timeout: 60_000 }, () => {
  it("is told of an overrun, after which everything can be read again and changes arrive", async () => {
    const bench = openBench(4_096);
    try {
      const { netlink, linkIndex } = bench;
      const overrun = Promise.withResolvers<void>();
      const later = Promise.withResolvers<void>();
      const stop = granted(
        netlink.subscribe((change) => {
          if (change.type === "overrun") overrun.resolve();
          if (change.type === "address" && change.address.address === address(1_000).address) later.resolve();
        }),
      );
      for (let index = 0; index < 500; index += 1) {
        granted(netlink.addAddress({ linkIndex, address: address(index) }));
      }
      await overrun.promise;
      const listed = granted(netlink.addresses()).filter((entry) => entry.linkIndex === linkIndex);
      assert.equal(listed.length, 500);
      // The queue is drained in turns; only then does the kernel deliver again.
      await new Promise((resolve) => setImmediate(resolve));
      granted(netlink.addAddress({ linkIndex, address: address(1_000) }));
      await later.promise;
      stop();
    } finally {
      bench.close();
    }
  });
});
