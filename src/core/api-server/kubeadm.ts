/** What kubeadm is told when it is to make nothing but a new serving certificate for the API server of one node. */
import { parseAddress } from "#base/address";

/** What the manifest of the static pod says of this node. */
export type ServerFlags = {
  readonly advertiseAddress: string | undefined;
  readonly securePort: number | undefined;
  /** The serving certificate; `undefined` when it names none. */
  readonly certificateFile: string | undefined;
};

const flagIn = (manifest: string, flag: string): string | undefined =>
  new RegExp(`^\\s*-\\s*["']?--${flag}=([^\\s"']+)`, "m").exec(manifest)?.[1];

/** Reads `/etc/kubernetes/manifests/kube-apiserver.yaml`. */
export const serverFlagsIn = (manifest: string): ServerFlags => {
  const address = parseAddress(flagIn(manifest, "advertise-address") ?? "");
  const port = Number(flagIn(manifest, "secure-port"));
  return {
    advertiseAddress: address,
    securePort: Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined,
    certificateFile: flagIn(manifest, "tls-cert-file"),
  };
};

/** Names that kubeadm puts into every certificate by itself, or that come from the configuration. */
const isOwn = (name: string): boolean => name === "localhost" || /^kubernetes(?:\.|$)/.test(name);

/**
 * The node's name as kubeadm knew it when it made the old certificate: the one DNS name that nothing else explains. `undefined`
 * when it is not clear, which leaves kubeadm to the name of the host.
 */
export const nodeNameIn = (
  oldNames: readonly string[],
  { explained }: { readonly explained: readonly string[] },
): string | undefined => {
  const left = oldNames.filter(
    (name) => parseAddress(name) === undefined && !isOwn(name) && !explained.includes(name),
  );
  return left.length === 1 ? left[0] : undefined;
};

/** The InitConfiguration that goes along with a ClusterConfiguration, so that the certificate is for this node. JSON is YAML. */
export const renderInitConfiguration = ({
  apiVersion,
  flags,
  nodeName,
}: {
  readonly apiVersion: string;
  readonly flags: ServerFlags;
  readonly nodeName: string | undefined;
}): string => {
  const { advertiseAddress, securePort } = flags;
  const endpoint = {
    ...(advertiseAddress === undefined ? {} : { advertiseAddress }),
    ...(securePort === undefined ? {} : { bindPort: securePort }),
  };
  const configuration = {
    apiVersion,
    kind: "InitConfiguration",
    ...(Object.keys(endpoint).length === 0 ? {} : { localAPIEndpoint: endpoint }),
    ...(nodeName === undefined ? {} : { nodeRegistration: { name: nodeName } }),
  };
  return `${JSON.stringify(configuration)}\n`;
};
