/** A door between the API server and etcd that tests make slow, or shut. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Bytes that may be under way in one direction before the sender has to wait. */
const UNDER_WAY = 1 << 20;

export type Door = {
  readonly port: number;
  /** Every byte takes this long in each direction; 0 at first. */
  delay(milliseconds: number): void;
  /** Resets all connections and refuses new ones, until it is opened again. */
  shut(): void;
  open(): void;
  close(): Promise<void>;
};

/** Passes on what arrives, in order, each piece `delay()` later. */
const pass = (from: Socket, to: Socket, delay: () => number): void => {
  let due = 0;
  let underWay = 0;
  from.on("data", (chunk: Buffer) => {
    const now = performance.now();
    due = Math.max(due, now + delay());
    underWay += chunk.length;
    if (underWay > UNDER_WAY) from.pause();
    const forward = (): void => {
      underWay -= chunk.length;
      if (to.writable) to.write(chunk);
      if (underWay <= UNDER_WAY) from.resume();
    };
    if (due <= now) forward();
    else setTimeout(forward, due - now);
  });
  from.on("end", () => setTimeout(() => to.end(), Math.max(0, due - performance.now())));
  from.on("error", () => to.destroy());
  from.on("close", () => setTimeout(() => to.destroy(), Math.max(0, due - performance.now())));
};

/** Opens a door to a port of this machine; anybody who reaches `listenAt` may use it. */
export const openDoor = async (
  target: number,
  listenAt: { readonly host: string; readonly port: number } = { host: "127.0.0.1", port: 0 },
): Promise<Door> => {
  let millis = 0;
  let isShut = false;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((outer) => {
    if (isShut) {
      outer.resetAndDestroy();
      return;
    }
    const inner = connect(target, "127.0.0.1");
    keep(outer);
    keep(inner);
    pass(outer, inner, () => millis);
    pass(inner, outer, () => millis);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(listenAt, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    delay: (milliseconds) => {
      millis = milliseconds;
    },
    shut: () => {
      isShut = true;
      cut();
    },
    open: () => {
      isShut = false;
    },
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
};
