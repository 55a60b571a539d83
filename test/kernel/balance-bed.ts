/**
 * A network for the balance tests, in network namespaces with names of their own:
 *
 * ```
 *  client 10.1.0.2 --- router 10.1.0.1 | 10.2.0.1 (bridge) --+-- edges   10.2.0.11, 10.2.0.12
 *         fd01::2                fd01::1   fd02::1           +-- workers 10.2.0.21 ... 10.2.0.24
 * ```
 *
 * Virtual addresses 10.2.0.100 and fd02::100, and 10.2.0.101 and fd02::101 for the workers. Workers have them on loopback too, without answering ARP for them.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type IpAddress, parseAddress } from "#base/address";
import { macBytes, parseMac } from "#base/mac";
import { instant } from "#base/time";
import type { EngineName } from "#core/balance/model";
import { openEngines } from "#drivers/balance/engines";
import { openIpvsEngine } from "#drivers/balance/ipvs/linux";
import type { SyncOptions } from "#drivers/balance/ipvs/sync";
import { openEngine } from "#drivers/balance/nftables/linux";
import type { Balance, BalanceEngine, Balancer } from "#drivers/balance/port";
import { Bpf } from "#drivers/balance/xdp/bpf";
import { openXdpEngine, type XdpEngine, type XdpOptions } from "#drivers/balance/xdp/engine";
import { openConntrack } from "#drivers/conntrack/linux";
import type { ConntrackPort } from "#drivers/conntrack/port";
import { openDoor } from "#native/door";
import { spoofedSyn } from "./balance-flood.ts";

export const VIRTUAL = { IPv4: "10.2.0.100", IPv6: "fd02::100" } as const;
/** Moves with them; backends of servers in mode `nat` have it as their gateway. */
export const INNER = { IPv4: "10.2.0.101", IPv6: "fd02::101" } as const;
/** Without one of its own a bridge takes that of a port, and changes it when ports come and go. */
const BRIDGE_MAC = "02:00:00:00:00:01";
const WORKERS = ["w1", "w2", "w3", "w4"];
const CLONE_NEWNET = 0x4000_0000;
const FILES = new URL(".", import.meta.url).pathname;

/** The address in `text`, which the test knows to be one. */
export const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
};

const ip = (...words: readonly string[]): string => execFileSync("ip", words, { encoding: "utf8" });

/** Told what to do line by line, answering line by line. */
export class Client {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    assert.ok(child.stdout);
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async ask(command: Readonly<Record<string, unknown>>): Promise<unknown> {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    const answer = await this.#answers.next();
    assert.equal(answer.done, false, "the client ended");
    return JSON.parse(answer.value);
  }

  /** How many flows met each backend. */
  async count(command: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, number>>> {
    const answer = await this.ask(command);
    assert.ok(typeof answer === "object" && answer !== null && !Array.isArray(answer));
    return Object.fromEntries(Object.entries(answer).map(([name, count]) => [name, Number(count)]));
  }

  async list(command: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
    const answer = await this.ask(command);
    assert.ok(Array.isArray(answer));
    return answer.map(String);
  }
}

/** `return XDP_PASS`. */
const PASS_ON = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);

export class Bed {
  readonly #prefix = `bal${process.pid}-`;
  readonly #directory = mkdtempSync(join(tmpdir(), "balance-"));
  readonly #namespaces: string[] = [];
  readonly #children: ChildProcess[] = [];
  readonly #engines: BalanceEngine[] = [];
  readonly #links: number[] = [];

  constructor() {
    this.#addNamespace("client");
    this.#addNamespace("router");
    ip("-n", this.name("router"), "link", "add", "br0", "address", BRIDGE_MAC, "type", "bridge");
    this.inside(
      "router",
      "ip link set br0 up; ip addr add 10.2.0.1/24 dev br0; ip addr add fd02::1/64 dev br0 nodad",
    );
    this.inside(
      "router",
      "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.br0.send_redirects=0 net.ipv4.icmp_ratelimit=0",
    );
    ip(
      "link",
      "add",
      "eth0",
      "netns",
      this.name("client"),
      "type",
      "veth",
      "peer",
      "name",
      "down0",
      "netns",
      this.name("router"),
    );
    this.inside(
      "router",
      "ip link set down0 up; ip addr add 10.1.0.1/24 dev down0; ip addr add fd01::1/64 dev down0 nodad",
    );
    this.inside(
      "client",
      "ip link set eth0 up; ip addr add 10.1.0.2/24 dev eth0; ip addr add fd01::2/64 dev eth0 nodad; ip route add default via 10.1.0.1; ip -6 route add default via fd01::1",
    );
    for (const [name, host] of [
      ["e1", 11],
      ["e2", 12],
      ["w1", 21],
      ["w2", 22],
      ["w3", 23],
      ["w4", 24],
    ] as const)
      this.#addStation(name, host);
    for (const edge of ["e1", "e2"])
      this.inside(
        edge,
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.netfilter.nf_conntrack_tcp_be_liberal=1",
      );
    for (const worker of WORKERS) {
      this.inside(
        worker,
        "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.tcp_mtu_probing=0",
      );
      this.inside(
        worker,
        `ip addr add ${VIRTUAL.IPv4}/32 dev lo; ip addr add ${VIRTUAL.IPv6}/128 dev lo nodad preferred_lft 0`,
      );
    }
  }

