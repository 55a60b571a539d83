/** Names and places of an installation. */

/** The systemd service. */
export const SERVICE = "steelyard-edge.service";
/** The user that the service runs as. */
export const SERVICE_USER = "steelyard";
/** Where the service reads its configuration: every `*.yaml` in it. */
export const CONFIG_DIRECTORY = "/etc/steelyard";
/** The file in it that an installation starts with. */
export const CONFIG_FILE = `${CONFIG_DIRECTORY}/edge.yaml`;

/** The systemd service of `steelyard vip`. */
export const VIP_SERVICE = "steelyard-vip.service";
/** What it reads. */
export const VIP_CONFIG_FILE = `${CONFIG_DIRECTORY}/vip.yaml`;

/** What may not come up before the addresses that it is to be reached at. */
export const KUBERNETES: readonly string[] = [
  "k3s.service",
  "k3s-agent.service",
  "rke2-server.service",
  "rke2-agent.service",
  "kubelet.service",
];
