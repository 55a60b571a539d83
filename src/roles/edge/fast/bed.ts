/** Machines for tests: a fleet each, on a fake kernel, a fake wire and a clock that stands still until it is moved. */
import { addressBytes, type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { internetChecksum } from "#base/checksum";
import { type MacAddress, parseMac } from "#base/mac";
import { type Duration, type Instant, micros, millis } from "#base/time";
import type { Event } from "#core/observation/event";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { type FakeClock, fakeClock } from "#drivers/clock/fake";
import { type FakeRecord, fakeRecord } from "#drivers/files/fake-record";
import { FakeNetlink } from "#drivers/netlink/fake";
import type { Link } from "#drivers/netlink/port";
import { type FakeSegment, type FakeStation, fakeSegment } from "#drivers/packet/fake";
import type { PacketPort } from "#drivers/packet/port";
import { createDeadlines, type Deadlines } from "#runtime/deadlines";
import { Fleet } from "./fleet.ts";
import { createMemory } from "./memory.ts";

const parsed = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

const macOf = (host: number): MacAddress => {
  const mac = parseMac(`02:00:00:00:00:0${host}`);
  assert(mac !== undefined, "not a MAC address", { host });
  return mac;
};

/** The interface that every machine has, up and with its cable in. */
export const ETH0 = { name: "eth0", index: 2 } as const;

export type Machine = {
  readonly fleet: Fleet;
  readonly netlink: FakeNetlink;
  readonly record: FakeRecord;
  readonly station: FakeStation;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly events: Event[];
  readonly counts: Map<string, number>;
  /** How many VRRP sockets it has opened so far. */
  readonly opened: () => number;
  /** Lets no socket be opened until called with false. */
  refuseSockets(refused: boolean): void;
  /** Lets the kernel forward IPv6 from now on. */
  forwardIpv6(): void;
  configure(...configs: readonly VirtualRouterConfig[]): void;
  /** Says what changed in an interface, as the kernel would. */
  setLink(change: Partial<Link>): void;
  /** What the interface of this index carries, in the kernel's spelling. */
  carries(index?: number): readonly string[];
  /** Events of one type since the last call, as `sentence` parts would name them. */
  take<Type extends Event["type"]>(type: Type): readonly Extract<Event, { type: Type }>[];
  /** No further packet is heard or sent, and no timer runs: the process was killed. */
  kill(): void;
};

export type Bed = {
  /** Adds machine number `host`, 1..9, with 192.0.2.HOST/24 and fe80::HOST/64 on eth0. */
  add(host: number, options?: { readonly netlink?: FakeNetlink; readonly record?: FakeRecord }): Machine;
  /** Starts the program again on a machine on which it was killed. */
  restart(host: number, killed: Machine): Machine;
  /** Moves everybody's time on, a millisecond at a time, and delivers packets and kernel messages. */
  run(duration: Duration): Promise<void>;
  readonly segment: FakeSegment;
};

/** Lets everything happen that was queued for later. */
export const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const kernelOf = (host: number): FakeNetlink => {
  const netlink = new FakeNetlink([
    { ...ETH0, mac: macOf(host), mtu: 1500, up: true, carrier: true, loopback: false },
  ]);
  for (const [text, prefixLength] of [
    [`192.0.2.${host}`, 24],
    [`fe80::${host}`, 64],
    [`2001:db8::${host}`, 64],
  ] as const) {
    netlink.setAddress({
      address: parsed(text),
      prefixLength,
      linkIndex: ETH0.index,
      tentative: false,
      duplicate: false,
    });
  }
  return netlink;
};

const addMachine = (
  segment: FakeSegment,
  host: number,
  netlink: FakeNetlink,
  record: FakeRecord,
): Machine & { clock: FakeClock } => {
  const own = new Set([parsed(`192.0.2.${host}`), parsed(`fe80::${host}`)]);
  const station = segment.addStation({ link: ETH0, addresses: own });
  const events: Event[] = [];
  const counts = new Map<string, number>();
  let opened = 0;
  let refused = false;
  let forwarding = false;
  let alive = true;
  const clock = fakeClock({
    onWake() {
      fleet.drain();
      deadlines.runDue();
    },
  });
  const deadlines = createDeadlines(clock);
  const packets: PacketPort = {
    openNeighbour: (request) => station.port.openNeighbour(request),
    openVrrpSender: (request) => station.port.openVrrpSender(request),
    openVrrp(request) {
      if (refused) return { ok: false, error: { code: "EMFILE", operation: "open the socket" } };
      opened += 1;
      const onPacket = (packet: Parameters<typeof request.onPacket>[0]): void => {
        if (alive) request.onPacket(packet);
      };
      return station.port.openVrrp({ ...request, onPacket });
    },
  };
  let unwatch = (): void => {};
  const fleet = new Fleet({
    memory: createMemory({ record, bootId: "this boot", deadlines }),
    netlink,
    watch(listener) {
      const watching = netlink.subscribe(listener);
      assert(watching.ok, "the fake always accepts");
      unwatch = watching.value;
    },
    packets,
    forwardsIpv6: () => forwarding,
    deadlines,
    now: clock.now,
    emit: (event) => void events.push(event),
    count: (key) => void counts.set(key, (counts.get(key) ?? 0) + 1),
  });
  return {
    ...{ clock, fleet, netlink, record, station, deadlines, events, counts },
    now: clock.now,
    opened: () => opened,
    refuseSockets: (next) => {
      refused = next;
    },
    forwardIpv6: () => {
      forwarding = true;
    },
    configure: (...configs) => fleet.configure(configs, clock.now()),
    setLink: (change) =>
      netlink.setLink({
        ...{ ...ETH0, mac: macOf(host), mtu: 1500, up: true, carrier: true, loopback: false },
        ...change,
      }),
    carries(index = ETH0.index) {
      const present = netlink.addresses();
      assert(present.ok, "the fake always answers");
      return present.value
        .filter(({ linkIndex }) => linkIndex === index)
        .map(({ address, prefixLength }) => `${address}/${prefixLength}`)
        .filter((text) => !text.startsWith(`192.0.2.${host}/`) && !/^(fe80|2001:db8)::\d\//.test(text));
    },
    take<Type extends Event["type"]>(type: Type) {
      const found = events.filter((event): event is Extract<Event, { type: Type }> => event.type === type);
      for (const event of found) events.splice(events.indexOf(event), 1);
      return found;
    },
    kill() {
      alive = false;
      clock.close();
      station.setLink(false);
      unwatch();
    },
  };
};

/** An empty wire. */
export const createBed = (): Bed => {
  const segment = fakeSegment();
  const clocks: FakeClock[] = [];
  let now = micros(0);
  const bed: Bed = {
    segment,
    restart: (host, { netlink, record }) => bed.add(host, { netlink, record: fakeRecord(record.text()) }),
    add(host, { netlink = kernelOf(host), record = fakeRecord() } = {}) {
      const machine = addMachine(segment, host, netlink, record);
      machine.clock.advance(now);
      clocks.push(machine.clock);
      return machine;
    },
    async run(duration) {
      for (let passed = 0; passed < duration; passed += millis(1)) {
        now = micros(now + millis(1));
        for (const clock of clocks) clock.advance(millis(1));
        segment.settle();
        await Promise.resolve();
      }
      await settle();
      segment.settle();
    },
  };
  return bed;
};

/** A version 3 advertisement as a foreign router would send it, checksummed over the message alone for IPv4. */
const advertisement = (from: {
  readonly vrid: number;
  readonly priority: number;
  readonly centiseconds: number;
  readonly addresses: readonly IpAddress[];
}): Uint8Array => {
  const bytes = Uint8Array.from([
    ...[0x31, from.vrid, from.priority, from.addresses.length],
    ...[from.centiseconds >> 8, from.centiseconds & 0xff, 0, 0],
    ...from.addresses.flatMap((address) => [...addressBytes(address)]),
  ]);
  const sum = internetChecksum(bytes);
  bytes.set([sum >> 8, sum & 0xff], 6);
  return bytes;
};

/** A host that sends advertisements by hand: by default of virtual router 51, priority 200, 100 ms, 192.0.2.100. */
export const spoofer = (bed: Bed, host: string) => {
  const source = parsed(host);
  const station = bed.segment.addStation({ link: ETH0, addresses: new Set([source]) });
  const socket = station.port.openVrrp({
    ...{ link: ETH0, family: "IPv4" as const },
    ...{ onPacket: () => {}, onError: () => {} },
  });
  assert(socket.ok, "the fake always opens");
  return (from: Partial<Parameters<typeof advertisement>[0]>): void => {
    const payload = advertisement({
      ...{ vrid: 51, priority: 200, centiseconds: 10, addresses: [parsed("192.0.2.100")] },
      ...from,
    });
    socket.value.send({ payload, source, destination: parsed("224.0.0.18") });
    bed.segment.settle();
  };
};
