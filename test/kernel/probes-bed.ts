/** A prober on real sockets, in a namespace of its own, and machines on the same switch. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer, type Server } from "node:net";
import type { IpAddress } from "#base/address";
import type { Verdict } from "#core/reachability/machine";
import type { SpeakerEvent } from "#core/speaker/event";
import { openClock } from "#drivers/clock/linux";
import { openNetlink } from "#drivers/netlink/linux";
import { openResponderPort } from "#drivers/packet/linux-responder";
import { openSegmentPort } from "#drivers/packet/linux-segments";
import { openDoor } from "#native/door";
import { Probes } from "#roles/speaker/fast/probes";
import { createDeadlines } from "#runtime/deadlines";
import { type Namespaces, openNamespaces, within } from "./namespaces.ts";

const door = openDoor();
const responderPort = openResponderPort(door);
const segmentPort = openSegmentPort(door);

/** The prober `p`, two machines `n` and `s`, all on the switch `w`, and a pod `b` behind `n`. */
const HOSTS = { p: 1, n: 2, s: 3 } as const;
export type Host = keyof typeof HOSTS;
export const macOf = (host: Host): string => `02:00:00:00:00:0${HOSTS[host]}`;

export type ProbesBed = {
  readonly net: Namespaces;
  /** Lets nftables of a host read these rules. */
  readonly filter: (host: Host, rules: string) => void;
  /** Listens on a TCP port of all addresses of a host or of the pod; gives how many connections came. */
  readonly serve: (host: Host | "b", port: number) => () => number;
};

const plug = (net: Namespaces, host: Host): void => {
  const peer = `type veth peer name ${host}-eth0 netns ${net.name("w")}`;
  net.ip(host, `link add eth0 address ${macOf(host)} ${peer}`, "link set eth0 up");
  net.ip("w", `link set ${host}-eth0 master br0`, `link set ${host}-eth0 up`);
  const number = HOSTS[host];
  net.ip(host, `addr add 192.0.2.${number}/24 dev eth0`, `addr add 2001:db8::${number}/64 dev eth0 nodad`);
};

const plugPod = (net: Namespaces): void => {
  net.ip("n", `link add pod0 type veth peer name eth0 netns ${net.name("b")}`, "link set pod0 up");
  net.ip("n", "addr add 10.9.0.1/24 dev pod0", "addr add fd09::1/64 dev pod0 nodad");
  net.ip("b", "link set eth0 up", "addr add 10.9.0.2/24 dev eth0", "addr add fd09::2/64 dev eth0 nodad");
  net.sysctl("n", "net/ipv4/ip_forward", "1");
  net.sysctl("n", "net/ipv6/conf/all/forwarding", "1");
};

/** Runs a test in a bed of its own. */
export const inProbesBed = async (test: (bed: ProbesBed) => Promise<void>): Promise<void> => {
  const net = openNamespaces(["w", "b", ...(Object.keys(HOSTS) as readonly Host[])]);
  const servers: Server[] = [];
  try {
    net.ip("w", "link add br0 type bridge mcast_snooping 0", "link set br0 up");
    for (const host of Object.keys(HOSTS) as readonly Host[]) plug(net, host);
    plugPod(net);
    await test({
      net,
      filter: (host, rules) => {
        execFileSync("ip", ["netns", "exec", net.name(host), "nft", "-f", "-"], { input: rules });
      },
      serve: (host, port) => {
        let accepted = 0;
        const server = createServer((socket) => {
          accepted += 1;
          socket.destroy();
        });
        within(net.name(host), () => server.listen(port));
        servers.push(server);
        return () => accepted;
      },
    });
  } finally {
    for (const server of servers) server.close();
    net.close();
  }
};

/** A prober in `p`, as a role wires it. */
export class ProberWire {
  readonly probes: Probes;
  readonly verdicts = new Map<IpAddress, Verdict>();
  readonly events: SpeakerEvent[] = [];
  readonly counts = new Map<string, number>();
  readonly #close: () => void;

  constructor(net: Namespaces) {
    const inside = net.name("p");
    const netlink = within(inside, () => openNetlink());
    const clock = openClock({ onWake: () => deadlines.runDue(), inSuspend: "goes-on" }, door);
    assert.ok(netlink.ok && clock.ok);
    const deadlines = createDeadlines(clock.value);
    this.probes = new Probes({
      packets: {
        openResponder: (request) => within(inside, () => responderPort.openResponder(request)),
        openSegments: (request) => within(inside, () => segmentPort.openSegments(request)),
        reservePorts: (ports) => within(inside, () => segmentPort.reservePorts(ports)),
      },
      ...{ netlink: netlink.value, deadlines, now: () => clock.value.now(), random: Math.random },
      mayAsk: () => true,
      isStranger: () => false,
      onVerdict: (address, verdict) => this.verdicts.set(address, verdict),
      tell: (event) => this.events.push(event),
      count: (what) => this.counts.set(what, (this.counts.get(what) ?? 0) + 1),
    });
    this.#close = () => {
      clock.value.close();
      netlink.value.close();
    };
  }

  /** Microseconds of the clock that the prober goes by. */
  now(): number {
    return door.bootMicros();
  }

  close(): void {
    this.probes.close();
    this.#close();
  }
}
