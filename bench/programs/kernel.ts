/**
 * Times changes of addresses and of nftables elements, by our own codecs and by starting `ip` and `nft`. Prints one line of
 * JSON. Runs in a network namespace of its own, whose addresses and tables it uses up.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import { instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { SetChange } from "#core/nftables/delta";
import { rulesetOf } from "#core/nftables/skeleton";
import { renderRuleset } from "#core/nftables/text";
import { NetfilterSocket } from "#drivers/balance/nftables/socket";
import { openNetlink } from "#drivers/netlink/linux";
import { openDoor } from "#native/door";
import type { KernelTimes } from "../kernel.ts";

const RUNS = 50;
const MANY_ADDRESSES = 500;
const MANY_ELEMENTS = 1_000;
const SERVERS = 100;
const FILE = "/run/change.txt";

const [link = "eth0"] = process.argv.slice(2);
const linkIndex = Number(readFileSync(`/sys/class/net/${link}/ifindex`, "utf8"));

const median = (work: (run: number) => void, runs = RUNS): number => {
  const times = Array.from({ length: runs }, (_, run) => {
    const began = performance.now();
    work(run);
    return performance.now() - began;
  });
  return times.sort((left, right) => left - right)[runs >> 1] ?? Number.NaN;
};

const run = (program: string, ...parameters: readonly string[]): void => {
  const { status, stderr } = spawnSync(program, parameters, { encoding: "utf8" });
  assert(status === 0, `${program} failed`, { stderr });
};

const numbered = (index: number): InterfaceAddress => {
  const parsed = parseInterfaceAddress(`198.18.${index >> 8}.${index & 255}/32`);
  assert(parsed !== undefined, "an address");
  return parsed;
};

const textOf = ({ address, prefixLength }: InterfaceAddress): string => `${address}/${prefixLength}`;

const timeAddresses = () => {
  const netlink = openNetlink();
  assert(netlink.ok, "netlink");
  const add = (index: number): void => {
    assert(netlink.value.addAddress({ linkIndex, address: numbered(index) }).ok, "added");
  };
  const remove = (index: number): void => {
    assert(netlink.value.removeAddress({ linkIndex, address: numbered(index) }).ok, "removed");
  };
  const all = Array.from({ length: MANY_ADDRESSES }, (_, index) => index);
  const oneByCodec = median(add);
  for (let index = 0; index < RUNS; index += 1) remove(index);
  const oneByProgram = median((index) => run("ip", "address", "add", textOf(numbered(index)), "dev", link));
  for (let index = 0; index < RUNS; index += 1) remove(index);
  const manyByCodec = median(() => all.forEach(add), 1);
  all.forEach(remove);
  writeFileSync(FILE, all.map((index) => `address add ${textOf(numbered(index))} dev ${link}\n`).join(""));
  const manyByProgram = median(() => run("ip", "-batch", FILE), 1);
  all.forEach(remove);
  netlink.value.close();
  return { oneByCodec, oneByProgram, manyByCodec, manyByProgram };
};

const address = (text: string) => {
  const parsed = parseAddress(text);
  assert(parsed !== undefined, "an address");
  return parsed;
};

const servers = Array.from(
  { length: SERVERS },
  (_, index): VirtualServer => ({
    name: `s${index}`,
    address: address(`192.0.2.${index + 1}`),
    protocol: "tcp",
    ports: { first: 80, last: 80 },
    mode: "dsr",
    scheduler: { type: "consistent-hash", tableSize: 1_021 },
    backends: [21, 22, 23].map((host) => ({
      name: `w${host}`,
      address: address(`10.2.0.${host}`),
      port: 80,
      weight: 1,
    })),
  }),
);

const timeElements = () => {
  const plan = planForwarding({
    servers,
    availability: () => "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous: undefined,
    now: instant(0),
  });
  writeFileSync(FILE, [...renderRuleset(rulesetOf(plan))].join("\n"));
  run("nft", "-f", FILE);
  run("nft", "add map netdev steelyard bench { typeof numgen inc mod 2 : meta mark; }");
  run("nft", "add map netdev steelyard chosen { typeof numgen inc mod 2 : verdict; }");
  run("nft", "add rule netdev steelyard dispatch meta mark set numgen inc mod 2 map @bench");
  run("nft", "add rule netdev steelyard dispatch numgen inc mod 2 vmap @chosen");
  const socket = NetfilterSocket.open(openDoor());
  assert(socket instanceof NetfilterSocket, "nfnetlink");
  const change = (set: string, add: SetChange["add"]): void => {
    assert(socket.change([{ family: "netdev", set, remove: [], add }]) === undefined, "changed", { set });
  };
  const element = (value: number) =>
    ({ key: { type: "number", value }, data: { type: "number", value } }) as const;
  const many = Array.from({ length: MANY_ELEMENTS }, (_, index) => element(10_000 + index));
  const data = { type: "chain", chain: "server/s0" } as const;
  const lines = many.map(({ key }) => `add element netdev steelyard bench { ${key.value + 20_000} : 0x1 }\n`);
  const times = {
    oneByCodec: median((index) => change("bench", [element(index)])),
    manyByCodec: median(() => change("bench", many), 1),
    oneByProgram: median((index) =>
      run("nft", `add element netdev steelyard bench { ${50_000 + index} : 0x1 }`),
    ),
    manyByProgram: median(() => {
      writeFileSync(FILE, lines.join(""));
      run("nft", "-f", FILE);
    }, 1),
    oneVerdict: median((index) => change("chosen", [{ key: { type: "number", value: index }, data }])),
  };
  socket.close();
  run("nft", "delete table netdev steelyard");
  return times;
};

const times: KernelTimes = { addresses: timeAddresses(), elements: timeElements() };
process.stdout.write(`${JSON.stringify(times)}\n`);
