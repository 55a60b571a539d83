/** The schema of a `VirtualServer`: one address and port whose connections are spread over backends. */
import * as v from "valibot";
import { seconds } from "#base/time";
import { RATE_UNITS } from "#core/balance/limits";
import { MODES } from "#core/balance/model";
import {
  address,
  duration,
  flag,
  integer,
  interfaceAddress,
  list,
  oneOf,
  ports,
  section,
  text,
} from "./fields.ts";
import { probeEntries, timingEntries } from "./schema-probe.ts";

const backend = section("One machine that takes connections.", {
  name: v.exactOptional(
    text(
      "Unique within the server, and the same on all edges: consistent hashing goes by it. Default: `ADDRESS:PORT`, or `ADDRESS` where the server has several ports.",
      {
        pattern: /^[A-Za-z0-9[][A-Za-z0-9._:[\]-]{0,62}$/,
        rule: "1 to 63 letters, digits, dots, dashes, underscores, colons or brackets",
        format: "name",
      },
    ),
  ),
  address: address("Its address, of the server's family."),
  port: v.exactOptional(
    integer(
      "Its port. Default: the one that the client asked for, which it must be in `dsr` mode and where the server has several.",
      { min: 1, max: 65_535 },
    ),
  ),
  weight: v.optional(
    integer("Its share of new connections; 0 takes none and keeps those it has.", { min: 0, max: 256 }),
    1,
  ),
});

/** `VirtualServer.spec`. */
export const serverSpec = section("One address and port, and who answers there.", {
  address: address("Address that clients use; normally one of a VirtualRouter's."),
  port: ports("Port that clients use, a range of them such as `8000-8099`, or `all`."),
  protocol: v.optional(oneOf("Transport protocol.", ["TCP", "UDP"]), "TCP"),
  mode: v.optional(
    oneOf(
      "`masquerade`: answers come back through this box, and backends see its address. `nat`: backends see the client's address, and their route to clients must lead through this box. `dsr`: backends hold the address too, and answer the client themselves.",
      MODES,
    ),
    "masquerade",
  ),
  scheduler: v.optional(
    oneOf(
      "`consistent-hash`: the same client port gets the same backend on every edge. `source-hash`: the same client does, whatever its port. `round-robin`: in turn. `weighted`: in turn, in proportion to the weights. `least-connections`: to whoever has the fewest open for its weight, as counted up to four times a second.",
      ["consistent-hash", "source-hash", "round-robin", "weighted", "least-connections"],
    ),
    "consistent-hash",
  ),
  tableSize: v.exactOptional(
    integer(
      "Slots of the hash table: a prime, the same on all edges, at least ten times the number of backends. Default: 1021.",
      { min: 7, max: 65_537 },
    ),
  ),
  masqueradeAddress: v.exactOptional(
    address(
      "What backends see as the client's address in `masquerade`. Default: a virtual address on the way to the backend that moves together with the server's, so that open connections survive a takeover; else this box's own address there.",
    ),
  ),
  sourceRanges: v.exactOptional(
    list(
      "Networks whose hosts may connect; packets of all others are dropped. Default: everybody may.",
      interfaceAddress("A network as `ADDRESS/LENGTH`."),
      { min: 1, max: 1024 },
    ),
  ),
  backends: v.optional(list("Who takes the connections.", backend, { max: 1024 }), []),
  whenAllFail: v.optional(
    oneOf(
      "What happens when every backend fails its check. `forward`: as if all were healthy, for it is likelier that this box is cut off than that all of them died. `reject`: clients are refused at once.",
      ["forward", "reject"],
    ),
    "forward",
  ),
  drainTimeout: v.exactOptional(
    duration(
      "How long a backend with weight 0, one whose check is answered with no, or one that this list no longer has, keeps the connections it has; then they end. Default: as long as they last.",
      { min: seconds(1), max: seconds(604_800) },
    ),
  ),
  sorryServer: v.exactOptional(
    section("Who takes new connections while no backend can, instead of `whenAllFail`. It is not checked.", {
      address: address("Its address, of the server's family."),
      port: v.exactOptional(
        integer("Its port. Default: the one that the client asked for. In `dsr` mode it cannot differ.", {
          min: 1,
          max: 65_535,
        }),
      ),
    }),
  ),
  persistence: v.exactOptional(
    section("Keeps a client on its backend.", {
      timeout: duration("For how long after its last new connection; in `dsr`, after its last packet.", {
        min: seconds(1),
        max: seconds(86_400),
      }),
      prefixLengthIpv4: v.optional(
        integer("Addresses that share this many leading bits are one client.", { min: 8, max: 32 }),
        32,
      ),
      prefixLengthIpv6: v.optional(integer("The same for IPv6.", { min: 16, max: 128 }), 128),
    }),
  ),
  limits: v.exactOptional(
    section("What one source may ask.", {
      connectionsPerSource: v.exactOptional(
        integer(
          "Most connections open at a time; further ones are refused. Not in `dsr`, which does not see them end.",
          {
            min: 1,
            max: 1_000_000,
          },
        ),
      ),
      newConnectionsPerSource: v.exactOptional(
        section("How many connections it may open over time; the SYNs of further ones are dropped.", {
          rate: integer("Connections a unit of time.", { min: 1, max: 1_000_000 }),
          per: v.optional(oneOf("The unit.", RATE_UNITS), "second"),
          burst: v.optional(integer("Connections at once, after a pause.", { min: 1, max: 1_000_000 }), 5),
        }),
      ),
      prefixLengthIpv4: v.optional(
        integer("Addresses that share this many leading bits are one source.", { min: 8, max: 32 }),
        32,
      ),
      prefixLengthIpv6: v.optional(integer("The same for IPv6.", { min: 16, max: 128 }), 64),
    }),
  ),
  synProxy: v.optional(
    flag(
      "Whether handshakes are answered here, so that a flood of SYNs reaches neither backends nor connection tracking. Not in `dsr`.",
    ),
    false,
  ),
  health: v.exactOptional(
    section(
      "How backends are asked whether they work: one of `tcp`, `http`, `https`, `script`; an empty section means `tcp`. Default: not at all.",
      { ...probeEntries, ...timingEntries },
    ),
  ),
});

/** A checked `VirtualServer.spec` with its defaults. */
export type ServerSpec = v.InferOutput<typeof serverSpec>;

/** A `VirtualServer.spec` as it is written down. */
export type ServerInput = v.InferInput<typeof serverSpec>;
