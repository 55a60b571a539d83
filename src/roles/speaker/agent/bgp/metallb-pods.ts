/**
 * Whether MetalLB's speaker runs on this node: it has sessions with the same routers from the same address, of which routers take one.
 *
 * Asked only where its speakers are expected to run beside ours, by `--rules metallb`.
 */
import type { TextMap } from "#core/kubernetes/meta";
import { fieldsOf, metaOf, textOf } from "#core/kubernetes/read";
import type { ClusterPort, Failure, Watch } from "#drivers/kubernetes/port";
import { PODS } from "#runtime/cluster/resources";

/** Manifests and charts label them differently. */
const nameIn = (labels: TextMap): string | undefined => labels.app ?? labels["app.kubernetes.io/name"];
const partIn = (labels: TextMap): string | undefined =>
  labels.component ?? labels["app.kubernetes.io/component"];

/** MetalLB's speaker, or the FRR that it has beside it as a program of its own. */
const isSpeaker = (labels: TextMap): boolean => {
  const part = partIn(labels);
  return nameIn(labels) === "metallb"
    ? part === "speaker"
    : nameIn(labels) === "frr-k8s" && (part === undefined || part === "frr-k8s");
};

/** Its name, if it is a pod of MetalLB's speakers that has not ended. */
const projectPod = (object: unknown): string | undefined => {
  const meta = metaOf(object, () => false);
  const phase = textOf(fieldsOf(fieldsOf(object).status).phase);
  if (meta === undefined || phase === "Succeeded" || phase === "Failed") return undefined;
  return isSpeaker(meta.labels) ? meta.name : undefined;
};

type Parts = {
  readonly cluster: Pick<ClusterPort, "watch">;
  readonly namespace: string;
  readonly node: string;
  /** It is another thing than before, or known for the first time. */
  readonly changed: () => void;
  readonly trouble: (resource: string, failure: Failure | undefined) => void;
};

export class MetallbPods {
  readonly #watch: Watch<string>;

  constructor({ cluster, namespace, node, changed, trouble }: Parts) {
    this.#watch = cluster.watch<string>(
      {
        ...{ resource: PODS, namespace, fieldSelector: `spec.nodeName=${node}`, project: projectPod },
        ...{ keyOf: (name) => `${namespace}/${name}`, isSame: (left, right) => left === right },
      },
      {
        ...{ changed, removed: changed, synced: changed },
        trouble: (state) => trouble("pods of MetalLB", state?.failure),
      },
    );
  }

  /** Whether it runs here; `undefined` until that is known. */
  get presence(): "here" | "gone" | undefined {
    if (!this.#watch.isSynced) return undefined;
    return this.#watch.items.size > 0 ? "here" : "gone";
  }

  close(): void {
    this.#watch.close();
  }
}
