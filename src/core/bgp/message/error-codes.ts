/** Every error code and subcode that a NOTIFICATION can have, and its name in the standard. */

type Code = {
  readonly code: number;
  readonly name: string;
  /** By our word for it: the subcode, and its name. */
  readonly subcodes: Readonly<Record<string, readonly [subcode: number, name: string]>>;
};

/** RFC 4271 §4.5, with what later standards added. */
export const ERRORS = {
  header: {
    code: 1,
    name: "Message Header Error",
    subcodes: {
      "connection-not-synchronized": [1, "Connection Not Synchronized"],
      "bad-message-length": [2, "Bad Message Length"],
      "bad-message-type": [3, "Bad Message Type"],
    },
  },
  open: {
    code: 2,
    name: "OPEN Message Error",
    subcodes: {
      unspecific: [0, "Unspecific"],
      "unsupported-version-number": [1, "Unsupported Version Number"],
      "bad-peer-as": [2, "Bad Peer AS"],
      "bad-bgp-identifier": [3, "Bad BGP Identifier"],
      "unsupported-optional-parameter": [4, "Unsupported Optional Parameter"],
      /** Withdrawn; old programs still send it. */
      "authentication-failure": [5, "Authentication Failure"],
      "unacceptable-hold-time": [6, "Unacceptable Hold Time"],
      /** RFC 5492 §5. */
      "unsupported-capability": [7, "Unsupported Capability"],
      /** RFC 9234 §4.2. */
      "role-mismatch": [11, "Role Mismatch"],
    },
  },
  update: {
    code: 3,
    name: "UPDATE Message Error",
    subcodes: {
      unspecific: [0, "Unspecific"],
      "malformed-attribute-list": [1, "Malformed Attribute List"],
      "unrecognized-well-known-attribute": [2, "Unrecognized Well-known Attribute"],
      "missing-well-known-attribute": [3, "Missing Well-known Attribute"],
      "attribute-flags-error": [4, "Attribute Flags Error"],
      "attribute-length-error": [5, "Attribute Length Error"],
      "invalid-origin": [6, "Invalid ORIGIN Attribute"],
      /** Withdrawn; old programs still send it. */
      "as-routing-loop": [7, "AS Routing Loop"],
      "invalid-next-hop": [8, "Invalid NEXT_HOP Attribute"],
      "optional-attribute-error": [9, "Optional Attribute Error"],
      "invalid-network-field": [10, "Invalid Network Field"],
      "malformed-as-path": [11, "Malformed AS_PATH"],
    },
  },
  "hold-timer": {
    code: 4,
    name: "Hold Timer Expired",
    subcodes: { unspecific: [0, "Unspecific"] },
  },
  /** RFC 6608. */
  "state-machine": {
    code: 5,
    name: "Finite State Machine Error",
    subcodes: {
      unspecific: [0, "Unspecified Error"],
      "open-sent": [1, "Receive Unexpected Message in OpenSent State"],
      "open-confirm": [2, "Receive Unexpected Message in OpenConfirm State"],
      established: [3, "Receive Unexpected Message in Established State"],
    },
  },
  /** RFC 4486, RFC 8538 §3.1, RFC 9384. */
  cease: {
    code: 6,
    name: "Cease",
    subcodes: {
      unspecific: [0, "Unspecific"],
      "maximum-prefixes": [1, "Maximum Number of Prefixes Reached"],
      "administrative-shutdown": [2, "Administrative Shutdown"],
      "peer-deconfigured": [3, "Peer De-configured"],
      "administrative-reset": [4, "Administrative Reset"],
      "connection-rejected": [5, "Connection Rejected"],
      "configuration-change": [6, "Other Configuration Change"],
      "connection-collision": [7, "Connection Collision Resolution"],
      "out-of-resources": [8, "Out of Resources"],
      "hard-reset": [9, "Hard Reset"],
      "bfd-down": [10, "BFD Down"],
    },
  },
  /** RFC 7313 §5. */
  "route-refresh": {
    code: 7,
    name: "ROUTE-REFRESH Message Error",
    subcodes: { "invalid-message-length": [1, "Invalid Message Length"] },
  },
  /** RFC 9687 §4. */
  "send-hold-timer": {
    code: 8,
    name: "Send Hold Timer Expired",
    subcodes: { unspecific: [0, "Unspecific"] },
  },
} as const satisfies Readonly<Record<string, Code>>;

/** Our word for an error code. */
export type ErrorWord = keyof typeof ERRORS;
/** Our word for a subcode of an error code. */
export type SubcodeWord<Word extends ErrorWord> = keyof (typeof ERRORS)[Word]["subcodes"];

const NAMES: ReadonlyMap<
  number,
  { readonly name: string; readonly nameBySubcode: ReadonlyMap<number, string> }
> = new Map(
  Object.values<Code>(ERRORS).map(({ code, name, subcodes }) => [
    code,
    { name, nameBySubcode: new Map(Object.values(subcodes)) },
  ]),
);

/** The name of an error code; a number where no standard has one. */
export const codeName = (code: number): string => NAMES.get(code)?.name ?? `error code ${code}`;

/** The name of a subcode; a number where no standard has one, `undefined` for the 0 that adds nothing. */
export const subcodeName = (code: number, subcode: number): string | undefined =>
  subcode === 0 ? undefined : (NAMES.get(code)?.nameBySubcode.get(subcode) ?? `subcode ${subcode}`);
