/** The schema of a `ControlPlaneEndpoint`: the address of a cluster's API servers, held by one of their hosts. */
import * as v from "valibot";
import { millis, seconds } from "#base/time";
import {
  address,
  duration,
  flag,
  integer,
  interfaceAddress,
  interfaceName,
  list,
  oneOf,
  section,
  text,
} from "./fields.ts";

const apiServer = section("How the API server of this host is asked whether it works.", {
  address: v.optional(
    address("Where it is asked; the other API servers are asked where `peers` says."),
    "127.0.0.1",
  ),
  port: v.optional(integer("Its port, the same on all hosts.", { min: 1, max: 65_535 }), 6443),
  check: v.optional(
    oneOf(
      "`https`: a GET for `path` is answered. 200 to 299, 401, 403 and 429 are a server that works: it knows nobody without credentials, or has much to do. `tcp`: a connection is accepted, which a frozen server does too.",
      ["https", "tcp"],
    ),
    "https",
  ),
  path: v.optional(
    text(
      "What is asked for by `https`. With `balance`, whether a server gets new connections is asked for with `/readyz` where this begins with `/livez`.",
      {
        pattern: /^\/[!-~]{0,1023}$/,
        rule: "a path that starts with a slash and has no spaces",
        format: "path",
      },
    ),
    "/livez",
  ),
  caFile: v.exactOptional(
    text(
      "PEM file with the cluster's authority, which must have signed the certificate. Default: none, and any certificate will do.",
      { pattern: /^\/[^\0]{1,4095}$/, rule: "an absolute path", format: "absolute path" },
    ),
  ),
  serverName: v.optional(
    text(
      "Name that the certificate must carry, and that is sent in the handshake. Every API server of kubeadm, k3s and RKE2 has this one.",
      {
        pattern: /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/,
        rule: "a host name such as kubernetes.default.svc, or an IPv4 address",
        format: "host name",
      },
    ),
    "kubernetes.default.svc",
  ),
  interval: v.optional(
    duration("From the start of one question to the start of the next.", {
      min: millis(100),
      max: seconds(60),
    }),
    "1s",
  ),
  timeout: v.optional(
    duration("How late an answer may be: a slower server counts as frozen.", {
      min: millis(50),
      max: seconds(60),
    }),
    "2s",
  ),
  rise: v.optional(
    integer("Good answers in a row until a server that was dead is well again.", { min: 1, max: 100 }),
    2,
  ),
  fall: v.optional(
    integer(
      "Questions without a good answer, in a row, until the server counts as dead. Each follows 200 ms after the one before has failed.",
      { min: 1, max: 11 },
    ),
    3,
  ),
});

/** `ControlPlaneEndpoint.spec`. */
export const endpointSpec = section("The address, who may hold it, and when. The same on every host.", {
  addresses: list(
    "The addresses that clients use, of one family or both. They must be nobody's, and the same on all hosts.",
    interfaceAddress("The address and its prefix length; without one, /32 or /128."),
    { min: 1, max: 16 },
  ),
  interface: interfaceName("Interface that carries them, and that VRRP speaks on."),
  peers: v.optional(
    list(
      "Addresses of all control-plane hosts on that interface, this one included: who we are is seen from what the interface carries. Without any, hosts find each other by multicast.",
      address("A host."),
      { max: 64 },
    ),
    [],
  ),
  vrid: v.optional(
    integer("Virtual Router Identifier; the same on all hosts, unique on the network.", { min: 1, max: 255 }),
    53,
  ),
  priority: v.exactOptional(
    integer(
      "VRRP priority of this host. Default: from the order of all hosts' addresses, the lowest first, so that no two have the same.",
      { min: 1, max: 254 },
    ),
  ),
  preempt: v.optional(
    flag(
      "Whether a host with a higher priority takes the address from one that is well, when it comes back.",
    ),
    false,
  ),
  advertisementInterval: v.optional(
    duration(
      "Pause between advertisements, up to 40.95s in steps of 10ms. A silent holder is replaced after about three of them.",
      { min: millis(10), max: seconds(40.95) },
    ),
    "200ms",
  ),
  apiServer: v.optional(apiServer, {}),
  balance: v.optional(
    flag(
      "Whether the holder spreads connections over the API servers of all `peers` that are healthy, instead of serving all of them itself.",
    ),
    false,
  ),
});

/** A checked `ControlPlaneEndpoint.spec` with its defaults. */
export type EndpointSpec = v.InferOutput<typeof endpointSpec>;
