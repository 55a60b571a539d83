/** The codec of the sync daemon: IPVS_CMD_*_DAEMON and the attribute IPVS_CMD_ATTR_DAEMON. */
import { type Decoded, decoded, refused } from "#base/decoded";
import { type Attributes, decodeAttributes, textOf, u32Of } from "#core/netlink/attributes";
import type { MessageBuilder } from "#core/netlink/builder";
import { NLM_F_ACK, NLM_F_DUMP } from "#core/netlink/constants";
import type { NetlinkDecodeError } from "#core/netlink/message";
import {
  IP_VS_STATE_BACKUP,
  IP_VS_STATE_MASTER,
  IPVS_CMD_ATTR_DAEMON,
  IPVS_CMD_DEL_DAEMON,
  IPVS_CMD_GET_DAEMON,
  IPVS_CMD_NEW_DAEMON,
  IPVS_DAEMON_ATTR_MCAST_IFN,
  IPVS_DAEMON_ATTR_STATE,
  IPVS_DAEMON_ATTR_SYNC_ID,
} from "./constants.ts";
import type { SyncDaemon } from "./model.ts";
import { beginIpvs, type IpvsEnvelope } from "./service.ts";

const STATE_NUMBERS = { master: IP_VS_STATE_MASTER, backup: IP_VS_STATE_BACKUP } as const;

/** Starts or stops one half of the sync daemon. */
export const encodeDaemonChange = (
  builder: MessageBuilder,
  envelope: IpvsEnvelope,
  { operation, daemon }: { readonly operation: "start" | "stop"; readonly daemon: SyncDaemon },
): void => {
  const command = operation === "start" ? IPVS_CMD_NEW_DAEMON : IPVS_CMD_DEL_DAEMON;
  beginIpvs(builder, envelope, { command, flags: NLM_F_ACK });
  const nest = builder.openNest(IPVS_CMD_ATTR_DAEMON);
  builder.attributeU32(IPVS_DAEMON_ATTR_STATE, STATE_NUMBERS[daemon.state]);
  builder.attributeText(IPVS_DAEMON_ATTR_MCAST_IFN, daemon.interface);
  builder.attributeU32(IPVS_DAEMON_ATTR_SYNC_ID, daemon.id);
  builder.closeNest(nest);
  builder.end();
};

/** Asks for the halves that run. */
export const encodeDaemonDump = (builder: MessageBuilder, envelope: IpvsEnvelope): void => {
  beginIpvs(builder, envelope, { command: IPVS_CMD_GET_DAEMON, flags: NLM_F_DUMP });
  builder.end();
};

/** Reads one half from the attributes of an IPVS_CMD_NEW_DAEMON message. */
export const decodeDaemon = (message: Attributes): Decoded<SyncDaemon, NetlinkDecodeError> => {
  const nested = message.get(IPVS_CMD_ATTR_DAEMON);
  if (nested === undefined) return refused("missing-attribute");
  const attributes = decodeAttributes(nested);
  if (!attributes.ok) return attributes;
  const state = u32Of(attributes.value.get(IPVS_DAEMON_ATTR_STATE));
  const name = textOf(attributes.value.get(IPVS_DAEMON_ATTR_MCAST_IFN));
  const id = u32Of(attributes.value.get(IPVS_DAEMON_ATTR_SYNC_ID));
  if (state === undefined || name === undefined || id === undefined) return refused("missing-attribute");
  if (state !== IP_VS_STATE_MASTER && state !== IP_VS_STATE_BACKUP) return refused("bad-attribute");
  return decoded({ state: state === IP_VS_STATE_MASTER ? "master" : "backup", interface: name, id });
};
