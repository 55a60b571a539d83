/** `vrrp_instance`: reads the block; `router.ts` makes a `VirtualRouter` of it. */
import { type IpAddress, parseAddress } from "#base/address";
import type { Duration } from "#base/time";
import { type Address, readAddresses } from "./address.ts";
import { addressOf, integerOf, quoted, secondsOf, wordOf } from "./arguments.ts";
import {
  ADDRESS_CHECK,
  type Announcing,
  EXTRA_INTERFACES,
  HIGHER_PRIORITY_ADVERT,
  LOWER_PRIORITY,
  LOWER_PRIORITY_ADVERT,
  readDelay,
  readDownTimer,
  readRefresh,
  readRepeat,
  readStrict,
  SOURCE_CHECK,
} from "./globals.ts";
import { INNER, MAIL, NOTIFY, ROUTES } from "./reasons.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";
import { applyTable, carried, changed, each, lost, needless, type Rule, type Table } from "./table.ts";
import { readTracked, type Tracked } from "./tracking.ts";

/** A `vrrp_instance` as it was written. */
export type Instance = {
  readonly name: string;
  readonly statement: Statement;
  initiallyMaster: boolean;
  interfaceName?: string;
  vrid?: number;
  priority?: number;
  version?: 2 | 3;
  interval?: { readonly duration: Duration; readonly statement: Statement };
  addresses: readonly Address[];
  excluded: readonly Address[];
  nopreempt?: Statement;
  preemptDelay?: { readonly duration: Duration; readonly statement: Statement };
  peers?: readonly IpAddress[];
  sourceAddress?: IpAddress;
  password?: { readonly text: string; readonly statement: Statement };
  /** The statement that says so last is in force. */
  accepts?: boolean;
  tracked: readonly Tracked[];
  announcing: Announcing;
  /** `use_vmac`, and the name that its interface is to have. */
  virtualMac?: { readonly statement: Statement; readonly interfaceName?: string };
};

/** Keeps what was read under a key, when something was. */
const keep = <Key extends "interfaceName" | "vrid" | "priority" | "sourceAddress">(
  key: Key,
  read: (statement: Statement, report: Report) => Instance[Key] | undefined,
): Rule<Instance> =>
  carried((instance, statement, report) => {
    const value = read(statement, report);
    if (value !== undefined) instance[key] = value;
  });

const readPeers = (instance: Instance, { block = [] }: Statement, report: Report): void => {
  const peers = block.flatMap((peer) => {
    const address = parseAddress(peer.keyword);
    if (address === undefined) report.lost(peer, `${quoted(peer.keyword)} is no address`);
    if (peer.args.some((word) => /^(min|max)_ttl$/.test(word))) {
      report.changed(peer, "an advertisement must have a TTL of 255, as RFC 9568 has it");
    } else if (peer.args.length > 0) {
      report.lost(peer, `write each peer on a line of its own; ${quoted(peer.args.join(" "))} is left out`);
    }
    return address === undefined ? [] : [address];
  });
  instance.peers = [...(instance.peers ?? []), ...peers];
};

type Authentication = { type: string; password?: { readonly text: string; readonly statement: Statement } };

const AUTHENTICATION: Table<Authentication> = new Map([
  [
    "auth_type",
    carried((draft, statement, report) => {
      draft.type = wordOf(statement, report) ?? draft.type;
    }),
  ],
  [
    "auth_pass",
    carried((draft, statement, report) => {
      const text = wordOf(statement, report);
      if (text === undefined) return;
      draft.password = { text: text.slice(0, 8), statement };
      if (text.length > 8) report.changed(statement, "only the first 8 characters count, as in keepalived");
    }),
  ],
]);

const readAuthentication = (instance: Instance, statement: Statement, report: Report): void => {
  const draft: Authentication = { type: "PASS" };
  applyTable(AUTHENTICATION, statement.block ?? [], { draft, report, where: "authentication" });
  if (draft.type !== "PASS") report.lost(statement, `${quoted(draft.type)}: steelyard knows PASS only`);
  else if (draft.password !== undefined) instance.password = draft.password;
};

const readTtl = (_instance: Instance, statement: Statement, report: Report): void => {
  if (statement.args[0] === "255") report.needless(statement, "is what steelyard sends");
  else report.lost(statement, "advertisements always have a TTL of 255 (RFC 9568, 5.1.1.3)");
};

const MAC = /^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){4,5}$/;
const INTERFACE = /^(?!\.{1,2}$)[^\s/:]{1,15}$/;

const readVirtualMac = (instance: Instance, statement: Statement, report: Report): void => {
  const mac = statement.args.find((word) => MAC.test(word));
  if (mac !== undefined) {
    report.lost(
      statement,
      `${mac}: the virtual router has the MAC address of RFC 9568, which its number decides`,
    );
  }
  const name = statement.args.find((word) => word !== mac);
  instance.virtualMac = { statement };
  if (name === undefined) return;
  if (INTERFACE.test(name)) instance.virtualMac = { statement, interfaceName: name };
  else report.changed(statement, `${quoted(name)} is no interface's name; it gets the usual one`);
};

const track = (kind: Tracked["kind"]): Rule<Instance> =>
  carried((instance, statement, report) => {
    instance.tracked = [...instance.tracked, ...readTracked(kind, statement, report)];
  });

const accepting = (accepts: boolean): Rule<Instance> =>
  carried((instance) => {
    instance.accepts = accepts;
  });

