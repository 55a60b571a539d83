/** The planned kernel settings do what they promise, with real packets in network namespaces. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { IpFamily } from "#base/address";
import { type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import { sysctlKey } from "#core/sysctl/key";
import {
  type ObservedSysctls,
  planSysctlRestore,
  planSysctls,
  type SysctlChange,
  sysctlsToObserve,
} from "#core/sysctl/plan";
import type { NetworkUse } from "#core/sysctl/use";
import { openNetlink } from "#drivers/netlink/linux";
import { sysctlContract } from "#drivers/sysctl/contract";
import { openSysctl } from "#drivers/sysctl/linux";
import { openDoor } from "#native/door";

const CLONE_NEWNET = 0x4000_0000;
/** How long an answer is waited for that must not come, and one that must come, milliseconds. */
const PATIENCE = { without: 400, with: 5_000 };

const door = openDoor();
const home = openSync("/proc/self/ns/net", "r");
const prefix = `sy-sysctl-${process.pid}`;

const ip = (...args: readonly string[]): void => {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
};
const on = (name: string, ...args: readonly string[]): void => ip("-n", `${prefix}-${name}`, ...args);

/** Moves this thread into a namespace; what it opens from then on belongs there. */
const enter = (name: string): void => {
  const descriptor = openSync(`/run/netns/${prefix}-${name}`, "r");
  assert.equal(door.setns(descriptor, CLONE_NEWNET), 0);
  closeSync(descriptor);
};

