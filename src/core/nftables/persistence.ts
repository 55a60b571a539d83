/**
 * Rules that keep a client on its backend while it comes back in time.
 *
 * A map that packets write to holds the number of the backend of each client, forgotten a while after the client's last
 * new connection. It is asked before the scheduler; a number that is not among those that may take flows is dropped.
 *
 * Where addresses are translated the number travels in the packet's priority: marks belong to the operator's routing, and
 * of a flow only the first packet passes here, whose priority means nothing for long (the kernel sets it anew when it
 * forwards IPv4).
 *
 * In `dsr` it travels in the mark, as all numbers do there, and every flow is on record besides, as those of schedulers
 * that count. So what is open stays where it is while its backend drains and the client's next connection goes
 * elsewhere; and what another edge had before goes where the client is pinned. A pin is renewed by any packet of the
 * client, not by new flows alone: that it is gone must mean that the client has nothing open, or a takeover would send
 * a long transfer to where the hash leads.
 */
import { isIpv4 } from "#base/address";
import { toMillis } from "#base/time";
import type { PlannedBackend, ServerPlan } from "#core/balance/plan-model";
import { sourceNetwork } from "./limits.ts";
import { serverNames } from "./names.ts";
import { type ElementData, familyDigit, type SetDeclaration, type SetElement } from "./ruleset.ts";

/** Clients that one server remembers; when it is full, further ones go where the scheduler says each time. */
const MOST_CLIENTS = 262_144;

/** What the choice of a backend adds to a table. */
export type ChoiceRules = {
  readonly sets: readonly SetDeclaration[];
  readonly rules: readonly string[];
  readonly elements: readonly (readonly [string, () => readonly SetElement[]])[];
};

/** Whether a client that is pinned to this backend may stay: not while it drains, or it would never be empty. */
const isKept = ({ availability, role }: PlannedBackend): boolean =>
  availability === "available" && role === undefined;

const number = ({ id }: PlannedBackend): ElementData => ({ type: "number", value: id });

/** The name of a server's map of clients. */
export const pinMap = ({ name, address }: Pick<ServerPlan, "name" | "address">): string =>
  `${serverNames(name, 0).pins}/${familyDigit(address)}`;

/** The map of clients, and the set of numbers that they may keep; `number` is the field in which numbers travel. */
const clientSets = (
  server: ServerPlan,
  { number, timeout }: { readonly number: string; readonly timeout: string },
): readonly SetDeclaration[] => [
  {
    ...{ name: pinMap(server), kind: "map", dynamic: true, raw: false },
    statements: [
      `typeof ${isIpv4(server.address) ? "ip saddr" : "ip6 saddr"} : ${number}`,
      `size ${MOST_CLIENTS}`,
      "flags dynamic,timeout",
      timeout,
    ],
  },
  {
    ...{ name: serverNames(server.name, 0).keeping, kind: "set", dynamic: false, raw: false },
    statements: [`typeof ${number}`],
  },
];

const keepingElements = (server: ServerPlan) =>
  [
    serverNames(server.name, 0).keeping,
    () =>
      server.backends.filter(isKept).map(({ id }): SetElement => ({ key: { type: "number", value: id } })),
  ] as const;

/** Said in rules too: the map outlives a reload, and keeps the timeout that it was made with. */
const timeoutOf = ({ timeout }: NonNullable<ServerPlan["persistence"]>): string =>
  `timeout ${toMillis(timeout) / 1_000}s`;

