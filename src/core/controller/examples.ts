/** One event of each type: what the reference page shows and tests go through. */
import type { ObjectKey } from "#core/kubernetes/meta";
import type { ControllerEvent } from "./event.ts";

const service = "shop/web" as ObjectKey;

type Of<Type extends ControllerEvent["type"]> = Extract<ControllerEvent, { readonly type: Type }>;

/** With every field that the type may have. */
export const CONTROLLER_EXAMPLES: { readonly [Type in ControllerEvent["type"]]: Of<Type> } = {
  controller: {
    ...{ type: "controller", change: "started", detail: "0.1.0, https://10.96.0.1:443" },
    warnings: ["the API server's certificate is not verified"],
  },
  leadership: { type: "leadership", state: "lost", reason: "taken", holder: "pod-2" },
  "pools-applied": {
    ...{ type: "pools-applied", pools: 2, reservations: 1, conflicts: 0 },
    warnings: ["IPAddressPool lb/spare, spec.serviceAllocation: admits no namespace"],
  },
  "pools-refused": {
    type: "pools-refused",
    problems: ["IPAddressPool lb/public, spec.addresses[0]: 192.0.2.9-192.0.2.1 runs backwards"],
  },
  allocated: {
    ...{ type: "allocated", service, addresses: ["192.0.2.10", "2001:db8::10"] },
    ...{ pool: "public", how: "automatic-pool" },
  },
  "allocation-refused": {
    ...{ type: "allocation-refused", service, reason: "pools-exhausted" },
    message: "pool public has no free address",
  },
  released: { type: "released", service, addresses: ["192.0.2.10"] },
  "write-failed": {
    type: "write-failed",
    subject: "shop/web",
    reason: "throttled",
    message: "too many requests",
  },
  "api-trouble": { type: "api-trouble", resource: "services", state: "begun", detail: "connection refused" },
  "shadow-difference": {
    ...{ type: "shadow-difference", service, state: "begun" },
    detail: "has none, would get 192.0.2.10 from pool public (automatic-pool)",
  },
  webhook: { type: "webhook", state: "serving", detail: "port 9443" },
  certificate: { type: "certificate", change: "written", detail: "create: absent" },
  "other-balancer": {
    ...{ type: "other-balancer", state: "found" },
    detail: "ServiceLB of k3s serves 2 Services. Switch it off with --disable servicelb.",
  },
};
