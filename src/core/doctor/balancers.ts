/** Recognises other programs that serve Services of type LoadBalancer, by what they leave in a cluster. */
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import type { Facts } from "./facts.ts";

type Found = NonNullable<Facts["otherBalancers"]>[number];

/** Words in the image of a container that announces; the first word that fits decides. */
const PROGRAMS: readonly { readonly image: RegExp; readonly name: string; readonly remedy: string }[] = [
  {
    ...{ image: /(^|\/)metallb\/(speaker|controller)[:@]|metallb-(speaker|controller)/, name: "MetalLB" },
    remedy:
      "Move over step by step (docs/replace-metallb.md), then: kubectl delete namespace metallb-system, or helm uninstall metallb",
  },
  {
    ...{ image: /(^|\/)kube-vip[:@]/, name: "kube-vip" },
    remedy:
      "Where it serves the API server only, set svc_enable to false; else remove it once steelyard import kube-vip has its pools: kubectl -n kube-system delete daemonset kube-vip-ds",
  },
  {
    ...{ image: /(^|\/)klipper-lb[:@]/, name: "ServiceLB of k3s" },
    remedy: "Start every k3s server with --disable=servicelb (docs/replace-servicelb.md)",
  },
  {
    ...{ image: /purelb\/(lbnodeagent|allocator)[:@]/, name: "PureLB" },
    remedy: "kubectl delete namespace purelb-system",
  },
  {
    ...{ image: /openelb\/(openelb|openelb-speaker|openelb-manager)[:@]/, name: "OpenELB" },
    remedy: "kubectl delete namespace openelb-system",
  },
];

const imagesOf = (object: unknown): readonly string[] => {
  const template = fieldsOf(fieldsOf(fieldsOf(object).spec).template);
  return listOf(fieldsOf(template.spec).containers).map((container) => textOf(fieldsOf(container).image));
};

/** What is found in DaemonSets and Deployments of all namespaces, each program once. */
export const findBalancers = (
  workloads: readonly { readonly kind: string; readonly object: unknown }[],
): readonly Found[] => {
  const found = new Map<string, Found>();
  for (const { kind, object } of workloads) {
    const meta = metaOf(object);
    if (meta === undefined) continue;
    const images = imagesOf(object);
    const program = PROGRAMS.find(({ image }) => images.some((each) => image.test(each)));
    if (program === undefined || found.has(program.name)) continue;
    const { name, remedy } = program;
    found.set(name, { name, seen: `${kind} ${meta.namespace}/${meta.name}`, remedy });
  }
  return [...found.values()];
};
