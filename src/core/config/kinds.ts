/** The kinds of resources a configuration may hold. */
import * as v from "valibot";
import { objectName, section, textMap } from "./fields.ts";
import { checkSpec } from "./schema-check.ts";
import { endpointSpec } from "./schema-endpoint.ts";
import { routerSpec } from "./schema-router.ts";
import { serverSpec } from "./schema-server.ts";
import { syncSpec } from "./schema-sync.ts";

/** The one `apiVersion` of all our kinds. */
export const API_VERSION = "steelyard.dev/v1alpha1";

const metadata = section("Who this is.", {
  name: objectName("Unique among the resources of its kind."),
  labels: v.exactOptional(textMap("For your own use.")),
  annotations: v.exactOptional(textMap("For your own use.")),
});

const resource = <const Kind extends string, const Spec extends v.GenericSchema>(
  kind: Kind,
  { description, spec }: { readonly description: string; readonly spec: Spec },
) =>
  section(description, {
    apiVersion: v.pipe(v.literal(API_VERSION), v.description("The version of this format.")),
    kind: v.pipe(v.literal(kind), v.description("What this document describes.")),
    metadata,
    spec,
  });

/** The schema of every kind, by its name; the order is that of the reference page. */
export const KINDS = {
  VirtualRouter: resource("VirtualRouter", {
    description:
      "Addresses that are held by one of several boxes, and move to another in under a second when it fails (VRRP, RFC 9568).",
    spec: routerSpec,
  }),
  VirtualServer: resource("VirtualServer", {
    description: "One address and port whose connections are spread over backends by the kernel.",
    spec: serverSpec,
  }),
  TrackedCheck: resource("TrackedCheck", {
    description:
      "A question asked on this box; a VirtualRouter that tracks it loses priority when the answer is no.",
    spec: checkSpec,
  }),
  ConnectionSync: resource("ConnectionSync", {
    description:
      "Keeps the connections of `masquerade` and `nat` servers known to the other box as well, by conntrackd, so that they survive a takeover. One a box.",
    spec: syncSpec,
  }),
  ControlPlaneEndpoint: resource("ControlPlaneEndpoint", {
    description:
      "The address of a cluster's API servers, held by a control-plane host whose own API server works ([how](../vip.md)). It stands for a VirtualRouter a family, a TrackedCheck and, with `balance`, a VirtualServer.",
    spec: endpointSpec,
  }),
} as const;

/** The name of a kind. */
export type Kind = keyof typeof KINDS;

/** The names of all kinds. */
export const KIND_NAMES: readonly Kind[] = [
  "VirtualRouter",
  "VirtualServer",
  "TrackedCheck",
  "ConnectionSync",
  "ControlPlaneEndpoint",
];
