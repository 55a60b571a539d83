/** Every kind of thing that an edge leaves behind. */
import { instant } from "#base/time";
import { openSyncDaemons } from "#drivers/conntrackd/linux";
import { openNetlink } from "#drivers/netlink/linux";
import { openSysctl } from "#drivers/sysctl/linux";
import { openEdgeEngines } from "../engines.ts";
import { type ConfiguredAddresses, findAddresses } from "./addresses.ts";
import { findFiles } from "./files.ts";
import { findForwarding } from "./forwarding.ts";
import { type Finder, unseen } from "./leftover.ts";
import { findSettings } from "./settings.ts";
import { findSyncDaemon } from "./sync-daemon.ts";
import { findVirtualLinks } from "./virtual-links.ts";

/** Where to look. */
export type LeftoverOptions = {
  readonly runtimeDirectory: string;
  /** Path of the admin socket. */
  readonly admin: string;
  /** Its addresses count as left behind, marked or not. */
  readonly configuration: ConfiguredAddresses;
};

/** Addresses first, so that no traffic is attracted any more; files last, because they say what else there is. */
export const leftoverFinders = (options: LeftoverOptions): readonly Finder[] => {
  const { runtimeDirectory } = options;
  const netlink = openNetlink();
  const engine = openEdgeEngines({ program: "edge", runtimeDirectory, engine: "nftables" }, () => instant(0));
  return [
    ...(netlink.ok
      ? [findAddresses(netlink.value, options.configuration), findVirtualLinks(netlink.value)]
      : [async () => [unseen("addresses", netlink.error.code)]]),
    findSyncDaemon(openSyncDaemons(runtimeDirectory)),
    findForwarding(engine),
    findSettings(openSysctl(), runtimeDirectory),
    findFiles(options),
  ];
};
