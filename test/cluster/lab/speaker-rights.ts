/** What our manifests let a speaker do: at the API server, and in the kernel of its node. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Access } from "../access.ts";
import type { KubeObject } from "../api.ts";
import { install, NAMESPACE } from "../controller.ts";
import { readManifest } from "../manifest.ts";
import type { LabCluster } from "./bed.ts";

/** The service account of speakers. */
export const ACCOUNT = "steelyard-speaker";

const MANIFESTS = join(import.meta.dirname, "../../../packaging/manifests");

type DaemonSet = KubeObject & {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly {
          readonly args: readonly string[];
          readonly securityContext: { readonly capabilities: { readonly add: readonly string[] } };
        }[];
      };
    };
  };
};

const isDaemonSet = (object: KubeObject): object is DaemonSet => object.kind === "DaemonSet";

const readDaemonSet = (): DaemonSet => {
  const found = readdirSync(MANIFESTS)
    .filter((name) => name.endsWith(".yaml"))
    .flatMap((name) => readManifest(readFileSync(join(MANIFESTS, name), "utf8")))
    .find(isDaemonSet);
  if (found === undefined) throw new Error("our manifests hold no DaemonSet");
  return found;
};

/** How the container of a speaker is started. */
export type SpeakerLaunch = {
  readonly args: readonly string[];
  /** As setpriv(1) takes them: `+net_raw`. */
  readonly capabilities: readonly string[];
};

/** What the chart adds for an argument: a test of the chart says so. */
const CAPABILITY_BY_ARGUMENT: ReadonlyMap<string, string> = new Map([["--bind", "NET_ADMIN"]]);

/** Reads it in our manifests, with what the chart adds for these further arguments. */
export const readSpeakerLaunch = (further: readonly string[]): SpeakerLaunch => {
  const [container] = readDaemonSet().spec.template.spec.containers;
  if (container === undefined) throw new Error("the DaemonSet of our manifests has no container");
  const { add } = container.securityContext.capabilities;
  const granted = [...add, ...further.flatMap((argument) => CAPABILITY_BY_ARGUMENT.get(argument) ?? [])];
  return {
    args: container.args,
    capabilities: granted.map((name) => `+${name.toLowerCase()}`),
  };
};

/** Installs our definitions and rights, word for word, and gives the account that the DaemonSet runs under. */
export const installSpeaker = async ({ plane }: Pick<LabCluster, "plane">): Promise<Access> => {
  const account = readDaemonSet().spec.template.spec.serviceAccountName;
  if (account !== ACCOUNT) throw new Error(`speakers run as ${account}`);
  (await install(plane)).api.close();
  return await plane.access({ type: "service-account", namespace: NAMESPACE, name: account }, []);
};
