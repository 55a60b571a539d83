/** From a connection's first packet to the session: what tcpdump saw at the routers. Pure. */

/** Packets that open a connection, and those that begin with an OPEN or a KEEPALIVE. */
export const HANDSHAKE_FILTER =
  "tcp port 179 and (tcp[tcpflags] & tcp-syn != 0 or tcp[((tcp[12] & 0xf0) >> 2) + 18] = 1 or tcp[((tcp[12] & 0xf0) >> 2) + 18] = 4)";

/** What a KEEPALIVE has. */
const KEEPALIVE_OCTETS = "19";

const LINE = /^(\d+\.\d+) IP (\S+)\.(\d+) > (\S+)\.(\d+): Flags \[([A-Z.]+)\],.* length (\d+)/gm;

type Connection = { readonly synAt: number; readonly keepaliveAt: Map<string, number> };

/**
 * Milliseconds from the first SYN of each connection until both sides have said KEEPALIVE, by which both know that the session is
 * up, of each router that got so far; from what `tcpdump -nn -tt` prints.
 */
export const readHandshakes = (text: string): readonly number[] => {
  const byRouter = new Map<string, Connection>();
  for (const [, time, from = "", fromPort, to = "", , flags, octets] of text.matchAll(LINE)) {
    const at = Number(time) * 1_000;
    const router = fromPort === "179" ? from : to;
    if (flags === "S") byRouter.set(router, { synAt: at, keepaliveAt: new Map() });
    const connection = byRouter.get(router);
    if (octets !== KEEPALIVE_OCTETS || connection === undefined || connection.keepaliveAt.has(from)) continue;
    connection.keepaliveAt.set(from, at);
  }
  return [...byRouter.values()].flatMap(({ synAt, keepaliveAt }) =>
    keepaliveAt.size === 2 ? [Math.max(...keepaliveAt.values()) - synAt] : [],
  );
};
