/** The pods of our own DaemonSet: on which nodes a speaker runs. */
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import { fieldsOf, metaOf, textOf } from "#core/kubernetes/read";

/** What our pods are known by. */
export const SPEAKER_SELECTOR = "app.kubernetes.io/name=steelyard,app.kubernetes.io/component=speaker";

export type SpeakerPod = {
  readonly key: ObjectKey;
  readonly uid: string;
  readonly node: string;
  /** `ending` once it is being deleted: it still hands over what it holds. */
  readonly life: "running" | "ending";
};

/** Reads a pod; `undefined` unless it runs on a node. */
export const readSpeakerPod = (object: unknown): SpeakerPod | undefined => {
  const meta = metaOf(object, () => false);
  const node = textOf(fieldsOf(fieldsOf(object).spec).nodeName);
  const phase = textOf(fieldsOf(fieldsOf(object).status).phase);
  if (meta === undefined || node === "" || phase !== "Running") return undefined;
  return { key: objectKey(meta), uid: meta.uid, node, life: meta.isDeleting ? "ending" : "running" };
};
