/** The schemas of `BGPPeer`, in both versions, and of `BFDProfile`: routers that are told, and how they are watched. */
import * as v from "valibot";
import { flag, oneOf, section } from "#core/config/fields";
import { goDuration, listOf, number, optionalAddress, plain, sectionWith, selectors } from "./fields.ts";

const asn = (description: string, min: 0 | 1) => number(description, { min, max: 4_294_967_295 });

const BOTH = {
  holdTime: v.exactOptional(
    goDuration(
      "Hold time that is asked for: 0 or 3s and more. Default: three times keepaliveTime, if that is given.",
    ),
  ),
  keepaliveTime: v.exactOptional(
    goDuration(
      "Keepalive time that is asked for, at most the hold time. Default: a third of holdTime, if that is given.",
    ),
  ),
  routerID: v.exactOptional(
    optionalAddress("Router identifier that is told to the peer. Default: chosen per node."),
  ),
  sourceAddress: v.exactOptional(
    optionalAddress("Address from which the session is opened. Default: the route's."),
  ),
  password: v.exactOptional(plain("Password of the session (TCP MD5), in clear text.")),
  bfdProfile: v.exactOptional(
    plain("BFDProfile, by name, with which the session is watched. Default: it is not watched by BFD."),
  ),
  ebgpMultiHop: v.exactOptional(
    flag("Whether the peer of another autonomous system is more than one hop away. Default: false."),
  ),
};

/** 0, which v1beta1 and old versions of v1beta2 took, is read as the default; new objects must not have it. */
const port = v.pipe(
  number("TCP port of the peer.", { min: 0, max: 16_384 }),
  v.transform((written) => (written === 0 ? 179 : written)),
  v.metadata({ format: "1..16384", crd: { format: "int32", minimum: 1, maximum: 16_384 } }),
);

/** `BGPPeer.spec`, version v1beta2. */
export const peerSpec = section("A router with which nodes open a BGP session.", {
  myASN: asn("Number of the own autonomous system.", 0),
  peerASN: v.exactOptional(asn("Number of the peer's autonomous system; this or dynamicASN is needed.", 0)),
  dynamicASN: v.exactOptional(
    oneOf(
      "Takes the peer's number as it comes: the own one only (`internal`), or any but the own one (`external`).",
      ["internal", "external"],
    ),
  ),
  localASN: v.exactOptional(
    asn("Number that is told to this peer instead of myASN (local-as, no-prepend, replace-as).", 1),
  ),
  peerAddress: v.exactOptional(optionalAddress("Address of the peer; this or interface is needed.")),
  interface: v.exactOptional(plain("Interface of the node on which the peer is found (unnumbered session).")),
  peerPort: v.exactOptional(port, 179),
  ...BOTH,
  connectTime: v.exactOptional(
    goDuration("Time between attempts to connect: whole seconds, 1s..65535s.", {
      maxLength: 64,
      "x-kubernetes-validations": [
        {
          rule: "duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535",
          message: "must be from 1 to 65535 seconds",
        },
        { rule: "duration(self).getMilliseconds() % 1000 == 0", message: "must be whole seconds" },
      ],
    }),
  ),
  nodeSelectors: v.exactOptional(
    selectors("Selects the nodes that open the session; one selector must match. Default: all nodes."),
  ),
  passwordSecret: v.exactOptional(
    sectionWith(
      "Secret of type kubernetes.io/basic-auth, in the namespace of this resource, whose key `password` is the session's password.",
      {
        name: v.exactOptional(plain("Name of the Secret.")),
        namespace: v.exactOptional(plain("Namespace of the Secret.")),
      },
      { "x-kubernetes-map-type": "atomic" },
    ),
  ),
  enableGracefulRestart: v.exactOptional(
    v.pipe(
      flag("Whether the peer keeps routes while a speaker restarts. Cannot be changed. Default: false."),
      v.metadata({
        crd: { "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "cannot be changed" }] },
      }),
    ),
  ),
  vrf: v.exactOptional(plain("VRF of the node in which the session is opened. Default: the main one.")),
  disableMP: v.exactOptional(
    flag("Whether a session carries routes of its own family only. Deprecated: see dualStackAddressFamily."),
    false,
  ),
  dualStackAddressFamily: v.exactOptional(flag("Whether a session carries routes of both families."), false),
});

/** A checked `BGPPeer.spec` with its defaults. */
export type PeerSpec = v.InferOutput<typeof peerSpec>;

/** `BGPPeer.spec`, version v1beta1: served for old clients, converted to v1beta2 before it is read. */
export const legacyPeerSpec = section("A router with which nodes open a BGP session.", {
  myASN: asn("Number of the own autonomous system.", 0),
  peerASN: asn("Number of the peer's autonomous system.", 0),
  peerAddress: plain("Address of the peer."),
  peerPort: v.exactOptional(number("TCP port of the peer. Default: 179.", { min: 0, max: 16_384 })),
  ...BOTH,
  nodeSelectors: v.exactOptional(
    listOf(
      "Selects the nodes that open the session; one selector must match. Default: all nodes.",
      section("A selector by labels; all of it must hold.", {
        matchLabels: v.exactOptional(
          v.pipe(
            v.record(v.string(), v.string()),
            v.description("Labels that must have exactly these values."),
          ),
        ),
        matchExpressions: v.exactOptional(
          listOf(
            "Conditions on labels.",
            section("One condition.", {
              key: plain("Name of the label."),
              operator: plain("`In`, `NotIn`, `Exists` or `DoesNotExist`."),
              values: listOf("What `In` and `NotIn` compare with.", plain("A value."), { minItems: 1 }),
            }),
          ),
        ),
      }),
    ),
  ),
});

const interval = (description: string) => number(description, { min: 10, max: 60_000 });

/** `BFDProfile.spec`. */
export const bfdProfileSpec = section("How BFD watches the path to a peer.", {
  receiveInterval: v.exactOptional(
    interval("Shortest interval between packets received, in milliseconds. Default: 300."),
  ),
  transmitInterval: v.exactOptional(
    interval("Interval between packets sent, in milliseconds. Default: 300."),
  ),
  detectMultiplier: v.exactOptional(
    number("After how many missing packets the path is down. Default: 3.", { min: 2, max: 255 }),
  ),
  echoInterval: v.exactOptional(interval("Interval between echo packets, in milliseconds. Default: 50.")),
  echoMode: v.exactOptional(
    flag("Whether echo packets are sent; for peers one hop away, and IPv4 only. Default: false."),
  ),
  passiveMode: v.exactOptional(flag("Whether the peer has to begin. Default: false.")),
  minimumTtl: v.exactOptional(
    number("Lowest TTL of packets from peers more than one hop away. Default: 254.", { min: 1, max: 254 }),
  ),
});

/** A checked `BFDProfile.spec`. */
export type BfdProfileSpec = v.InferOutput<typeof bfdProfileSpec>;
