/**
 * Lets programs outside of a lab reach servers inside of it: a unix socket, which networks do not bind, for each.
 *
 * Usage: `relay SOCKET=ADDRESS:PORT…`. Says `ready` when all sockets are there, and goes on until it is ended.
 */
import { rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";

/** One server and the socket that leads to it. */
type Way = { readonly socket: string; readonly host: string; readonly port: number };

const parseWay = (text: string): Way => {
  const [, socket, host, port] = /^(.+)=\[?([^=[\]]+)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (socket === undefined || host === undefined) throw new Error(`${text}: not SOCKET=ADDRESS:PORT`);
  return { socket, host, port: Number(port) };
};

/** Passes on everything in both directions; when one end is gone, so is the other. */
const join = (outer: Socket, inner: Socket): void => {
  outer.pipe(inner).pipe(outer);
  for (const [one, other] of [
    [outer, inner],
    [inner, outer],
  ] as const) {
    one.on("error", () => other.destroy());
    // What it has said last may wait to be passed on.
    one.on("close", () => other.destroySoon());
  }
};

const serve = ({ socket, host, port }: Way): Promise<void> =>
  new Promise((resolve, reject) => {
    // Both sides say themselves when they have ended: a half-open connection stays one.
    const server = createServer({ allowHalfOpen: true }, (outer) =>
      join(outer, connect({ host, port, allowHalfOpen: true })),
    );
    server.once("error", reject);
    rmSync(socket, { force: true });
    server.listen(socket, resolve);
  });

/** Serves until the process is ended. */
export const relay = async (args: readonly string[]): Promise<void> => {
  await Promise.all(args.map(parseWay).map(serve));
  console.log("ready");
};
