/** From the ConfigMap of kube-vip's cloud provider, and Services with kube-vip's annotations, to MetalLB's resources. */
import { fieldsOf, textMapOf, textOf } from "#core/kubernetes/read";
import { Draft } from "../draft.ts";
import type { Report } from "../report.ts";
import type { Imported } from "../resource.ts";
import { Section, sectionOf } from "../section.ts";
import { labelOf, type SourceDocument } from "../source.ts";
import { readKeys } from "./keys.ts";
import { readPools } from "./pools.ts";
import { readService } from "./services.ts";

/** The keys of a ConfigMap with addresses in it. */
const isPoolKey = (key: string): boolean => key.startsWith("cidr-") || key.startsWith("range-");

const isConfigMap = (value: unknown): boolean => {
  const { kind, data } = fieldsOf(value);
  return kind === "ConfigMap" && Object.keys(textMapOf(data)).some(isPoolKey);
};

const readConfigMap = (document: SourceDocument, draft: Draft): ReadonlyMap<string, string> => {
  const about = { document, path: ["data"], label: labelOf(document.value) };
  const data = new Section(fieldsOf(fieldsOf(document.value).data), about, draft.report);
  const keys = readKeys(data);
  readPools(data, keys, draft);
  draft.report.changed(
    about,
    "addresses are announced by ARP and NDP; where kube-vip speaks BGP, write BGPPeers and a BGPAdvertisement",
  );
  data.close("kube-vip's ConfigMap");
  return keys.interfaceByNamespace;
};

/** Reads ConfigMaps and Services. Never throws. What is made lies in `namespace`, else in `metallb-system`. */
export const importKubeVip = (
  documents: readonly SourceDocument[],
  { namespace, report }: { readonly namespace: string | undefined; readonly report: Report },
): Imported => {
  const draft = new Draft(namespace ?? "metallb-system", report);
  const interfaceByNamespace = new Map<string, string>();
  for (const document of documents.filter(({ value }) => isConfigMap(value)))
    for (const [name, device] of readConfigMap(document, draft)) interfaceByNamespace.set(name, device);
  const commands: string[] = [];
  for (const document of documents.filter(({ value }) => !isConfigMap(value))) {
    const section = sectionOf(document, report);
    const kind = textOf(fieldsOf(document.value).kind);
    if (kind === "Service" && section !== undefined) {
      commands.push(
        ...[readService(section, { report, interfaceByNamespace })].filter((each) => each !== undefined),
      );
    } else {
      const about = { document, path: [], label: labelOf(document.value) };
      report.lost(about, "is neither a ConfigMap with cidr- or range- keys nor a Service");
    }
  }
  return { resources: draft.resources, commands };
};
