/** Systems on one link in memory, whose listeners hear each other when the test says so. */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import { between, type Instant, instant, micros } from "#base/time";
import type { Datagram } from "#core/bfd/admission";
import { HOP_LIMIT, SOURCE_PORTS } from "#core/bfd/constants";
import { isRoutine } from "#core/bfd/packet";
import type { BfdListener, BfdPort, BfdResult, BfdSender } from "./port.ts";

/** One system on the link. */
export type FakeBfdSystem = {
  readonly port: BfdPort;
  /** Takes the system's link down or brings it up; while it is down nothing is sent or heard. */
  setLink(up: boolean): void;
};

export type FakeBfdLink = {
  /** Adds a system with these addresses, which may change later. */
  addSystem(system: {
    readonly linkIndex: number;
    readonly addresses: ReadonlySet<IpAddress>;
    /** The VRF that its link is in. */
    readonly vrf?: string | undefined;
  }): FakeBfdSystem;
  /** Sends an echo packet between two addresses; gives whether it comes back. */
  echo(packet: { readonly source: IpAddress; readonly destination: IpAddress }): boolean;
  /** Delivers all that is queued, and what is sent because of it, until nothing is. */
  settle(): void;
  /** Whether a packet is lost on the way; asked for each. */
  loses: (datagram: Datagram) => boolean;
};

type Ear = {
  readonly family: IpFamily;
  readonly path: Datagram["path"];
  /** What it hears, and what its system's link is in. */
  readonly vrfs: readonly [ear: string | undefined, link: string | undefined];
  readonly addresses: ReadonlySet<IpAddress>;
  readonly linkIndex: number;
  readonly isUp: () => boolean;
  readonly queue: Queued[];
  /** Whether what is queued wakes its owner. */
  readonly isAwake: () => boolean;
  readonly drain: () => number;
};

type Queued = Omit<Datagram, "waited"> & { readonly at: Instant };

type Sent = Omit<Datagram, "linkIndex" | "waited">;

type Reflecting = Pick<Ear, "family" | "addresses" | "linkIndex" | "isUp"> & {
  readonly reflect: (arrival: Pick<Datagram, "source" | "destination" | "linkIndex">) => boolean;
};

/** A listener's queue, and how it is read. The payload is lent for one callback and then spoilt, as the real one is. */
const openEar = (
  { onDatagram, onRead }: Pick<Parameters<BfdPort["listen"]>[0], "onDatagram" | "onRead">,
  { now, isClosed }: { readonly now: () => Instant; readonly isClosed: () => boolean },
) => {
  const queue: Queued[] = [];
  let received = 0;
  let reading = false;
  let isHeld = false;
  const drain = (): number => {
    if (reading) return 0;
    reading = true;
    const before = received;
    for (let next = queue.shift(); next !== undefined && !isClosed(); next = queue.shift()) {
      received += 1;
      const { at, ...datagram } = next;
      const payload = next.payload.slice();
      onDatagram({ ...datagram, payload, waited: between(at, now()) });
      payload.fill(0xee);
    }
    reading = false;
    const count = received - before;
    if (count > 0 && !isClosed()) onRead(count);
    return count;
  };
  const holdBack = (next: boolean): void => {
    isHeld = next;
  };
  const isAwake = (): boolean => !isHeld || queue.some(({ payload }) => !isRoutine(payload));
  return { queue, drain, holdBack, isAwake, received: () => received };
};

const refuse = (code: string, operation: string): Extract<BfdResult<never>, { ok: false }> => ({
  ok: false,
  error: { code, operation },
});

