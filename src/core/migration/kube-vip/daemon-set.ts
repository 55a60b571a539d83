/** kube-vip's DaemonSet or static pod: how it announces, and on which nodes. */
import { isSection } from "#core/config/unknown-keys";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";
import type { Draft } from "../draft.ts";
import type { Section } from "../section.ts";
import { CAMEL, readSelectors, type WrittenSelector } from "../selectors.ts";
import { type Announcing, readPeers } from "./announcing.ts";
import { Environment } from "./environment.ts";

/** Variables by which kube-vip's container is known. */
const MARKS = ["vip_arp", "bgp_enable", "svc_enable", "cp_enable"];

/** Settings about elections, logs, names and ports of kube-vip itself. */
const NEEDLESS =
  /^(?:vip_(?:lease|renew|retry|leader|log|node|start|single|preserve|loselead|arpRate|skipdad|allow)|svc_(?:election|lease)|per_service|instance_name|prometheus_server|health_check_port|k8s_config_file|config_file|annotation|enable_|disable_|debounce_|dns_mode)/;

/** Settings of the virtual address of the API server. */
const CONTROL_PLANE =
  /^(?:cp_|control_plane_|lb_(?!class)|address$|port$|vip_address$|vip_cidr$|vip_subnet$|vip_ddns$|kubernetes_addr$|backend_)/;

const podOf = (value: unknown): unknown => {
  const { kind, spec } = fieldsOf(value);
  return kind === "Pod" ? spec : fieldsOf(fieldsOf(spec).template).spec;
};

/** Whether a document runs kube-vip. */
export const isKubeVip = (value: unknown): boolean =>
  ["DaemonSet", "Pod"].includes(textOf(fieldsOf(value).kind)) &&
  listOf(fieldsOf(podOf(value)).containers).some((container) =>
    listOf(fieldsOf(container).env).some((variable) => MARKS.includes(textOf(fieldsOf(variable).name))),
  );

/** The nodes on which it runs; `undefined` when that cannot be said. */
const nodesOf = (pod: Section): readonly WrittenSelector[] | undefined => {
  const labels = pod.textMap("nodeSelector");
  const plain: WrittenSelector = Object.keys(labels).length === 0 ? {} : { matchLabels: labels };
  const required = pod
    .section("affinity")
    ?.section("nodeAffinity")
    ?.section("requiredDuringSchedulingIgnoredDuringExecution");
  const terms = required?.sections("nodeSelectorTerms") ?? [];
  const selectors = readSelectors(terms, CAMEL);
  if (selectors === undefined) return undefined;
  if (selectors.length === 0) return plain.matchLabels === undefined ? [] : [plain];
  return selectors.map((selector) => ({ ...plain, ...selector }));
};

const containerOf = (pod: Section): Section | undefined =>
  pod.sections("containers").find((container) => {
    const variables = listOf(container.raw("env"));
    return variables.some((variable) => isSection(variable) && MARKS.includes(textOf(variable.name)));
  });

const podSection = (section: Section): Section | undefined =>
  section.raw("kind") === "Pod"
    ? section.section("spec")
    : section.section("spec")?.section("template")?.section("spec");

const INTERFACE = /^[^\s/:]{1,15}$/;

const interfaceOf = (environment: Environment): string | undefined => {
  const general = environment.value("vip_interface");
  const own = environment.value("vip_servicesinterface");
  const name = (own ?? general)?.text;
  if (name === undefined || INTERFACE.test(name)) return name;
  environment.note(
    "lost",
    own === undefined ? "vip_interface" : "vip_servicesinterface",
    "is no name of an interface",
  );
  return undefined;
};

const noteClass = (environment: Environment): void => {
  const name = environment.value("lb_class_name")?.text ?? "kube-vip.io/kube-vip-class";
  if (environment.isOn("lb_class_only"))
    environment.note("changed", "lb_class_only", `is --lb-class ${name.slice(0, 100)} of the controller`);
};

/** Why a variable needs no counterpart; `undefined` where it would need one. */
const whyNeedless =
  (hasControlPlane: boolean) =>
  (name: string): string | undefined => {
    if (NEEDLESS.test(name)) return "is about kube-vip's own processes";
    if (!CONTROL_PLANE.test(name)) return undefined;
    return hasControlPlane ? "goes with cp_enable" : "is about the API server's address, which is off";
  };

/** Reads a DaemonSet; `undefined` when it announces no Services, or not as can be carried. */
export const readDaemonSet = (section: Section, draft: Draft): Announcing | undefined => {
  const pod = podSection(section);
  const container = pod === undefined ? undefined : containerOf(pod);
  if (pod === undefined || container === undefined) return undefined;
  const environment = new Environment(container, draft.report);
  const hasControlPlane = environment.isOn("cp_enable");
  if (hasControlPlane)
    environment.note(
      "lost",
      "cp_enable",
      "gives the API server an address; a VirtualRouter of an edge can hold it",
    );
  const isForServices = environment.isOn("svc_enable") || !environment.has("svc_enable");
  const nodeSelectors = nodesOf(pod);
  if (!isForServices || nodeSelectors === undefined) {
    if (isForServices)
      draft.report.lost(section.about, "is left out: the nodes on which it runs cannot be selected so");
    else draft.report.needless(section.about, "announces no Services");
    return undefined;
  }
  const device = interfaceOf(environment);
  const l2 = environment.isOn("vip_arp");
  const peers = environment.isOn("bgp_enable") ? readPeers(environment, { draft, nodeSelectors }) : [];
  if (!l2 && peers.length === 0)
    draft.report.lost(section.about, "announces neither by ARP nor to a peer by BGP, so nothing here does");
  noteClass(environment);
  environment.value("lb_class_legacy_handling");
  environment.close(whyNeedless(hasControlPlane));
  return { l2, peers, interface: device, nodeSelectors };
};
