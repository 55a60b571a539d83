/** Every kind, with its versions, schemas and the columns that `kubectl get` shows. */
import type { GenericSchema } from "valibot";
import { bgpAdvertisementSpec, communitySpec, l2AdvertisementSpec } from "./schema-advertisement.ts";
import { conflictSpec, reservationSpec } from "./schema-own.ts";
import { bfdProfileSpec, legacyPeerSpec, peerSpec } from "./schema-peer.ts";
import { poolSpec, poolStatus } from "./schema-pool.ts";
import { configurationStateStatus, nothing, serviceBgpStatus, serviceL2Status } from "./schema-status.ts";

/** MetalLB's group. */
export const METALLB_GROUP = "metallb.io";
/** Ours. */
export const OWN_GROUP = "steelyard.dev";

/** A column of `kubectl get`; those with a priority above 0 are shown by `-o wide` only. */
export type Column = {
  readonly name: string;
  readonly type: "string" | "boolean" | "integer" | "date";
  readonly jsonPath: string;
  readonly priority?: number;
};

/** One version of a kind. */
export type KindVersion = {
  readonly name: string;
  /** Whether objects are stored in this version; one version of a kind is. */
  readonly isStored: boolean;
  /** What clients that still use it are told; `undefined` unless it is deprecated. */
  readonly deprecation?: string;
  /** `undefined` for kinds that only report. */
  readonly spec?: GenericSchema;
  /** Whether an object without `spec` is refused. */
  readonly needsSpec: boolean;
  /** `undefined` for kinds without a status subresource. */
  readonly status?: GenericSchema;
  readonly columns: readonly Column[];
};

/** One kind. */
export type KindFacts = {
  readonly group: string;
  /** As in paths of the API. */
  readonly plural: string;
  readonly singular: string;
  readonly description: string;
  readonly versions: readonly KindVersion[];
};

const text = (name: string, jsonPath: string): Column => ({ name, type: "string", jsonPath });
const wide = (name: string, jsonPath: string): Column => ({ ...text(name, jsonPath), priority: 10 });
const yesNo = (name: string, jsonPath: string): Column => ({ name, type: "boolean", jsonPath });
const count = (name: string, jsonPath: string): Column => ({ name, type: "integer", jsonPath });
const AGE: Column = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

const NO_STATUS = nothing("Nothing is reported here.");
const NO_SPEC = nothing("Nothing is configured here.");

type Only = Omit<KindVersion, "name" | "isStored" | "needsSpec"> & { readonly needsSpec?: boolean };

const v1beta1 = (facts: Only): readonly KindVersion[] => [
  { name: "v1beta1", isStored: true, needsSpec: false, ...facts },
];

const v1alpha1 = (facts: Only): readonly KindVersion[] => [
  { name: "v1alpha1", isStored: true, needsSpec: true, ...facts },
];

const metallb = (
  plural: string,
  facts: Omit<KindFacts, "group" | "plural" | "singular"> & { readonly singular: string },
): KindFacts => ({ group: METALLB_GROUP, plural, ...facts });

const PEER_COLUMNS = [
  text("Address", ".spec.peerAddress"),
  text("ASN", ".spec.peerASN"),
  text("BFD Profile", ".spec.bfdProfile"),
  text("Multi Hops", ".spec.ebgpMultiHop"),
];

const SERVICE_COLUMNS = [
  text("Service Name", ".status.serviceName"),
  text("Service Namespace", ".status.serviceNamespace"),
];

const POOL_COLUMNS = [
  text("IPAddressPools", ".spec.ipAddressPools"),
  text("IPAddressPool Selectors", ".spec.ipAddressPoolSelectors"),
];

