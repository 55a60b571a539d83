/** What annotations of Services become: commands that somebody runs, since a Service is never ours to write whole. */
import { familyOf, type IpAddress } from "#base/address";
import { parseServiceAddress } from "#core/ipam/block";
import { fieldsOf, textOf } from "#core/kubernetes/read";
import { isObjectName } from "./names.ts";
import type { Report } from "./report.ts";
import type { Section } from "./section.ts";

/** Annotations of ours that a Service is to get, and whether its deprecated `spec.loadBalancerIP` must go. */
export type Wanted = {
  readonly annotations: Readonly<Record<string, string>>;
  readonly dropsLoadBalancerIp: boolean;
};

/** Asks for addresses. */
const ADDRESSES = "metallb.io/loadBalancerIPs";
/** Lets Services share an address. */
const SHARING = "metallb.io/allow-shared-ip";

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** What a shell and a terminal print as it is, on one line whoever reads it. */
const PRINTABLE = /^[^\p{Cc}\p{Zl}\p{Zp}]{1,400}$/u;

/** The command that writes what a Service wants; `undefined` when it wants nothing. */
export const commandFor = (
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { annotations, dropsLoadBalancerIp }: Wanted,
): string | undefined => {
  if (Object.keys(annotations).length === 0) return undefined;
  const patch = {
    metadata: { annotations },
    ...(dropsLoadBalancerIp ? { spec: { loadBalancerIP: null } } : {}),
  };
  const place = namespace === "" ? "" : ` --namespace ${namespace}`;
  return `kubectl patch service ${name}${place} --type merge --patch ${quoted(JSON.stringify(patch))}`;
};

/** The addresses in a list such as `192.0.2.10,2001:db8::10`; `undefined` if one of them is none. */
export const addressesIn = (text: string): readonly IpAddress[] | undefined => {
  if (text.length > 400) return undefined;
  const addresses = text.split(",").map((part) => parseServiceAddress(part.trim()));
  return addresses.every((address) => address !== undefined) ? addresses : undefined;
};

/** A Service whose annotations are read. */
export type AnnotatedService = {
  readonly section: Section;
  readonly annotations: Section;
  readonly namespace: string;
  readonly name: string;
  /** `spec.loadBalancerIP`, if there is one. */
  readonly loadBalancerIp: IpAddress | undefined;
  readonly loadBalancerClass: string | undefined;
};

/** The Service of a document; `undefined` if its name is none that an API server takes. */
export const annotatedService = (section: Section): AnnotatedService | undefined => {
  const metadata = section.section("metadata");
  const name = metadata?.text("name") ?? "";
  const namespace = metadata?.text("namespace") ?? "";
  const annotations = metadata?.section("annotations");
  if (!isObjectName(name) || (namespace !== "" && !isObjectName(namespace))) return undefined;
  if (metadata === undefined || annotations === undefined) return undefined;
  const spec = fieldsOf(section.raw("spec"));
  const loadBalancerClass = textOf(spec.loadBalancerClass);
  return {
    section,
    annotations,
    namespace,
    name,
    loadBalancerIp: parseServiceAddress(textOf(spec.loadBalancerIP)),
    loadBalancerClass: loadBalancerClass === "" ? undefined : loadBalancerClass,
  };
};

/** What to do about addresses that a Service asks for by an annotation. */
export const wantAddresses = (
  { annotations, loadBalancerIp }: AnnotatedService,
  { key, addresses }: { readonly key: string; readonly addresses: readonly IpAddress[] },
): Wanted => {
  const nothing: Wanted = { annotations: {}, dropsLoadBalancerIp: false };
  if (new Set(addresses.map(familyOf)).size !== addresses.length) {
    annotations.lost(key, "asks for several addresses of a family; a Service gets one of each");
    return nothing;
  }
  if (addresses.length === 1 && addresses[0] === loadBalancerIp) {
    annotations.needless(key, "spec.loadBalancerIP asks for the same address");
    return nothing;
  }
  const text = addresses.join(",");
  const dropsLoadBalancerIp = loadBalancerIp !== undefined;
  const instead = dropsLoadBalancerIp ? ", instead of spec.loadBalancerIP; both at once are refused" : "";
  annotations.changed(key, `${ADDRESSES}: ${text}${instead}`);
  return { annotations: { [ADDRESSES]: text }, dropsLoadBalancerIp };
};

/** What to do about a key by which Services share an address. */
export const wantSharing = (
  service: AnnotatedService,
  { from, key }: { readonly from: string; readonly key: string },
): Wanted => {
  if (!PRINTABLE.test(key)) {
    service.annotations.lost(from, "is empty, too long, or holds characters that nobody sees");
    return { annotations: {}, dropsLoadBalancerIp: false };
  }
  service.annotations.changed(from, `${SHARING}: ${key}`);
  return { annotations: { [SHARING]: key }, dropsLoadBalancerIp: false };
};

/** Both together. */
export const together = (left: Wanted, right: Wanted): Wanted => ({
  annotations: { ...left.annotations, ...right.annotations },
  dropsLoadBalancerIp: left.dropsLoadBalancerIp || right.dropsLoadBalancerIp,
});

/** What to do about the class of a Service, which can never be changed. */
export const noteClass = (
  { section, loadBalancerClass }: Pick<AnnotatedService, "section" | "loadBalancerClass">,
  report: Report,
): void => {
  if (loadBalancerClass === undefined) return;
  report.changed(
    section.at("spec", "loadBalancerClass"),
    `cannot be changed at a Service; start the controller with --lb-class ${loadBalancerClass.slice(0, 100)}, or make the Service anew without`,
  );
};
