/** Which virtual servers the XDP program can carry. */
import { choosesByHash, type ServerPlan } from "#core/balance/plan-model";

type Objection = (server: ServerPlan) => string | undefined;

const none: Objection = () => undefined;

/** What speaks against a server, by field: whoever adds one decides here what the program makes of it. */
const OBJECTIONS: { readonly [Field in keyof Required<ServerPlan>]: Objection } = {
  mode: ({ mode }) => (mode === "dsr" ? undefined : `it forwards mode dsr only, not ${mode}`),
  scheduler: (server) =>
    choosesByHash(server)
      ? undefined
      : `it chooses by hash only, and ${server.scheduler.type} counts connections`,
  ports: ({ ports }) =>
    ports.first === ports.last ? undefined : "it finds a server by one port, not by a range of them",
  persistence: ({ persistence }) => (persistence === undefined ? undefined : "it pins no clients"),
  limits: ({ limits }) => (limits === undefined ? undefined : "it keeps no limits of sources"),
  synProxy: ({ synProxy }) => (synProxy === undefined ? undefined : "it has no SYN proxy"),
  sourceRanges: ({ sourceRanges }) =>
    sourceRanges === undefined ? undefined : "it does not look at source ranges",
  ...{ name: none, address: none, protocol: none, backends: none, slots: none, moves: none, tracked: none },
};

/** Why it cannot carry this server, in half a sentence; `undefined` when it can. */
export const refusal = (server: ServerPlan): string | undefined => {
  for (const objection of Object.values(OBJECTIONS)) {
    const reason = objection(server);
    if (reason !== undefined) return reason;
  }
  return undefined;
};
