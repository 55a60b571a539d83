/** From Cilium's resources, and Services with its annotations, to MetalLB's resources. */
import { fieldsOf, textOf } from "#core/kubernetes/read";
import { Draft } from "../draft.ts";
import type { Report } from "../report.ts";
import type { Imported } from "../resource.ts";
import { type Section, sectionOf } from "../section.ts";
import { labelOf, type SourceDocument } from "../source.ts";
import { readAdvertisement } from "./advertisement.ts";
import { readAnnouncementPolicy } from "./announcement.ts";
import { readClusterConfig } from "./cluster-config.ts";
import { type PeerConfig, readPeerConfig } from "./peer-config.ts";
import { readPeeringPolicy } from "./peering-policy.ts";
import { readPool } from "./pools.ts";
import { readService } from "./services.ts";

/** Which kinds are read, in the order in which they need each other. */
const KINDS = [
  "CiliumLoadBalancerIPPool",
  "CiliumL2AnnouncementPolicy",
  "CiliumBGPPeerConfig",
  "CiliumBGPClusterConfig",
  "CiliumBGPAdvertisement",
  "CiliumBGPPeeringPolicy",
  "Service",
] as const;
type Kind = (typeof KINDS)[number];

const kindOf = (value: unknown): Kind | undefined => {
  const { apiVersion, kind } = fieldsOf(value);
  const isKnown = kind === "Service" || textOf(apiVersion).startsWith("cilium.io/");
  return isKnown ? KINDS.find((each) => each === kind) : undefined;
};

const noteOther = (document: SourceDocument, report: Report): void => {
  const about = { document, path: [], label: labelOf(document.value) };
  const kind = textOf(fieldsOf(document.value).kind);
  if (kind === "CiliumBGPNodeConfig") report.needless(about, "is written by Cilium's operator");
  else if (kind === "CiliumBGPNodeConfigOverride")
    report.lost(about, "write a BGPPeer with nodeSelectors, routerID and sourceAddress for the node instead");
  else report.lost(about, "is no resource of Cilium's about addresses of Services, and no Service");
};

/** The sections of each kind. */
const sorted = (
  documents: readonly SourceDocument[],
  report: Report,
): ReadonlyMap<Kind, readonly Section[]> => {
  const sections = new Map<Kind, Section[]>(KINDS.map((kind) => [kind, []]));
  for (const document of documents) {
    const kind = kindOf(document.value);
    const section = kind === undefined ? undefined : sectionOf(document, report);
    if (kind === undefined || section === undefined) noteOther(document, report);
    else sections.get(kind)?.push(section);
  }
  return sections;
};

/** Of pools that overlap Cilium uses the one that was there first. */
const oldestFirst = (sections: readonly Section[]): readonly Section[] =>
  sections
    .map((section) => {
      const stamp = textOf(fieldsOf(section.raw("metadata")).creationTimestamp);
      return { section, at: Number.isNaN(Date.parse(stamp)) ? Number.POSITIVE_INFINITY : Date.parse(stamp) };
    })
    .toSorted((left, right) => (left.at === right.at ? 0 : left.at - right.at))
    .map(({ section }) => section);

/** Reads Cilium's resources and Services. Never throws. What is made lies in `namespace`, else in `metallb-system`. */
export const importCilium = (
  documents: readonly SourceDocument[],
  { namespace, report }: { readonly namespace: string | undefined; readonly report: Report },
): Imported => {
  const draft = new Draft(namespace ?? "metallb-system", report);
  const sections = sorted(documents, report);
  const of = (kind: Kind): readonly Section[] => sections.get(kind) ?? [];
  for (const section of oldestFirst(of("CiliumLoadBalancerIPPool"))) readPool(section, draft);
  for (const section of of("CiliumL2AnnouncementPolicy")) readAnnouncementPolicy(section, draft);
  const configs = new Map<string, PeerConfig>();
  for (const section of of("CiliumBGPPeerConfig")) {
    const name = section.section("metadata")?.text("name") ?? "";
    const spec = section.section("spec");
    if (spec !== undefined) configs.set(name, readPeerConfig(spec, draft));
  }
  const peers = of("CiliumBGPClusterConfig").flatMap((section) =>
    readClusterConfig(section, { draft, configs }),
  );
  for (const section of of("CiliumBGPAdvertisement")) readAdvertisement(section, { draft, peers });
  for (const section of of("CiliumBGPPeeringPolicy")) readPeeringPolicy(section, draft);
  const commands = of("Service").flatMap((section) => readService(section, report) ?? []);
  return { resources: draft.resources, commands };
};
