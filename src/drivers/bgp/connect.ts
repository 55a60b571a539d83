/** Connections that we make. */
import { constants } from "node:os";
import { familyOf } from "#base/address";
import { toMillis } from "#base/time";
import { type Door, errnoName } from "#native/door";
import { NetConnection } from "./connection.ts";
import * as linux from "./constants.ts";
import { int32, sockaddr } from "./layout.ts";
import { commonOptions, deviceOption, hopOptions, type Option, openSocket, setPassword } from "./options.ts";
import type { BgpAttempt, BgpConnectRequest } from "./port.ts";
import { localEndOf, type SocketMaker } from "./sockets.ts";

const operationOf = ({ remote, source, link, vrf }: BgpConnectRequest): string =>
  [
    `connect to ${remote.address} port ${remote.port}`,
    ...(source === undefined ? [] : [`from ${source}`]),
    ...(link === undefined ? [] : [`through ${link.name}`]),
    ...(vrf === undefined ? [] : [`in ${vrf}`]),
  ].join(" ");

/** A socket that may connect; a negative errno if one step is refused. */
const prepare = (door: Door, { remote, link, source, vrf, password, hops }: BgpConnectRequest): number => {
  const family = familyOf(remote.address);
  // The port is chosen when the other end is known, so that thousands may leave from one address.
  const lateBinding: readonly Option[] =
    family === "IPv4" || source !== undefined
      ? [[linux.SOL_IP, linux.IP_BIND_ADDRESS_NO_PORT, int32(1)]]
      : [];
  const fd = openSocket(door, family, [
    // A link in a VRF says enough, and a link-local address needs it.
    ...deviceOption(link?.name ?? vrf),
    ...hopOptions(family, hops),
    ...commonOptions(family),
    ...lateBinding,
  ]);
  if (fd < 0) return fd;
  const signed = password === undefined ? 0 : setPassword(door, fd, remote.address, password);
  const bound =
    signed < 0 || source === undefined ? signed : door.bind(fd, sockaddr({ address: source, port: 0 }));
  if (bound >= 0) return fd;
  door.close(fd);
  return bound;
};

/** How the connecting of a socket ended: 0, or a negative errno. */
const outcomeOf = (door: Door, fd: number): number => {
  const error = new Int32Array(1);
  const read = door.getsockopt(fd, linux.SOL_SOCKET, linux.SO_ERROR, new Uint8Array(error.buffer));
  return read < 0 ? read : -(error[0] ?? 0);
};

/** Begins to connect. */
export const connect = (maker: SocketMaker, request: BgpConnectRequest): BgpAttempt => {
  const { door } = maker;
  const fd = prepare(door, request);
  let timer: NodeJS.Timeout | undefined;
  let failing: NodeJS.Immediate | undefined;
  let isOver = false;
  /** Of an attempt that ends the descriptor is closed, or somebody else's; closing it ends its watcher, too. */
  const end = (keeps: "descriptor" | "nothing"): void => {
    isOver = true;
    clearTimeout(timer);
    clearImmediate(failing);
    if (fd >= 0 && keeps === "nothing") door.close(fd);
  };
  const fail = (code: string): void => {
    end("nothing");
    request.onFailed({ code, operation: operationOf(request) });
  };
  const failSoon = (errno: number): void => {
    failing = setImmediate(() => fail(errnoName(errno)));
  };
  const finish = (): void => {
    const outcome = outcomeOf(door, fd);
    if (outcome < 0) {
      fail(errnoName(outcome));
      return;
    }
    if (typeof watching === "function") watching();
    end("descriptor");
    const { socket, ear } = maker.adopt(fd);
    const { remote, onConnected } = request;
    const connection = new NetConnection(socket, ear, { remote, ...localEndOf(door, fd) });
    connection.tell(onConnected(connection));
  };
  const begun = fd < 0 ? fd : door.connect(fd, sockaddr(request.remote));
  const isBegun = begun === 0 || begun === -constants.errno.EINPROGRESS;
  const watching = isBegun ? door.watchWritable(fd, finish) : begun;
  if (typeof watching === "number") failSoon(watching);
  else timer = setTimeout(() => fail("ETIMEDOUT"), toMillis(request.timeout));
  return {
    cancel: () => {
      if (!isOver) end("nothing");
    },
  };
};