const NO_PROCESS = lost(
  "steelyard watches no files, processes or BFD sessions; a TrackedCheck with a script can",
);

const TABLE: Table<Instance> = new Map([
  [
    "state",
    carried((instance, statement, report) => {
      instance.initiallyMaster = statement.args[0] === "MASTER";
      report.needless(
        statement,
        "the highest priority alive is active; nothing has to be said about the start",
      );
    }),
  ],
  ["interface", keep("interfaceName", wordOf)],
  [
    "virtual_router_id",
    keep("vrid", (statement, report) => integerOf(statement, { min: 1, max: 255 }, report)),
  ],
  ["priority", keep("priority", (statement, report) => integerOf(statement, { min: 1, max: 255 }, report))],
  [
    "version",
    carried((instance, statement, report) => {
      const version = integerOf(statement, { min: 2, max: 3 }, report);
      if (version !== undefined) instance.version = version === 2 ? 2 : 3;
    }),
  ],
  [
    "advert_int",
    carried((instance, statement, report) => {
      const duration = secondsOf(statement, report);
      if (duration !== undefined) instance.interval = { duration, statement };
    }),
  ],
  [
    "virtual_ipaddress",
    carried((instance, statement, report) => {
      instance.addresses = [...instance.addresses, ...readAddresses(statement, report)];
    }),
  ],
  [
    "virtual_ipaddress_excluded",
    carried((instance, statement, report) => {
      instance.excluded = [...instance.excluded, ...readAddresses(statement, report)];
    }),
  ],
  [
    "nopreempt",
    carried((instance, statement) => {
      instance.nopreempt = statement;
    }),
  ],
  [
    "preempt_delay",
    carried((instance, statement, report) => {
      const duration = secondsOf(statement, report);
      if (duration !== undefined) instance.preemptDelay = { duration, statement };
    }),
  ],
  ["unicast_peer", carried(readPeers)],
  ...each("unicast_src_ip mcast_src_ip", keep("sourceAddress", addressOf)),
  ["unicast_ttl", carried(readTtl)],
  ["authentication", carried(readAuthentication)],
  ["track_interface", track("interface")],
  ["track_script", track("script")],
  ["garp_master_delay", carried((instance, ...rest) => readDelay(instance.announcing, ...rest))],
  ["garp_master_repeat", carried((instance, ...rest) => readRepeat(instance.announcing, ...rest))],
  ["garp_master_refresh", carried((instance, ...rest) => readRefresh(instance.announcing, ...rest))],
  ["strict_mode", carried(readStrict)],
  ["down_timer_adverts", carried(readDownTimer)],
  ...each("garp_master_refresh_repeat", needless("a refresh is one announcement for each address")),
  ...each("garp_lower_prio_delay garp_lower_prio_repeat", LOWER_PRIORITY),
  ...each("garp_extra_if", EXTRA_INTERFACES),
  ...each("lower_prio_no_advert", LOWER_PRIORITY_ADVERT),
  ...each("higher_prio_send_advert", HIGHER_PRIORITY_ADVERT),
  ...each("check_unicast_src", SOURCE_CHECK),
  ...each("skip_check_adv_addr", ADDRESS_CHECK),
  ...each("preempt", needless("is the default")),
  ["accept", accepting(true)],
  ["no_accept", accepting(false)],
  ...each("native_ipv6", needless("the addresses say which family it is")),
  ...each("linkbeat_use_polling", needless("the kernel tells of links through netlink")),
  ...each("debug", needless("does nothing in keepalived either")),
  ...each("kernel_rx_buf_size", INNER),
  ["use_vmac", carried(readVirtualMac)],
  ...each("use_vmac_addr", lost("only the router's own interface gets a virtual MAC address")),
  ...each("vmac_xmit_base", changed("advertisements leave from the virtual MAC address")),
  ...each("use_ipvlan", lost("there are no ipvlan interfaces; virtualMac makes a macvlan")),
  ...each("vrf", lost("name an interface instead")),
  ...each("dont_track_primary", lost("a router whose interface is down always leaves")),
  ...each("track_src_ip", lost("the source address is not watched by itself")),
  ...each("mcast_dst_ip", lost("the standard group is used; unicast peers avoid groups")),
  ...each("unicast_fault_no_peer", needless("a unicast router without peers is refused")),
  ...each("old_unicast_checksum", lost("both checksums of version 3 are understood, an older one is not")),
  ...each(
    "promote_secondaries",
    lost("set net.ipv4.conf.IF.promote_secondaries yourself; lost addresses are put back"),
  ),
  ...each("virtual_routes virtual_rules", ROUTES),
  ...each("track_file track_process track_bfd", NO_PROCESS),
  ...each("smtp_alert", MAIL),
  ...each("lvs_sync_daemon_interface", lost("no IPVS sync daemon runs; consistent-hash and dsr need none")),
  ...each(
    "notify notify_master notify_backup notify_fault notify_stop notify_deleted notify_master_rx_lower_pri notify_priority_changes",
    NOTIFY,
  ),
]);

/** Reads a `vrrp_instance` block. */
export const readInstance = (statement: Statement, report: Report): Instance => {
  const instance: Instance = {
    name: statement.args[0] ?? "",
    statement,
    initiallyMaster: false,
    addresses: [],
    excluded: [],
    tracked: [],
    announcing: {},
  };
  applyTable(TABLE, statement.block ?? [], { draft: instance, report, where: "vrrp_instance" });
  return instance;
};
