/**
 * Rules that keep a client on its backend while it comes back in time.
 *
 * A map that packets write to holds the number of the backend of each client, forgotten a while after the client's last
 * new connection. It is asked before the scheduler; a number that is not among those that may take flows is dropped.
 * The number travels in the packet's priority: marks belong to the operator's routing, and of a flow only the first
 * packet passes here, whose priority means nothing for long (the kernel sets it anew when it forwards IPv4).
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

/** The choice for a server with persistence. */
export const pinnedChoice = (
  server: ServerPlan,
  given: {
    readonly persistence: NonNullable<ServerPlan["persistence"]>;
    /** The expression that gives the slot of a new flow. */
    readonly slot: string;
    readonly slotElements: (dataOf: (backend: PlannedBackend) => ElementData) => readonly SetElement[];
    /** `typeof` of what a flow is translated to, and that of one backend. */
    readonly endpoint: { readonly type: string; readonly of: (backend: PlannedBackend) => ElementData };
  },
): ChoiceRules => {
  const { persistence, slot, slotElements, endpoint } = given;
  const { keeping, endpoints, choices } = serverNames(server.name, server.slots.length);
  const pins = pinMap(server);
  const source = sourceNetwork(server, persistence.prefixLength);
  const ip = isIpv4(server.address) ? "ip" : "ip6";
  const timeout = `timeout ${toMillis(persistence.timeout) / 1_000}s`;
  // Said here too: the map outlives a reload, and keeps the timeout that it was made with.
  const pin = `meta priority @${keeping} update @${pins} { ${source} ${timeout} : meta priority }`;
  const translate = `meta l4proto ${server.protocol}`;
  const to = `counter dnat ${ip} to meta priority map @${endpoints}`;
  const fixed = { kind: "map", dynamic: false, raw: false } as const;
  const client = isIpv4(server.address) ? "ip saddr" : "ip6 saddr";
  const size = `size ${Math.max(server.slots.length, 1)}`;
  return {
    sets: [
      {
        ...{ name: pins, kind: "map", dynamic: true, raw: false },
        statements: [
          `typeof ${client} : meta priority`,
          `size ${MOST_CLIENTS}`,
          "flags dynamic,timeout",
          timeout,
        ],
      },
      { ...fixed, name: keeping, kind: "set", statements: ["typeof meta priority"] },
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
      [
        keeping,
        () => server.backends.filter(isKept).map(({ id }) => ({ key: { type: "number", value: id } })),
      ],
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
