/** The Pods of the speakers' DaemonSet as kubelets and the DaemonSet's controller keep them; none of the two runs here. */
import type { Api } from "../api.ts";
import { NAMESPACE } from "../controller.ts";
import { ACCOUNT } from "./speaker-rights.ts";

/** One Pod that runs, as far as the API knows. */
export type SpeakerPod = {
  readonly name: string;
  /** It is being deleted; its processes run on for a while. */
  end(): Promise<void>;
  /** Its processes have ended: the object goes. */
  remove(): Promise<void>;
};

const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const LABELS = { "app.kubernetes.io/name": "steelyard", "app.kubernetes.io/component": "speaker" };
const GRACE_SECONDS = 30;

let pods = 0;

/** Creates the Pod of a node's speaker, which runs from the start. */
export const createSpeakerPod = async (admin: Api, node: string): Promise<SpeakerPod> => {
  pods += 1;
  const name = `steelyard-speaker-${node}-${pods}`;
  const path = `${PODS}/${name}`;
  await admin.create(PODS, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: LABELS },
    spec: {
      nodeName: node,
      serviceAccountName: ACCOUNT,
      automountServiceAccountToken: false,
      hostNetwork: true,
      terminationGracePeriodSeconds: GRACE_SECONDS,
      tolerations: [{ operator: "Exists" }],
      containers: [{ name: "speaker", image: "none" }],
    },
  });
  await admin.patch(`${path}/status`, { status: { phase: "Running" } });
  return {
    name,
    end: () => admin.delete(path),
    remove: () => admin.delete(`${path}?gracePeriodSeconds=0`),
  };
};
