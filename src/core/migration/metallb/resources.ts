/** MetalLB's resources: those of today as they are, older ones in their form of today. */
import { fieldsOf, textMapOf, textOf } from "#core/kubernetes/read";
import type { Draft } from "../draft.ts";
import type { Kind } from "../resource.ts";
import type { Section } from "../section.ts";
import { CAMEL_POOL, readPool } from "./pools.ts";

const KINDS: readonly Kind[] = [
  "IPAddressPool",
  "L2Advertisement",
  "BGPPeer",
  "BGPAdvertisement",
  "BFDProfile",
  "Community",
];

/** What `kubectl apply` notes down; it says the same as the resource, and wrongly once that is changed. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

const isKind = (kind: string): kind is Kind => KINDS.some((each) => each === kind);

/** What MetalLB writes, and nobody has to carry. */
const WRITTEN = ["ServiceL2Status", "ServiceBGPStatus", "ConfigurationState"];

/** Whether a document is a resource of MetalLB's. */
export const isMetalLb = (value: unknown): boolean =>
  textOf(fieldsOf(value).apiVersion).startsWith("metallb.io/");

const keep = (section: Section, kind: Kind, draft: Draft): void => {
  const metadata = section.section("metadata");
  const name = metadata?.text("name");
  const spec = section.raw("spec") ?? {};
  if (name === undefined || typeof spec !== "object" || Array.isArray(spec)) {
    draft.report.lost(section.about, "is left out: it has no name, or its spec is no section");
    return;
  }
  const labels = textMapOf(metadata?.raw("labels"));
  const annotations = textMapOf(metadata?.raw("annotations"), (key) => key !== LAST_APPLIED);
  const kept = draft.add(kind, {
    wanted: name,
    fallback: "kept",
    origin: section.about,
    spec,
    labels,
    annotations,
  });
  const version = section.text("apiVersion");
  if (kept !== name)
    draft.report.changed(section.about, `is named ${kept}: there is another one of that name`);
  if (kind === "BGPPeer" && version === "metallb.io/v1beta1")
    draft.report.changed(section.at("apiVersion"), "metallb.io/v1beta2, with the same fields");
  else draft.report.needless(section.about, "is a resource already, and kept as it is");
};

/** Reads one resource of MetalLB's. */
export const readResource = (section: Section, draft: Draft): void => {
  const kind = section.text("kind") ?? "";
  if (isKind(kind)) {
    keep(section, kind, draft);
    return;
  }
  if (WRITTEN.includes(kind)) {
    draft.report.needless(section.about, "is written by MetalLB about what it does");
    return;
  }
  const spec = kind === "AddressPool" ? section.section("spec") : undefined;
  if (spec === undefined) {
    draft.report.lost(section.about, "is no kind that the importer knows of metallb.io");
    return;
  }
  const name = section.section("metadata")?.text("name");
  readPool(spec, { draft, name, spelling: CAMEL_POOL });
  draft.report.changed(section.about, "IPAddressPool, with an advertisement of its own");
};
