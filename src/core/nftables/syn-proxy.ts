/**
 * Rules that answer the handshakes of a server in the place of its backends, so that a flood of SYNs costs neither them
 * nor connection tracking anything: the kernel's SYN proxy keeps no state until a client has proved to be there.
 *
 * A SYN is not tracked, so no backend is chosen for it, and it ends at the proxy in `input`, which answers with a
 * cookie. The ACK that brings the cookie back looks like a connection picked up in its middle: it must not be translated
 * either. The proxy then opens the connection to the virtual address itself, from `output`, and there a backend is
 * chosen. The usual recipe for the ACK, nf_conntrack_tcp_loose=0, would forbid every other server to go on with the
 * connections of the edge before.
 */
import { isIpv4 } from "#base/address";
import type { ServerPlan } from "#core/balance/plan-model";
import { DIRECT, declareLookup, keyExpression, type Lookup, lookupsOf, setOf } from "./lookup.ts";
import type { ChainDeclaration, ElementKey, SetDeclaration, SetElement } from "./ruleset.ts";

const BASE = "proxied";

/**
 * What the client is told of its server before that was asked. Timestamps stay out, and with them window scaling and
 * selective acknowledgement, which a cookie can carry in a timestamp only: the kernel's proxy echoes the backend a
 * wrong timestamp in the last step of the handshake, which Linux refuses since 6.16, so that every connection would
 * wait a second for a retransmission.
 */
const SEGMENT_SIZE = { 4: 1_460, 6: 1_440 } as const;

/** The lookups among servers with a SYN proxy; only those that there are. */
export const proxiedLookups = (servers: readonly ServerPlan[]): readonly Lookup[] =>
  lookupsOf(
    servers.filter(({ synProxy }) => synProxy === true),
    "used",
  );

export const proxiedSets = (lookups: readonly Lookup[]): readonly SetDeclaration[] =>
  lookups.map((lookup) => declareLookup(BASE, { fields: DIRECT, lookup }));

export const proxiedElements = (
  server: ServerPlan,
  key: ElementKey,
): readonly (readonly [string, () => readonly SetElement[]])[] =>
  server.synProxy === true ? [[setOf(BASE, server), () => [{ key }]]] : [];

const matches = (lookup: Lookup): string => `${keyExpression(DIRECT, lookup)} @${lookup.set(BASE)}`;

/** The chain that keeps SYNs away from connection tracking. */
export const untrackedChain = (lookups: readonly Lookup[]): readonly ChainDeclaration[] =>
  lookups.length === 0
    ? []
    : [
        {
          name: "untracked",
          comment: "handshakes that the SYN proxy answers",
          rules: [
            "type filter hook prerouting priority raw; policy accept;",
            ...lookups.map(
              (lookup) => `${matches(lookup)} tcp flags & (fin | syn | rst | ack) == syn notrack`,
            ),
          ],
        },
      ];

/** Rules of `input` that answer what no connection is known of. */
export const proxyRules = (lookups: readonly Lookup[]): readonly string[] =>
  lookups.map(
    (lookup) =>
      `${matches(lookup)} ct state { new, invalid, untracked } synproxy mss ${SEGMENT_SIZE[lookup.family]}`,
  );

/** Rules that leave a packet from the middle of an unknown connection to the proxy. */
export const midStreamRules = ({ synProxy, address }: ServerPlan): readonly string[] =>
  synProxy === true
    ? [`meta nfproto ${isIpv4(address) ? "ipv4" : "ipv6"} tcp flags & (syn | ack) != syn accept`]
    : [];
