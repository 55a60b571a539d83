/** Hosts in memory that reach each other by TCP, when the test says so. */
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import type { Duration } from "#base/time";
import { LISTENER_HOPS, LONGEST_PASSWORD } from "./constants.ts";
import { openPipe, type Pipe, type PipeEnd, type PipeWeather } from "./fake-pipe.ts";
import type {
  BgpCaller,
  BgpConnectRequest,
  BgpError,
  BgpHops,
  BgpListener,
  BgpListenRequest,
  BgpPort,
} from "./port.ts";

/** One host. */
export type FakeBgpHost = {
  readonly port: BgpPort;
  /** Cuts it off, or connects it again: packets are lost meanwhile, and nobody is told. */
  setLink(up: boolean): void;
  /** Whether its programs read what comes. */
  setReading(reads: boolean): void;
  /** Ends it as a killed process ends: connections are over without a word of BGP, nobody listens any more. */
  kill(): void;
};

export type FakeBgpNetwork = {
  /** Adds a host with these addresses, which may change later; `linkIndex` is that of its link-local ones. */
  addHost(host: { readonly addresses: ReadonlySet<IpAddress>; readonly linkIndex: number }): FakeBgpHost;
  /** Delivers all that is on its way, and what is sent because of it, until nothing is. */
  settle(): void;
  /** Resets every connection, as a router in between that restarts would. */
  breakAll(): void;
  /** How many routers are between any two hosts. */
  routers: number;
  /** The longest chunk that is delivered at once, in bytes. */
  chunk: number;
};

/** Runs something later; gives a function that forgets it. */
export type Later = (delay: Duration, run: () => void) => () => void;

type Listening = BgpListenRequest & {
  readonly host: Host;
  callers: readonly BgpCaller[];
  accepted: number;
  refused: number;
};

type Host = {
  readonly addresses: ReadonlySet<IpAddress>;
  readonly linkIndex: number;
  isUp: boolean;
  isReading: boolean;
  nextPort: number;
};

const isLinkLocal6 = (address: IpAddress): boolean => /^fe[89ab]/.test(address);

const arrives = (hops: BgpHops, least: number | undefined, routers: number): boolean =>
  hops.send > routers && hops.send - routers >= (least ?? 0);

const isPassword = (password: string | undefined): boolean => {
  const { length } = new TextEncoder().encode(password ?? "x");
  return length >= 1 && length <= LONGEST_PASSWORD;
};

class Network implements FakeBgpNetwork {
  routers = 0;
  chunk = 1_500;
  readonly #later: Later;
  readonly #pipes = new Map<Pipe, readonly [Host, Host]>();
  readonly #listening = new Set<Listening>();
  /** Callbacks that are due, in order. */
  readonly #due: (() => void)[] = [];

  constructor(later: Later) {
    this.#later = later;
  }

  addHost({ addresses, linkIndex }: Parameters<FakeBgpNetwork["addHost"]>[0]): FakeBgpHost {
    const host: Host = { addresses, linkIndex, isUp: true, isReading: true, nextPort: 32_768 };
    return {
      port: {
        connect: (request) => this.#connect(host, request),
        listen: (request) => this.#listen(host, request),
      },
      setLink: (up) => {
        host.isUp = up;
      },
      setReading: (reads) => {
        host.isReading = reads;
      },
      kill: () => this.#kill(host),
    };
  }