/** What an operator configures, in MetalLB's group. */
const CONFIGURED = {
  IPAddressPool: metallb("ipaddresspools", {
    singular: "ipaddresspool",
    description: "Addresses that Services of type LoadBalancer get.",
    versions: v1beta1({
      spec: poolSpec,
      needsSpec: true,
      status: poolStatus,
      columns: [
        yesNo("Auto Assign", ".spec.autoAssign"),
        yesNo("Avoid Buggy IPs", ".spec.avoidBuggyIPs"),
        text("Addresses", ".spec.addresses"),
      ],
    }),
  }),
  L2Advertisement: metallb("l2advertisements", {
    singular: "l2advertisement",
    description: "Makes addresses of pools known on the local network, by ARP and neighbour discovery.",
    versions: v1beta1({
      spec: l2AdvertisementSpec,
      status: NO_STATUS,
      columns: [
        ...POOL_COLUMNS,
        text("Interfaces", ".spec.interfaces"),
        wide("Node Selectors", ".spec.nodeSelectors"),
      ],
    }),
  }),
  BGPAdvertisement: metallb("bgpadvertisements", {
    singular: "bgpadvertisement",
    description: "Makes addresses of pools known to routers, by BGP.",
    versions: v1beta1({
      spec: bgpAdvertisementSpec,
      status: NO_STATUS,
      columns: [...POOL_COLUMNS, text("Peers", ".spec.peers"), wide("Node Selectors", ".spec.nodeSelectors")],
    }),
  }),
  BGPPeer: metallb("bgppeers", {
    singular: "bgppeer",
    description: "A router with which nodes open a BGP session.",
    versions: [
      {
        name: "v1beta1",
        isStored: false,
        deprecation: "metallb.io/v1beta1 BGPPeer is deprecated; use metallb.io/v1beta2",
        spec: legacyPeerSpec,
        needsSpec: false,
        status: NO_STATUS,
        columns: PEER_COLUMNS,
      },
      {
        name: "v1beta2",
        isStored: true,
        spec: peerSpec,
        needsSpec: false,
        status: NO_STATUS,
        columns: PEER_COLUMNS,
      },
    ],
  }),
  BFDProfile: metallb("bfdprofiles", {
    singular: "bfdprofile",
    description: "Settings of BFD (RFC 5880) for sessions of BGPPeers that name it.",
    versions: v1beta1({
      spec: bfdProfileSpec,
      status: NO_STATUS,
      columns: [
        yesNo("Passive Mode", ".spec.passiveMode"),
        count("Transmit Interval", ".spec.transmitInterval"),
        count("Receive Interval", ".spec.receiveInterval"),
        count("Multiplier", ".spec.detectMultiplier"),
      ],
    }),
  }),
  Community: metallb("communities", {
    singular: "community",
    description: "Names for BGP communities.",
    versions: v1beta1({ spec: communitySpec, status: NO_STATUS, columns: [] }),
  }),
};

/** What controllers and speakers report, in MetalLB's group. */
const REPORTED = {
  ServiceL2Status: metallb("servicel2statuses", {
    singular: "servicel2status",
    description: "Which node answers for a Service on the local network. Written by speakers.",
    versions: v1beta1({
      spec: NO_SPEC,
      status: serviceL2Status,
      columns: [text("Allocated Node", ".status.node"), ...SERVICE_COLUMNS],
    }),
  }),
  ServiceBGPStatus: metallb("servicebgpstatuses", {
    singular: "servicebgpstatus",
    description: "Which peers a node is to tell of a Service. Written by speakers.",
    versions: v1beta1({
      spec: NO_SPEC,
      status: serviceBgpStatus,
      columns: [text("Node", ".status.node"), ...SERVICE_COLUMNS],
    }),
  }),
  ConfigurationState: metallb("configurationstates", {
    singular: "configurationstate",
    description: "Whether a component can use the configuration, and if not, why. Written by each component.",
    versions: v1beta1({
      status: configurationStateStatus,
      columns: [text("Result", ".status.result"), text("ErrorSummary", ".status.errorSummary"), AGE],
    }),
  }),
};

/** Our own kinds. */
const OWN = {
  AddressReservation: {
    group: OWN_GROUP,
    plural: "addressreservations",
    singular: "addressreservation",
    description:
      "Keeps addresses of pools for one Service, or for nobody, whether or not the Service exists at the moment.",
    versions: v1alpha1({
      spec: reservationSpec,
      columns: [
        text("Addresses", ".spec.addresses"),
        text("Service Namespace", ".spec.service.namespace"),
        text("Service Name", ".spec.service.name"),
        AGE,
      ],
    }),
  },
  AddressConflict: {
    group: OWN_GROUP,
    plural: "addressconflicts",
    singular: "addressconflict",
    description:
      "Says that another machine answers for an address, so that no Service gets it. Written by speakers, or by hand.",
    versions: v1alpha1({
      spec: conflictSpec,
      columns: [
        text("Address", ".spec.address"),
        text("MAC", ".spec.mac"),
        text("Reported By", ".spec.reportedBy"),
        AGE,
      ],
    }),
  },
};

/** The facts of every kind, by its name; the order is that of the reference page. */
export const KINDS = { ...CONFIGURED, ...OWN, ...REPORTED } satisfies Readonly<Record<string, KindFacts>>;

/** The name of a kind. */
export type Kind = keyof typeof KINDS;

/** A kind from which a configuration is read. */
export type ConfiguredKind = keyof typeof CONFIGURED | keyof typeof OWN;

/** Whether a name is that of a kind. */
export const isKind = (name: unknown): name is Kind => typeof name === "string" && Object.hasOwn(KINDS, name);

/** Whether a configuration is read from this kind. */
export const isConfigured = (kind: Kind): kind is ConfiguredKind => !Object.hasOwn(REPORTED, kind);

/** The facts of each kind with its name, in order. */
export const kindEntries = (): readonly (readonly [kind: string, facts: KindFacts])[] =>
  Object.entries(KINDS);
