/**
 * Writes `src/core/netlink/testdata/*.hex`: questions as we send them and answers as this kernel gives them.
 *
 * Run as root: `node test/kernel/capture-netlink.ts`. It works in a network namespace of its own and removes it.
 * The tests beside the codecs read the files; after capturing on another kernel the diff is the review.
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { parseInterfaceAddress } from "#base/prefix";
import { openNetlink } from "#drivers/netlink/index";
import type { NetlinkPort } from "#drivers/netlink/port";
import { type Door, openDoor } from "#native/door";
import { formatDump } from "#testing/exchange";

const CLONE_NEWNET = 0x4000_0000;
const NAMESPACE = `steelyard-capture-${process.pid}`;
const TESTDATA = new URL("../../src/core/netlink/testdata/", import.meta.url);

const ip = (...args: readonly string[]): void => {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
};
const inside = (...args: readonly string[]): void => ip("-n", NAMESPACE, ...args);

/** A door that notes every message that goes through it. */
const recordingDoor = (door: Door, record: (direction: string, bytes: Uint8Array) => void): Door => ({
  ...door,
  send: (fd, bytes, address, flags) => {
    record("Question", bytes.slice());
    return door.send(fd, bytes, address, flags);
  },
  recv: (fd, bytes, flags) => {
    const length = door.recv(fd, bytes, flags);
    if (length > 0) record("Answer", bytes.slice(0, length));
    return length;
  },
});

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

const capture = async (): Promise<void> => {
  const door = openDoor();
  const descriptor = openSync(`/run/netns/${NAMESPACE}`, "r");
  assert(door.setns(descriptor, CLONE_NEWNET) === 0, "setns failed");
  closeSync(descriptor);
  let dumps: string[] = [];
  const record = (direction: string, bytes: Uint8Array): void => {
    dumps.push(formatDump(`${direction}, Linux ${release()}, ${process.arch}.`, bytes));
  };
  const opened = openNetlink(recordingDoor(door, record));
  assert(opened.ok, "no netlink", opened);
  const netlink = opened.value;
  const write = (file: string, about: string, act: (netlink: NetlinkPort) => unknown): void => {
    dumps = [];
    act(netlink);
    writeFileSync(new URL(file, TESTDATA), `# ${about}\n\n${dumps.join("\n")}`);
  };
  const v4 = { linkIndex: 2, address: parse("192.0.2.10/24") };
  const v6 = { linkIndex: 2, address: parse("2001:db8::10/64") };
  const hosts = ["192.0.2.77", "2001:db8::77", "198.51.100.1"].map((text) => {
    const address = parseAddress(text);
    assert(address !== undefined, "not an address", text);
    return address;
  });

  write("add.hex", "192.0.2.10/24 with label edge0:vip to link 2, then 2001:db8::10/64.", (port) => {
    port.addAddress({ ...v4, label: "edge0:vip" });
    port.addAddress(v6);
  });
  write(
    "refused.hex",
    "192.0.2.10/24 to link 2, which has it, then to link 99, which does not exist.",
    (port) => {
      port.addAddress(v4);
      port.addAddress({ ...v4, linkIndex: 99 });
    },
  );
  write("lookup.hex", "2001:db8::10/128 to link 2, which has it with length 64.", (port) =>
    port.addAddress({ linkIndex: 2, address: parse("2001:db8::10/128") }),
  );
  inside("route", "add", "198.51.100.0/24", "via", "inet6", "2001:db8::1", "dev", "edge0");
  write("routes.hex", `The way to ${hosts.join(", then to ")}.`, (port) =>
    hosts.map(port.routeTo.bind(port)),
  );
  inside("neigh", "add", "192.0.2.77", "lladdr", "02:00:00:00:00:77", "dev", "edge0");
  inside("neigh", "add", "2001:db8::77", "lladdr", "02:00:00:00:00:77", "nud", "stale", "dev", "edge0");
  write("links.hex", "Every link: lo, edge0, its peer far0 in the bridge br0.", (port) => port.links());
  write("addresses.hex", "Every address.", (port) => port.addresses());
  write("neighbours.hex", "Every neighbour.", (port) => port.neighbours());
  write("remove.hex", "192.0.2.10/24 from link 2, then again when it is gone.", (port) => {
    port.removeAddress(v4);
    port.removeAddress(v4);
  });

  const watching = netlink.subscribe(() => undefined);
  assert(watching.ok, "no subscription", watching);
  dumps = [];
  inside("addr", "add", "192.0.2.20/32", "dev", "edge0");
  inside("addr", "del", "192.0.2.20/32", "dev", "edge0");
  inside("link", "set", "far0", "nomaster");
  inside("link", "del", "edge0");
  await settle();
  const about = "192.0.2.20/32 added to edge0 and removed, far0 out of br0, edge0 deleted.";
  writeFileSync(new URL("changes.hex", TESTDATA), `# ${about}\n\n${dumps.join("\n")}`);
  netlink.close();
};

const parse = (text: string): NonNullable<ReturnType<typeof parseInterfaceAddress>> => {
  const address = parseInterfaceAddress(text);
  assert(address !== undefined, "not an address", text);
  return address;
};

ip("netns", "add", NAMESPACE);
try {
  // No IPv6 of the kernel's own making: link-local addresses and router solicitations come at random times.
  ip("netns", "exec", NAMESPACE, "sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1");
  inside("link", "set", "lo", "up");
  inside(
    "link",
    "add",
    "edge0",
    "address",
    "02:00:00:00:00:0a",
    "index",
    "2",
    "type",
    "veth",
    "peer",
    "name",
    "far0",
    "address",
    "02:00:00:00:00:0b",
    "index",
    "3",
  );
  inside("link", "add", "br0", "index", "4", "address", "02:00:00:00:00:0c", "type", "bridge");
  inside("link", "set", "far0", "master", "br0");
  for (const link of ["br0", "edge0", "far0"]) inside("link", "set", link, "up");
  await settle();
  await capture();
} finally {
  ip("netns", "del", NAMESPACE);
}