  settle(): void {
    for (let moved = true; moved; ) {
      moved = this.#due.length > 0;
      for (let next = this.#due.shift(); next !== undefined; next = this.#due.shift()) next();
      for (const { ends } of [...this.#pipes.keys()])
        for (const end of ends) while (end.deliver()) moved = true;
    }
    for (const pipe of [...this.#pipes.keys()]) if (pipe.isOver()) this.#pipes.delete(pipe);
  }

  breakAll(): void {
    for (const pipe of [...this.#pipes.keys()]) pipe.breakOff();
  }

  #kill(host: Host): void {
    for (const each of [...this.#listening]) if (each.host === host) this.#listening.delete(each);
    for (const [pipe, hosts] of this.#pipes)
      for (const [at, end] of pipe.ends.entries()) if (hosts[at] === host) end.connection.close();
  }

  #connect(host: Host, request: BgpConnectRequest): ReturnType<BgpPort["connect"]> {
    const { remote, timeout, onFailed } = request;
    let isOver = false;
    const over = (): boolean => {
      const was = isOver;
      isOver = true;
      forget();
      return was;
    };
    const fail = (code: string): void => {
      if (!over()) onFailed({ code, operation: `connect to ${remote.address} port ${remote.port}` });
    };
    const forget = this.#later(timeout, () => fail("ETIMEDOUT"));
    const source = sourceOf(host, request);
    this.#due.push(() => {
      if (isOver) return;
      if (!isPassword(request.password)) return fail("EINVAL");
      if (source === undefined) return fail(request.source === undefined ? "ENETUNREACH" : "EADDRNOTAVAIL");
      this.#call(host, { request, source, fail, over });
    });
    return { cancel: () => void over() };
  }

  /** The first packet of a connection arrives, or does not. */
  #call(
    host: Host,
    {
      request,
      source,
      fail,
      over,
    }: {
      readonly request: BgpConnectRequest;
      readonly source: IpAddress;
      readonly fail: (code: string) => void;
      readonly over: () => boolean;
    },
  ): void {
    const { remote, hops, password } = request;
    const listening = [...this.#listening].find(
      (each) =>
        each.host.addresses.has(remote.address) &&
        each.port === remote.port &&
        each.family === familyOf(remote.address),
    );
    const isThere = host.isUp && (listening?.host.isUp ?? true);
    if (!isThere || hops.send <= this.routers) return;
    // What is signed for nobody is dropped without a word.
    if (listening === undefined) {
      if (password === undefined) fail("ECONNREFUSED");
      return;
    }
    const caller = callerOf(listening, source);
    if (caller?.password !== password) return;
    const isNear = arrives(hops, caller?.hops.least, this.routers);
    if (!isNear || !arrives({ send: LISTENER_HOPS, least: 0 }, hops.least, this.routers)) return;
    if (over()) return;
    const [near, far] = this.#open(host, listening.host, { source, request });
    near.tell(request.onConnected(near.connection));
    const events = caller === undefined ? undefined : listening.onConnection(far.connection);
    far.tell(events);
    if (events === undefined) {
      listening.refused += 1;
      far.connection.reset();
    } else listening.accepted += 1;
  }

  #open(
    host: Host,
    other: Host,
    { source, request }: { readonly source: IpAddress; readonly request: BgpConnectRequest },
  ): readonly [PipeEnd, PipeEnd] {
    host.nextPort += 1;
    const local = { address: source, port: host.nextPort };
    const linkOf = (address: IpAddress, { linkIndex }: Host): number =>
      isLinkLocal6(address) ? linkIndex : 0;
    const weather = ({ isReading }: { readonly isReading: () => boolean }): PipeWeather => ({
      carries: () => host.isUp && other.isUp,
      reads: isReading,
      chunk: () => this.chunk,
    });
    const { remote } = request;
    const pipe = openPipe(
      {
        ends: { local, remote, linkIndex: linkOf(source, host) },
        weather: weather({ isReading: () => host.isReading }),
      },
      {
        ends: { local: remote, remote: local, linkIndex: linkOf(remote.address, other) },
        weather: weather({ isReading: () => other.isReading }),
      },
    );
    this.#pipes.set(pipe, [host, other]);
    return pipe.ends;
  }

  #listen(host: Host, request: BgpListenRequest): ReturnType<BgpPort["listen"]> {
    const { family, port, vrf } = request;
    const isTaken = [...this.#listening].some(
      (each) => each.host === host && each.family === family && each.port === port && each.vrf === vrf,
    );
    const operation = `listen on TCP port ${port} for ${family}`;
    if (isTaken)
      return {
        ok: false,
        error: { code: "EADDRINUSE", operation: `${operation}, which another BGP daemon has` },
      };
    const listening: Listening = { ...request, host, callers: [], accepted: 0, refused: 0 };
    this.#listening.add(listening);
    const value: BgpListener = {
      setCallers: (callers) => {
        listening.callers = callers.filter(({ password }) => isPassword(password));
        return callers.filter(({ password }) => !isPassword(password)).map(refusedPassword);
      },
      counters: () => ({ accepted: listening.accepted, refused: listening.refused }),
      close: () => void this.#listening.delete(listening),
    };
    return { ok: true, value };
  }
}

const refusedPassword = ({ address }: BgpCaller): BgpError => ({
  code: "EINVAL",
  operation: `sign what goes to ${address}`,
});

const callerOf = ({ callers, host }: Listening, address: IpAddress): BgpCaller | undefined =>
  callers.find(
    (each) => each.address === address && (!isLinkLocal6(address) || each.link?.index === host.linkIndex),
  );

const sourceOf = (host: Host, { source, remote }: BgpConnectRequest): IpAddress | undefined => {
  const family: IpFamily = familyOf(remote.address);
  const fits = (address: IpAddress): boolean =>
    familyOf(address) === family && isLinkLocal6(address) === isLinkLocal6(remote.address);
  if (source !== undefined) return host.addresses.has(source) ? source : undefined;
  return [...host.addresses].find(fits);
};

/** A network without hosts yet. */
export const fakeBgpNetwork = (later: Later): FakeBgpNetwork => new Network(later);
