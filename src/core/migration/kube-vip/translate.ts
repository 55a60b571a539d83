/** From kube-vip's DaemonSet, the ConfigMap of its cloud provider, and annotated Services to MetalLB's resources. */
import { fieldsOf, textMapOf, textOf } from "#core/kubernetes/read";
import { Draft } from "../draft.ts";
import type { Report } from "../report.ts";
import type { Imported } from "../resource.ts";
import { Section, sectionOf } from "../section.ts";
import { labelOf, type SourceDocument } from "../source.ts";
import { type Announcing, BY_ARP } from "./announcing.ts";
import { isKubeVip, readDaemonSet } from "./daemon-set.ts";
import { readKeys } from "./keys.ts";
import { readPools } from "./pools.ts";
import { readService } from "./services.ts";

/** The keys of a ConfigMap with addresses in it. */
const isPoolKey = (key: string): boolean => key.startsWith("cidr-") || key.startsWith("range-");

const isConfigMap = (value: unknown): boolean => {
  const { kind, data } = fieldsOf(value);
  return kind === "ConfigMap" && Object.keys(textMapOf(data)).some(isPoolKey);
};

const readConfigMap = (
  document: SourceDocument,
  { draft, announcing }: { readonly draft: Draft; readonly announcing: Announcing | undefined },
): ReadonlyMap<string, string> => {
  const about = { document, path: ["data"], label: labelOf(document.value) };
  const data = new Section(fieldsOf(fieldsOf(document.value).data), about, draft.report);
  const keys = readKeys(data);
  readPools(data, { keys, draft, announcing: announcing ?? BY_ARP });
  if (announcing === undefined) {
    draft.report.changed(
      about,
      "addresses are announced by ARP and NDP; give the DaemonSet of kube-vip as well if it does otherwise",
    );
  }
  data.close("kube-vip's ConfigMap");
  return keys.interfaceByNamespace;
};

/** How the DaemonSets announce; the first one that announces Services counts. */
const readDaemonSets = (documents: readonly SourceDocument[], draft: Draft): Announcing | undefined => {
  let announcing: Announcing | undefined;
  for (const document of documents) {
    const section = sectionOf(document, draft.report);
    if (section === undefined) continue;
    if (announcing === undefined) announcing = readDaemonSet(section, draft);
    else draft.report.lost(section.about, "is a second one; the first counts");
  }
  return announcing;
};

/** Reads ConfigMaps, DaemonSets and Services. Never throws. What is made lies in `namespace`, else in `metallb-system`. */
export const importKubeVip = (
  documents: readonly SourceDocument[],
  { namespace, report }: { readonly namespace: string | undefined; readonly report: Report },
): Imported => {
  const draft = new Draft(namespace ?? "metallb-system", report);
  const daemonSets = documents.filter(({ value }) => isKubeVip(value));
  const announcing = readDaemonSets(daemonSets, draft);
  const interfaceByNamespace = new Map<string, string>();
  for (const document of documents.filter(({ value }) => isConfigMap(value)))
    for (const [name, device] of readConfigMap(document, { draft, announcing }))
      interfaceByNamespace.set(name, device);
  const commands: string[] = [];
  for (const document of documents.filter(({ value }) => !isConfigMap(value) && !isKubeVip(value))) {
    const section = sectionOf(document, report);
    const isService = textOf(fieldsOf(document.value).kind) === "Service";
    if (isService && section !== undefined) {
      const command = readService(section, { report, interfaceByNamespace });
      if (command !== undefined) commands.push(command);
      continue;
    }
    const about = { document, path: [], label: labelOf(document.value) };
    report.lost(
      about,
      "is neither a ConfigMap with cidr- or range- keys, nor kube-vip's DaemonSet, nor a Service",
    );
  }
  return { resources: draft.resources, commands };
};