const openSender = (
  request: Parameters<BfdPort["openSender"]>[0],
  {
    addresses,
    sourcePort,
    isUp,
    transmit,
  }: {
    readonly addresses: ReadonlySet<IpAddress>;
    readonly sourcePort: number;
    readonly isUp: () => boolean;
    readonly transmit: (datagram: Sent) => void;
  },
): BfdResult<BfdSender> => {
  const { localAddress, peer, path } = request;
  if (!addresses.has(localAddress)) return refuse("EADDRNOTAVAIL", `send from ${localAddress} to ${peer}`);
  let closed = false;
  let sent = 0;
  const sendErrors = new Map<string, number>();
  const send: BfdSender["send"] = (payload) => {
    const code = closed ? "EBADF" : isUp() ? undefined : "ENETUNREACH";
    if (code !== undefined) {
      sendErrors.set(code, (sendErrors.get(code) ?? 0) + 1);
      return refuse(code, `send from ${localAddress} to ${peer}`);
    }
    sent += 1;
    const common = { source: localAddress, destination: peer, hopLimit: HOP_LIMIT, path: path.type };
    transmit({ ...common, payload: payload.slice() });
    return { ok: true, value: undefined };
  };
  const close = (): void => {
    closed = true;
  };
  return {
    ok: true,
    value: { sourcePort, send, close, counters: () => ({ sent, sendErrors: new Map(sendErrors) }) },
  };
};

/** A link without systems yet. By default there is no time, and nothing waits for long. */
export const fakeBfdLink = (now: () => Instant = () => instant(0)): FakeBfdLink => {
  const ears = new Set<Ear>();
  const reflectors = new Set<Reflecting>();
  const link: FakeBfdLink = {
    echo: ({ source, destination }) => {
      const there = [...reflectors].find(
        ({ addresses, family, isUp }) =>
          addresses.has(destination) && family === familyOf(destination) && isUp(),
      );
      return there?.reflect({ source, destination, linkIndex: there.linkIndex }) ?? false;
    },
    loses: () => false,
    settle: () => {
      while ([...ears].some((ear) => ear.isAwake() && ear.drain() > 0)) {
        // A delivery may have caused another.
      }
    },
    addSystem: ({ linkIndex, addresses, vrf: own }) => {
      let up = true;
      let sourcePort = SOURCE_PORTS.first - 1;
      const isUp = (): boolean => up;
      const listen: BfdPort["listen"] = (request) => {
        const { family, path, vrf } = request;
        const rival = [...ears].some(
          (ear) =>
            ear.addresses === addresses && ear.family === family && ear.path === path && ear.vrfs[0] === vrf,
        );
        if (rival) return refuse("EADDRINUSE", "listen");
        const opened = openEar(request, { now, isClosed: () => !ears.has(ear) });
        const { queue, drain, isAwake, holdBack, received } = opened;
        const place = { addresses, linkIndex, isUp, vrfs: [vrf, own] as const };
        const ear: Ear = { family, path, ...place, queue, drain, isAwake };
        ears.add(ear);
        const value: BfdListener = {
          ...{ drain, holdBack },
          counters: () => ({ received: received(), dropped: 0 }),
          close: () => {
            ears.delete(ear);
            queue.length = 0;
          },
        };
        return { ok: true, value };
      };
      const transmit = (datagram: Sent): void => {
        for (const ear of ears) {
          const fits = ear.addresses.has(datagram.destination) && ear.path === datagram.path;
          if (!fits || ear.family !== familyOf(datagram.destination) || !ear.isUp()) continue;
          const [vrf, wired] = ear.vrfs;
          if (vrf !== wired) continue;
          const arrived = { ...datagram, linkIndex: ear.linkIndex, vrf };
          if (!link.loses({ ...arrived, waited: micros(0) })) ear.queue.push({ ...arrived, at: now() });
        }
      };
      const openOne: BfdPort["openSender"] = (request) => {
        sourcePort += 1;
        return openSender(request, { addresses, sourcePort, isUp, transmit });
      };
      const setLink = (next: boolean): void => {
        up = next;
      };
      const openReflector: BfdPort["openReflector"] = ({ family, isPeer }) => {
        const rival = [...reflectors].some((each) => each.addresses === addresses && each.family === family);
        if (rival) return refuse("EADDRINUSE", "listen for echo packets");
        let [reflected, refused] = [0, 0];
        const reflect: Reflecting["reflect"] = (arrival) => {
          const comesBack = isPeer(arrival);
          if (comesBack) reflected += 1;
          else refused += 1;
          return comesBack;
        };
        const reflecting: Reflecting = { addresses, family, linkIndex, isUp, reflect };
        reflectors.add(reflecting);
        return {
          ok: true,
          value: {
            counters: () => ({ reflected, refused }),
            close: () => void reflectors.delete(reflecting),
          },
        };
      };
      return { port: { listen, openSender: openOne, openReflector }, setLink };
    },
  };
  return link;
};