  name(station: string): string {
    return `${this.#prefix}${station}`;
  }

  /** Runs a shell command in a station and gives what it printed. */
  inside(station: string, command: string): string {
    return this.feed(station, command, "");
  }

  /** The same with something to read. */
  feed(station: string, command: string, input: string): string {
    return execFileSync("ip", ["netns", "exec", this.name(station), "sh", "-ec", command], {
      encoding: "utf8",
      input,
      stdio: ["pipe", "pipe", "pipe"],
      maxBuffer: 64 * 1_048_576,
    });
  }

  #addNamespace(station: string): void {
    ip("netns", "add", this.name(station));
    this.#namespaces.push(station);
    this.inside(station, "sysctl -qw net.ipv6.conf.default.accept_dad=0; ip link set lo up");
  }

  #addStation(station: string, host: number): void {
    this.#addNamespace(station);
    this.connect(station, host);
  }

  /** Gives a station its interface in the LAN. */
  connect(station: string, host: number): void {
    ip(
      "link",
      "add",
      "eth0",
      "netns",
      this.name(station),
      "type",
      "veth",
      "peer",
      "name",
      `to-${station}`,
      "netns",
      this.name("router"),
    );
    this.inside("router", `ip link set to-${station} master br0 up`);
    this.inside(
      station,
      `ip link set eth0 up; ip addr add 10.2.0.${host}/24 dev eth0; ip addr add fd02::${host}/64 dev eth0 nodad; ip route add default via 10.2.0.1; ip -6 route add default via fd02::1`,
    );
  }

  /** Gives the virtual addresses to one edge alone and lets the router know, as a takeover does. */
  giveAddressesTo(edge: "e1" | "e2"): void {
    const other = edge === "e1" ? "e2" : "e1";
    const v4: readonly string[] = [VIRTUAL.IPv4, INNER.IPv4];
    const v6: readonly string[] = [VIRTUAL.IPv6, INNER.IPv6];
    const take = [...v4, ...v6].map((held) => `ip addr del ${held} dev eth0 2>/dev/null || true`);
    this.inside(other, take.join("; "));
    this.inside(
      edge,
      [
        ...v4.map((held) => `ip addr replace ${held}/32 dev eth0`),
        ...v6.map((held) => `ip addr replace ${held}/128 dev eth0 nodad preferred_lft 0`),
      ].join("; "),
    );
    const mac = this.inside(edge, "cat /sys/class/net/eth0/address").trim();
    const tell = (held: string, device: string): string =>
      `ip neigh replace ${held} lladdr ${mac} dev ${device} nud reachable`;
    this.inside("router", [...v4, ...v6].map((held) => tell(held, "br0")).join("; "));
    const inner = Object.values(INNER).map((held) => tell(held, "eth0"));
    for (const worker of WORKERS) this.inside(worker, inner.join("; "));
  }

  /** Sends what the workers answer through whichever edge holds the inner addresses, or through the router. */
  routeWorkers(through: "edge" | "router"): void {
    const [v4, v6] = through === "edge" ? [INNER.IPv4, INNER.IPv6] : ["10.2.0.1", "fd02::1"];
    for (const worker of WORKERS) {
      this.inside(
        worker,
        `ip route replace default via ${v4}; ip -6 route flush default; ip -6 route add default via ${v6}`,
      );
    }
  }

  /** An engine that works in this edge, with a run directory that outlives it. */
  openEngine(edge: "e1" | "e2"): BalanceEngine {
    const nft = join(this.#directory, `nft-${edge}`);
    writeFileSync(nft, `#!/bin/sh\nexec ip netns exec ${this.name(edge)} nft "$@"\n`, { mode: 0o755 });
    const engine = this.inNamespace(edge, () =>
      openEngine({ door: openDoor(), runDirectory: join(this.#directory, edge), nft }),
    );
    this.#engines.push(engine);
    return engine;
  }

  /** An XDP engine that works in this edge. */
  openXdp(edge: "e1" | "e2", mode?: XdpOptions["mode"]): XdpEngine {
    const door = openDoor();
    const engine = openXdpEngine({
      // Sockets, and where a program is attached, belong to the namespace of the thread at that moment.
      door: {
        ...door,
        socket: (...call) => this.inNamespace(edge, () => door.socket(...call)),
        bpf: (...call) => this.inNamespace(edge, () => door.bpf(...call)),
      },
      ...(mode === undefined ? {} : { mode }),
    });
    this.#engines.push(engine);
    return engine;
  }

  /** The engines of this edge as the program combines them: nftables, above it this one if there is one. */
  combine(edge: "e1" | "e2", chosen: BalanceEngine | undefined): Balance & Partial<Balancer> {
    const nftables = this.openEngine(edge);
    if (chosen === undefined) return nftables;
    return openEngines({ nftables, others: [chosen], chosen: chosen.name, now: () => instant(0) });
  }

  /** The same by name. */
  openEngines(edge: "e1" | "e2", chosen: EngineName): Balance & Partial<Balancer> {
    return this.combine(edge, chosen === "xdp" ? this.openXdp(edge) : undefined);
  }

  /**
   * Lets the other end of a station's cable take what the station's driver sends from XDP: it must poll, which a virtual
   * cable does only when it has a program of its own.
   */
  receiveByDriver(station: string): void {
    this.#attachProgram("router", `to-${station}`);
  }

  /** Somebody else's XDP program at a station's interface, until the function given back is called. */
  occupy(station: string): () => void {
    const link = this.#attachProgram(station, "eth0");
    return () => void openDoor().close(link);
  }

  #attachProgram(station: string, device: string): number {
    const bpf = new Bpf(openDoor());
    const index = Number.parseInt(this.inside(station, `ip -o link show dev ${device}`), 10);
    const link = this.inNamespace(station, () => bpf.attach(bpf.load("pass_on", PASS_ON), index, "native"));
    this.#links.push(link);
    return link;
  }

  /** Sends SYNs to a virtual address from as many sources that do not exist; the router drops the answers. */
  flood(to: IpAddress, port: number, count: number): void {
    this.inside("router", "ip route replace blackhole default");
    const macOf = (station: string, link: string): Uint8Array => {
      const mac = parseMac(this.inside(station, `cat /sys/class/net/${link}/address`).trim());
      assert.ok(mac);
      return macBytes(mac);
    };
    const hop = { from: macOf("client", "eth0"), to: macOf("router", "down0") };
    const index = Number(this.inside("client", "cat /sys/class/net/eth0/ifindex"));
    const link = new Uint8Array(20);
    link.set([17, 0, 0x08, 0x00, index & 0xff, index >>> 8]);
    link[11] = 6;
    link.set(hop.to, 12);
    const door = openDoor();
    const fd = this.inNamespace("client", () => door.socket(17, 3, 0));
    assert.ok(fd >= 0);
    for (let sent = 0; sent < count; sent += 1) {
      door.send(fd, spoofedSyn({ ...hop, index: sent, address: to, port }), link, 0);
    }
    door.close(fd);
  }

  /** Connection tracking of this edge. */
  openConntrack(edge: "e1" | "e2"): ConntrackPort {
    const opened = this.inNamespace(edge, () => openConntrack());
    assert.ok(opened.ok, JSON.stringify(opened));
    return opened.value;
  }

  /** An IPVS engine that works in this edge; what does not work fails the test. */
  openIpvs(edge: "e1" | "e2", sync?: SyncOptions): BalanceEngine {
    const runDirectory = join(this.#directory, edge);
    const warn = (message: string): void => assert.fail(message);
    const engine = this.inNamespace(edge, () => openIpvsEngine({ runDirectory, sync, warn }));
    this.#engines.push(engine);
    return engine;
  }

  /** Sockets opened in `work` belong to the station's namespace; the thread comes back to its own. */
  inNamespace<Value>(station: string, work: () => Value): Value {
    const door = openDoor();
    const [own, other] = [
      openSync("/proc/thread-self/ns/net", "r"),
      openSync(`/run/netns/${this.name(station)}`, "r"),
    ];
    try {
      assert.equal(door.setns(other, CLONE_NEWNET), 0);
      return work();
    } finally {
      assert.equal(door.setns(own, CLONE_NEWNET), 0);
      closeSync(own);
      closeSync(other);
    }
  }

  #spawn(station: string, script: string, parameters: readonly string[]): ChildProcess {
    const child = spawn(
      "ip",
      ["netns", "exec", this.name(station), process.execPath, join(FILES, script), ...parameters],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    this.#children.push(child);
    return child;
  }

  /** Starts the four backends on these ports. */
  async startWorkers(ports: readonly number[]): Promise<void> {
    await Promise.all(WORKERS.map((worker) => this.startWorker(worker, ports)));
  }

  /** Starts a server that says the station's name on these ports of all its addresses. */
  async startWorker(station: string, ports: readonly number[]): Promise<void> {
    const child = this.#spawn(station, "balance-worker.ts", [station, ...ports.map(String)]);
    assert.ok(child.stdout);
    for await (const line of createInterface({ input: child.stdout })) if (line === "ready") return;
    assert.fail(`${station} did not start`);
  }

  startClient(station = "client"): Client {
    return new Client(this.#spawn(station, "balance-client.ts", []));
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const engine of this.#engines) await engine.close();
    for (const link of this.#links) openDoor().close(link);
    for (const station of this.#namespaces) ip("netns", "del", this.name(station));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
