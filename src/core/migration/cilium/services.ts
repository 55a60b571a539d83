/** Cilium's annotations at Services. */
import {
  type AnnotatedService,
  addressesIn,
  annotatedService,
  commandFor,
  noteClass,
  together,
  type Wanted,
  wantAddresses,
  wantSharing,
} from "../annotations.ts";
import type { Report } from "../report.ts";
import type { Section } from "../section.ts";

const NOTHING: Wanted = { annotations: {}, dropsLoadBalancerIp: false };

/** Each annotation under its name and the one that it had before; the first one counts. */
const ADDRESSES = ["lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips"] as const;
const SHARING = ["lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key"] as const;
const ACROSS = [
  "lbipam.cilium.io/sharing-cross-namespace",
  "io.cilium/lb-ipam-sharing-cross-namespace",
] as const;

const firstOf = (
  annotations: Section,
  keys: readonly string[],
): { readonly key: string; readonly text: string } | undefined => {
  const found = keys.flatMap((key) => {
    const text = annotations.text(key);
    return text === undefined ? [] : [{ key, text }];
  });
  for (const { key } of found.slice(1)) annotations.needless(key, `${keys[0]} counts`);
  return found[0];
};

const addressesOf = (service: AnnotatedService): Wanted => {
  const asked = firstOf(service.annotations, ADDRESSES);
  if (asked === undefined) return NOTHING;
  const addresses = addressesIn(asked.text);
  if (addresses !== undefined) return wantAddresses(service, { key: asked.key, addresses });
  service.annotations.lost(asked.key, `${JSON.stringify(asked.text.slice(0, 60))} is no list of addresses`);
  return NOTHING;
};

const sharingOf = (service: AnnotatedService): Wanted => {
  const { annotations, namespace } = service;
  const asked = firstOf(annotations, SHARING);
  const across = firstOf(annotations, ACROSS);
  if (asked === undefined) return NOTHING;
  if (across === undefined) {
    // The same key in two namespaces means two addresses with Cilium, and one with MetalLB.
    return wantSharing(service, { from: asked.key, key: `${namespace}/${asked.text}` });
  }
  annotations.changed(across.key, "Services of every namespace with the same key may share");
  return wantSharing(service, { from: asked.key, key: asked.text });
};

/** Reads a Service; gives the command that writes what its annotations become. */
export const readService = (section: Section, report: Report): string | undefined => {
  const spec = section.raw("spec");
  if (typeof spec === "object" && spec !== null && "loadBalancerClass" in spec)
    noteCiliumClass(section, report);
  const service = annotatedService(section);
  if (service === undefined) return undefined;
  return commandFor(service, together(addressesOf(service), sharingOf(service)));
};

const noteCiliumClass = (section: Section, report: Report): void => {
  const loadBalancerClass = section.section("spec")?.text("loadBalancerClass") ?? "";
  if (loadBalancerClass === "io.cilium/node")
    report.lost(section.at("spec", "loadBalancerClass"), "steelyard gives no addresses of nodes");
  else if (loadBalancerClass.startsWith("io.cilium/")) noteClass({ section, loadBalancerClass }, report);
};