/** The choice for a server with persistence, in `masquerade` and `nat`. */
export const pinnedChoice = (
  server: ServerPlan,
  given: {
    readonly persistence: NonNullable<ServerPlan["persistence"]>;
    /** The expression that gives the slot of a new flow. */
    readonly slot: string;
    /** The statement that counts a flow. */
    readonly count: string;
    readonly slotElements: (dataOf: (backend: PlannedBackend) => ElementData) => readonly SetElement[];
    /** `typeof` of what a flow is translated to, and that of one backend. */
    readonly endpoint: { readonly type: string; readonly of: (backend: PlannedBackend) => ElementData };
  },
): ChoiceRules => {
  const { persistence, slot, count, slotElements, endpoint } = given;
  const { keeping, endpoints, choices } = serverNames(server.name, server.slots.length);
  const pins = pinMap(server);
  const source = sourceNetwork(server, persistence.prefixLength);
  const ip = isIpv4(server.address) ? "ip" : "ip6";
  const timeout = timeoutOf(persistence);
  const pin = `meta priority @${keeping} update @${pins} { ${source} ${timeout} : meta priority }`;
  const translate = `meta l4proto ${server.protocol}`;
  const to = `${count} dnat ${ip} to meta priority map @${endpoints}`;
  const fixed = { kind: "map", dynamic: false, raw: false } as const;
  const size = `size ${Math.max(server.slots.length, 1)}`;
  return {
    sets: [
      ...clientSets(server, { number: "meta priority", timeout }),
      { ...fixed, name: endpoints, statements: [`typeof meta priority : ${endpoint.type}`] },
      { ...fixed, name: choices, statements: ["typeof numgen inc mod 2 : meta priority", size] },
    ],
    rules:
      server.slots.length === 0
        ? []
        : [
            "meta priority set 0",
            `meta priority set ${source} map @${pins}`,
            pin,
            `${translate} meta priority @${keeping} ${to}`,
            `meta priority != 0 delete @${pins} { ${source} : meta priority }`,
            "meta priority set 0",
            `meta priority set ${slot} map @${choices}`,
            pin,
            `${translate} ${to}`,
          ],
    elements: [
      keepingElements(server),
      [
        endpoints,
        () =>
          server.backends.map((backend) => ({
            key: { type: "number", value: backend.id },
            data: endpoint.of(backend),
          })),
      ],
      [choices, () => slotElements(number)],
    ],
  };
};

/** What persistence adds for a server in `dsr`; the mark is 0 before and after, and the rules leave with a verdict. */
export type DirectClients = {
  readonly sets: readonly SetDeclaration[];
  readonly elements: readonly (readonly [string, () => readonly SetElement[]])[];
  /** For a packet whose flow is not on record: to where its client is pinned. */
  readonly recall: readonly string[];
  /** Where a flow is recorded, with the number of its backend in the mark. */
  readonly pin: readonly string[];
};

const NO_CLIENTS: DirectClients = { sets: [], elements: [], recall: [], pin: [] };

/** Clients that stay on their backend in `dsr`; nothing when the server keeps none. */
export const directClients = (
  server: ServerPlan,
  given: {
    /** The condition under which a packet opens a flow, and that under which it does not; `undefined`: nobody knows. */
    readonly opening: { readonly is: string; readonly isNot: string } | undefined;
    /** The statement that records the flow and sends the packet to the backend in its mark. */
    readonly record: string;
    /** The same if that backend still serves. */
    readonly recordIfServing: string;
  },
): DirectClients => {
  const { persistence } = server;
  if (persistence === undefined) return NO_CLIENTS;
  const { opening, record, recordIfServing } = given;
  const { keeping } = serverNames(server.name, 0);
  const pins = pinMap(server);
  const source = sourceNetwork(server, persistence.prefixLength);
  const timeout = timeoutOf(persistence);
  const opens = opening === undefined ? "" : `${opening.is} `;
  return {
    sets: clientSets(server, { number: "meta mark", timeout }),
    elements: [keepingElements(server)],
    recall: [
      "meta mark set 0",
      `meta mark set ${source} map @${pins}`,
      `${opens}meta mark @${keeping} ${record}`,
      ...(opening === undefined ? [] : [`${opening.isNot} ${recordIfServing}`]),
      `${opens}meta mark != 0 delete @${pins} { ${source} : meta mark }`,
    ],
    pin: [`meta mark @${keeping} update @${pins} { ${source} ${timeout} : meta mark }`],
  };
};