/** One host with a link to the edge's `device`, and nothing configured on the edge but addresses. */
const plug = (host: string, device: string, network: number): void => {
  on("edge", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", `${prefix}-${host}`);
  for (const [name, link, last] of [
    ["edge", device, 1],
    [host, "eth0", 2],
  ] as const) {
    on(name, "addr", "add", `10.${network}.0.${last}/24`, "dev", link);
    on(name, "addr", "add", `fd0${network}::${last}/64`, "dev", link, "nodad");
    on(name, "link", "set", link, "up");
  }
  on(host, "route", "add", "default", "via", `10.${network}.0.1`);
  on(host, "-6", "route", "add", "default", "via", `fd0${network}::1`);
};

const build = (): void => {
  for (const name of ["client", "edge", "node"]) {
    ip("netns", "add", `${prefix}-${name}`);
    // A router asks for neighbours from its link-local address, and would wait for that to be probed.
    enter(name);
    for (const scope of ["all", "default"]) write(["net", "ipv6", "conf", scope, "accept_dad"], "0");
    write(["net", "ipv6", "conf", "default", "dad_transmits"], "0");
  }
  plug("client", "eth0", 1);
  plug("node", "eth1", 2);
  // IPv4 settings of a new namespace are copied from the host's, whatever they are.
  enter("edge");
  for (const path of ["ip_forward", "conf/all/promote_secondaries", "conf/eth0/promote_secondaries"]) {
    write(["net", "ipv4", ...path.split("/")], "0");
  }
  for (const path of ["all", "eth0", "eth1"]) write(["net", "ipv4", "conf", path, "send_redirects"], "1");
};

const tearDown = (): void => {
  assert.equal(door.setns(home, CLONE_NEWNET), 0);
  for (const name of ["client", "edge", "node"]) ip("netns", "del", `${prefix}-${name}`);
};

const sysctl = openSysctl();

const write = (segments: readonly string[], value: string): void => {
  assert.deepEqual(sysctl.write(sysctlKey(...segments), value), { ok: true, value: undefined });
};

const observe = (use: NetworkUse): ObservedSysctls => {
  const observed = sysctl.observe(sysctlsToObserve(use));
  assert.ok(observed.ok, JSON.stringify(observed));
  return observed.value;
};

const apply = (changes: readonly SysctlChange[]): void => {
  for (const { key, to } of changes) assert.deepEqual(sysctl.write(key, to), { ok: true, value: undefined });
};

const bound = async (host: string, family: IpFamily): Promise<Socket> => {
  enter(host);
  const socket = createSocket(family === "IPv4" ? "udp4" : "udp6");
  socket.bind();
  await once(socket, "listening");
  enter("edge");
  return socket;
};

/** Whether a datagram from the client comes back from the node, through the edge both ways, in this time. */
const reaches = async (family: IpFamily, patience: number): Promise<boolean> => {
  const node = await bound("node", family);
  const client = await bound("client", family);
  try {
    node.on("message", (data, from) => node.send(data, from.port, from.address));
    const answer = once(client, "message", { signal: AbortSignal.timeout(patience) });
    client.send("hello", node.address().port, family === "IPv4" ? "10.2.0.2" : "fd02::2");
    return await answer.then(
      () => true,
      () => false,
    );
  } finally {
    node.close();
    client.close();
  }
};

const use = (family: IpFamily): NetworkUse => ({
  interfaces: ["lo", "eth0", "eth1"],
  forwarding: { IPv4: [], IPv6: [], [family]: ["eth0", "eth1"] },
  subnets: [],
  virtualMacs: [],
});

/** What a kernel without the setting for single interfaces would show. */
const asBefore617 = (observed: ObservedSysctls): ObservedSysctls =>
  new Map([...observed].filter(([key]) => !key.endsWith("/force_forwarding")));

describe("kernel settings, with packets", { timeout: 60_000 }, () => {
  before(build);
  after(tearDown);

  const kernels = [
    { name: "IPv4", family: "IPv4", see: (observed: ObservedSysctls) => observed },
    { name: "IPv6 as this kernel can", family: "IPv6", see: (observed: ObservedSysctls) => observed },
    { name: "IPv6 as before Linux 6.17", family: "IPv6", see: asBefore617 },
  ] as const;
  for (const { name, family, see } of kernels) {
    it(`forwards ${name} after the plan, not before it, and no longer once put back`, async () => {
      const original = observe(use(family));
      assert.equal(await reaches(family, PATIENCE.without), false);
      const { changes, missing } = planSysctls(use(family), see(original));
      assert.deepEqual(missing, []);
      apply(changes);
      assert.equal(await reaches(family, PATIENCE.with), true);
      assert.deepEqual(planSysctls(use(family), see(observe(use(family)))).changes, []);
      apply(planSysctlRestore(changes, observe(use(family))));
      assert.deepEqual(observe(use(family)), original);
      assert.equal(await reaches(family, PATIENCE.without), false);
    });
  }

  it("keeps the host's own address when a virtual one of the same subnet goes first", () => {
    const opened = openNetlink(door);
    assert.ok(opened.ok);
    const netlink = opened.value;
    const links = netlink.links();
    assert.ok(links.ok);
    const linkIndex = links.value.find((link) => link.name === "eth0")?.index ?? 0;
    const virtual: InterfaceAddress | undefined = parseInterfaceAddress("192.0.2.10/24");
    assert.ok(virtual);
    const survives = (): boolean => {
      assert.ok(netlink.addAddress({ linkIndex, address: virtual }).ok);
      on("edge", "addr", "add", "192.0.2.5/24", "dev", "eth0");
      assert.ok(netlink.removeAddress({ linkIndex, address: virtual }).ok);
      const left = netlink.addresses();
      return left.ok && left.value.some(({ address }) => String(address) === "192.0.2.5");
    };
    try {
      assert.equal(survives(), false);
      const subnets: NetworkUse = { ...use("IPv4"), forwarding: { IPv4: [], IPv6: [] }, subnets: ["eth0"] };
      apply(planSysctls(subnets, observe(subnets)).changes);
      assert.equal(survives(), true);
    } finally {
      netlink.close();
    }
  });
});

describe("sysctl driver, in a namespace", () => {
  before(() => {
    build();
    write(["net", "ipv4", "conf", "lo", "forwarding"], "0");
  });
  after(tearDown);
  sysctlContract("kernel", () => openSysctl());
});
