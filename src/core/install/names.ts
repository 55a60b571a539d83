/** Names and places of an installation. */

/** The systemd service. */
export const SERVICE = "steelyard-edge.service";
/** The user that the service runs as. */
export const SERVICE_USER = "steelyard";
/** Where the service reads its configuration: every `*.yaml` in it. */
export const CONFIG_DIRECTORY = "/etc/steelyard";
/** The file in it that an installation starts with. */
export const CONFIG_FILE = `${CONFIG_DIRECTORY}/edge.yaml`;
