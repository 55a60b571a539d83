/** Word of every change: a second rtnetlink socket that belongs to multicast groups. */
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { decodeAddress } from "#core/netlink/address";
import {
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNETCONF,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_NETCONF,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_NETCONF,
  RTNLGRP_LINK,
} from "#core/netlink/constants";
import { decodeLink, isReroute } from "#core/netlink/link";
import { decodeMessages, type NetlinkMessage } from "#core/netlink/message";
import type { NetlinkChange, NetlinkResult } from "./port.ts";
import { failure, MSG_TRUNC, type NetlinkDoor, openRouteSocket, option } from "./socket.ts";

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const GROUPS = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR];
const SETTINGS_GROUPS = [RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF];

/** How many datagrams are read before the event loop gets its turn; the rest wake us again. */
const READS_PER_TURN = 64;

/**
 * Who asked for a change. The kernel passes on the port of the requester's socket (for IPv4), which for the first socket of
 * a process is its number; a short command is gone by the time we look, and then its number is all there is.
 */
const requester = (port: number): string | undefined => {
  if (port === 0 || port === process.pid) return undefined;
  try {
    return `process ${port} (${readFileSync(`/proc/${port}/comm`, "utf8").trim()})`;
  } catch {
    return `netlink port ${port}, a process that is gone or hides`;
  }
};

/**
 * What a message says; `undefined` for what is no change to us: other types, a bridge's view of its ports, and the
 * incomplete link messages that wireless drivers send to the same group.
 */
const changeOf = ({ type, body, port }: NetlinkMessage): NetlinkChange | undefined => {
  if (type === RTM_NEWLINK || type === RTM_DELLINK) {
    const link = decodeLink(body);
    if (!link.ok) return undefined;
    if (type === RTM_NEWLINK)
      return { type: "link", link: link.value, ...(isReroute(body) ? { isRerouted: true } : {}) };
    return { type: "link-gone", index: link.value.index, name: link.value.name };
  }
  if (type === RTM_NEWADDR || type === RTM_DELADDR) {
    const address = decodeAddress(body);
    if (!address.ok) return undefined;
    if (type === RTM_NEWADDR) return { type: "address", address: address.value };
    const by = requester(port);
    return { type: "address-gone", address: address.value, ...(by === undefined ? {} : { by }) };
  }
  return undefined;
};

const join = (door: NetlinkDoor, fd: number, groups: readonly number[]): number => {
  for (const group of groups) {
    const joined = door.setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, option(group));
    if (joined < 0) return joined;
  }
  return 0;
};

type Listener = {
  readonly groups: readonly number[];
  readonly onMessage: (message: NetlinkMessage) => void;
  /** Messages were lost, or one could not be read. */
  readonly onLost: () => void;
};

/** Listens until the function that it gives is called; `queueBytes` is what may wait unread. */
const listen = (
  door: NetlinkDoor,
  queueBytes: number,
  { groups, onMessage, onLost }: Listener,
): NetlinkResult<() => void> => {
  const opened = openRouteSocket(door, queueBytes);
  if (!opened.ok) return opened;
  const fd = opened.value;
  const joined = join(door, fd, groups);
  if (joined < 0) {
    door.close(fd);
    return { ok: false, error: failure("join the rtnetlink groups", joined) };
  }
  const buffer = new Uint8Array(65_536);
  let stopped = false;

  const readOne = (): boolean => {
    const length = door.recv(fd, buffer, MSG_TRUNC);
    if (length === -constants.errno.EAGAIN) return false;
    const messages =
      length < 0 || length > buffer.length ? undefined : decodeMessages(buffer.subarray(0, length));
    if (messages?.ok !== true) {
      onLost();
      return true;
    }
    for (const message of messages.value) if (!stopped) onMessage(message);
    return true;
  };

  const watching = door.watch(fd, () => {
    for (let read = 0; read < READS_PER_TURN && !stopped; read += 1) if (!readOne()) return;
  });
  if (typeof watching === "number") {
    door.close(fd);
    return { ok: false, error: failure("watch the rtnetlink socket", watching) };
  }
  return {
    ok: true,
    value: () => {
      if (stopped) return;
      stopped = true;
      watching();
      door.close(fd);
    },
  };
};

/** Watches links and addresses until the function that it gives is called; `queueBytes` is what may wait unread. */
export const watchChanges = (
  door: NetlinkDoor,
  queueBytes: number,
  onChange: (change: NetlinkChange) => void,
): NetlinkResult<() => void> =>
  listen(door, queueBytes, {
    groups: GROUPS,
    onMessage: (message) => {
      const change = changeOf(message);
      if (change !== undefined) onChange(change);
    },
    onLost: () => onChange({ type: "overrun" }),
  });

/** Watches the settings of interfaces in the same way. Which one has changed is not told: whoever cares looks. */
export const watchSettings = (
  door: NetlinkDoor,
  queueBytes: number,
  onChange: () => void,
): NetlinkResult<() => void> =>
  listen(door, queueBytes, {
    groups: SETTINGS_GROUPS,
    onMessage: ({ type }) => {
      if (type === RTM_NEWNETCONF) onChange();
    },
    onLost: onChange,
  });
