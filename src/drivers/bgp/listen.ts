/** Connections that others make: the listener, who may call, and what becomes of everybody else. */
import { constants } from "node:os";
import { familyOf, type IpAddress, type IpFamily, isIpv4, isLinkLocal, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { toMillis } from "#base/time";
import { type Door, errnoName } from "#native/door";
import { NetConnection } from "./connection.ts";
import * as linux from "./constants.ts";
import { endOf, int32, md5Signature, NO_KEY, resetOnClose, SOCKADDR_LENGTH, sockaddr } from "./layout.ts";
import {
  commonOptions,
  deviceOption,
  hopOptions,
  type Option,
  openSocket,
  setOptions,
  setPassword,
} from "./options.ts";
import type { BgpCaller, BgpError, BgpListener, BgpListenRequest, BgpResult } from "./port.ts";
import { localEndOf, type SocketMaker } from "./sockets.ts";

const ANY: Readonly<Record<IpFamily, string>> = { IPv4: "0.0.0.0", IPv6: "::" };

/** The same link-local address of IPv6 may be on every link; one of IPv4 tells no link. */
const callerKey = (address: IpAddress, linkIndex: number): string =>
  !isIpv4(address) && isLinkLocal(address) ? `${address} ${linkIndex}` : address;

const listenerOptions = ({ family, vrf }: BgpListenRequest): readonly Option[] => [
  [linux.SOL_SOCKET, linux.SO_REUSEADDR, int32(1)],
  ...(family === "IPv6" ? [[linux.SOL_IPV6, linux.IPV6_V6ONLY, int32(1)] as const] : []),
  ...deviceOption(vrf),
  ...hopOptions(family, { send: linux.LISTENER_HOPS, least: undefined }),
  ...commonOptions(family),
];

/** A socket that listens; a negative errno if one step is refused. */
const openListener = (door: Door, request: BgpListenRequest): number => {
  const any = parseAddress(ANY[request.family]);
  assert(any !== undefined, "not an address");
  const fd = openSocket(door, request.family, listenerOptions(request));
  if (fd < 0) return fd;
  const bound = door.bind(fd, sockaddr({ address: any, port: request.port }));
  const listening = bound < 0 ? bound : door.listen(fd, linux.BACKLOG);
  if (listening >= 0) return fd;
  door.close(fd);
  return listening;
};

const operationOf = ({ family, port, vrf }: BgpListenRequest, errno: number): string => {
  const where = `listen on TCP port ${port} for ${family}${vrf === undefined ? "" : ` in ${vrf}`}`;
  return errno === -constants.errno.EADDRINUSE ? `${where}, which another BGP daemon has` : where;
};

class LinuxListener implements BgpListener {
  readonly #maker: SocketMaker;
  readonly #fd: number;
  readonly #request: BgpListenRequest;
  readonly #callers = new Map<string, BgpCaller>();
  /** Addresses that the kernel demands a signature of, and with which password. */
  readonly #passwords = new Map<IpAddress, string>();
  /** Connections that callers have or had a moment ago, by whose they are. */
  readonly #countByCaller = new Map<string, number>();
  #stop: () => void = () => undefined;
  #pause: NodeJS.Timeout | undefined;
  #isClosed = false;
  #accepted = 0;
  #refused = 0;

  constructor(maker: SocketMaker, fd: number, request: BgpListenRequest) {
    this.#maker = maker;
    this.#fd = fd;
    this.#request = request;
  }

  /** Begins to accept; gives a negative errno if it cannot. */
  start(): number {
    const watching = this.#maker.door.watch(this.#fd, () => this.#acceptSome());
    if (typeof watching === "number") return watching;
    this.#stop = watching;
    return 0;
  }

  setCallers(callers: readonly BgpCaller[]): readonly BgpError[] {
    if (this.#isClosed) return [];
    this.#callers.clear();
    for (const caller of callers) {
      if (familyOf(caller.address) !== this.#request.family) continue;
      const key = callerKey(caller.address, caller.link?.index ?? 0);
      if (!this.#callers.has(key)) this.#callers.set(key, caller);
    }
    return [...this.#setPasswords(), ...this.#setLeastHops()];
  }

  counters(): ReturnType<BgpListener["counters"]> {
    return { accepted: this.#accepted, refused: this.#refused };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#pause);
    this.#stop();
    this.#maker.door.close(this.#fd);
  }

  #setPasswords(): readonly BgpError[] {
    const { door } = this.#maker;
    const wanted = new Map<IpAddress, string>();
    for (const { address, password } of this.#callers.values())
      if (password !== undefined && !wanted.has(address)) wanted.set(address, password);
    for (const address of this.#passwords.keys()) {
      if (wanted.has(address)) continue;
      door.setsockopt(this.#fd, linux.IPPROTO_TCP, linux.TCP_MD5SIG, md5Signature(address, NO_KEY));
      this.#passwords.delete(address);
    }
    const errors: BgpError[] = [];
    for (const [address, password] of wanted) {
      if (this.#passwords.get(address) === password) continue;
      const outcome = setPassword(door, this.#fd, address, password);
      if (outcome >= 0) this.#passwords.set(address, password);
      else {
        for (const [key, caller] of this.#callers) if (caller.address === address) this.#callers.delete(key);
        errors.push({ code: errnoName(outcome), operation: `sign what goes to ${address}` });
      }
    }
    return errors;
  }

  /** What all callers keep to is demanded of a connection's first packet already, the rest once it is known whose it is. */
  #setLeastHops(): readonly BgpError[] {
    const demands = [...this.#callers.values()].map(({ hops }) => hops.least ?? 0);
    const least = demands.length === 0 ? 0 : Math.min(...demands);
    const options = hopOptions(this.#request.family, { send: linux.LISTENER_HOPS, least });
    const failed = setOptions(this.#maker.door, this.#fd, options);
    return failed < 0 ? [{ code: errnoName(failed), operation: `demand ${least} hops of callers` }] : [];
  }

  #acceptSome(): void {
    const from = new Uint8Array(SOCKADDR_LENGTH);
    for (let count = 0; count < linux.ACCEPTED_PER_TURN && !this.#isClosed; count += 1) {
      const fd = this.#maker.door.accept(this.#fd, from);
      if (fd === -constants.errno.EAGAIN) return;
      if (fd >= 0) this.#take(fd, endOf(from));
      else if (!isOfConnection(fd)) {
        this.#rest(fd);
        return;
      }
    }
  }

  #take(fd: number, from: ReturnType<typeof endOf>): void {
    const { door } = this.#maker;
    const key = callerKey(from.address, from.scope);
    const caller = this.#callers.get(key);
    const hasRoom = (this.#countByCaller.get(key) ?? 0) < linux.MOST_OF_CALLER;
    const outcome =
      caller === undefined || !hasRoom
        ? -1
        : setOptions(door, fd, hopOptions(this.#request.family, caller.hops));
    if (outcome < 0) {
      this.#refused += 1;
      door.setsockopt(fd, linux.SOL_SOCKET, linux.SO_LINGER, resetOnClose());
      door.close(fd);
      return;
    }
    const ends = localEndOf(door, fd);
    const { socket, ear } = this.#maker.adopt(fd);
    this.#count(key, 1);
    const forget = (): void => this.#count(key, -1);
    socket.once("close", () => setTimeout(forget, toMillis(linux.CALLER_PAUSE)).unref());
    const remote = { address: from.address, port: from.port };
    const connection = new NetConnection(socket, ear, { remote, ...ends });
    const events = this.#request.onConnection(connection);
    connection.tell(events);
    if (events === undefined) connection.reset();
    if (events === undefined) this.#refused += 1;
    else this.#accepted += 1;
  }

  #count(key: string, change: 1 | -1): void {
    const count = (this.#countByCaller.get(key) ?? 0) + change;
    if (count === 0) this.#countByCaller.delete(key);
    else this.#countByCaller.set(key, count);
  }

  /** Without descriptors or memory the socket stays readable, which would keep us busy. */
  #rest(errno: number): void {
    this.#stop();
    this.#request.onError({ code: errnoName(errno), operation: "accept a connection" });
    const again = (): void => {
      if (!this.#isClosed && this.start() < 0) this.#rest(errno);
    };
    this.#pause = setTimeout(again, toMillis(linux.ACCEPT_PAUSE));
  }
}

/** Errors of the connection that was to be accepted, which is gone; the next may be well (accept(2)). */
const OF_CONNECTION: ReadonlySet<number> = new Set(
  (["ECONNABORTED", "EINTR", "EPROTO", "ENETDOWN", "EHOSTUNREACH", "ENETUNREACH", "EPERM"] as const).map(
    (name) => -constants.errno[name],
  ),
);
const isOfConnection = (errno: number): boolean => OF_CONNECTION.has(errno);

/** Opens a listener. */
export const listen = (maker: SocketMaker, request: BgpListenRequest): BgpResult<BgpListener> => {
  const fd = openListener(maker.door, request);
  const listener = new LinuxListener(maker, fd, request);
  const started = fd < 0 ? fd : listener.start();
  if (started >= 0) return { ok: true, value: listener };
  if (fd >= 0) listener.close();
  return { ok: false, error: { code: errnoName(started), operation: operationOf(request, started) } };
};
