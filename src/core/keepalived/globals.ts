/** `global_defs`: the defaults of all instances, and much that steelyard has no need of. */
import { type Duration, micros, seconds } from "#base/time";
import { flagOf, integerOf, quoted, secondsOf, wordOf } from "./arguments.ts";
import { INNER, LABEL, MAIL, MANAGEMENT, NOTIFY, SCHEDULING, SCRIPT_USER } from "./reasons.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";
import { applyTable, carried, each, lost, needless, type Table } from "./table.ts";

/** How addresses are announced; `undefined` where the file does not say. */
export type Announcing = {
  repeat?: number;
  delay?: Duration;
  refresh?: Duration;
  interval?: Duration;
};

/** What `global_defs` says about instances and servers. */
export type Globals = {
  /** Version of IPv4 instances that do not say theirs. */
  version: 2 | 3;
  announcing: Announcing;
  /** Interface of instances and addresses that name none. */
  defaultInterface: string;
};

/** What holds when there is no `global_defs`. */
export const defaultGlobals = (): Globals => ({ version: 2, announcing: {}, defaultInterface: "eth0" });

const MAX_REPEAT = 60;

/** Reads how often the addresses are announced at takeover. */
export const readRepeat = (into: Announcing, statement: Statement, report: Report): void => {
  const repeat = integerOf(statement, { min: 0, max: 1_000_000 }, report);
  if (repeat === undefined) return;
  into.repeat = Math.min(MAX_REPEAT, Math.max(1, repeat));
  if (into.repeat !== repeat) report.changed(statement, `${into.repeat} instead of ${repeat}`);
};

const readBounded = (statement: Statement, max: Duration, report: Report): Duration | undefined => {
  const duration = secondsOf(statement, report);
  if (duration === undefined || duration <= max) return duration;
  report.changed(statement, `${max / seconds(1)} s, the most there is, instead of ${statement.args[0]} s`);
  return max;
};

/** Reads the pause before the second burst of announcements. */
export const readDelay = (into: Announcing, statement: Statement, report: Report): void => {
  const delay = readBounded(statement, seconds(300), report);
  if (delay !== undefined) into.delay = delay;
};

/** Reads the pause between announcements while active; keepalived counts whole seconds. */
export const readRefresh = (into: Announcing, statement: Statement, report: Report): void => {
  const refresh = readBounded(statement, seconds(3600), report);
  if (refresh !== undefined) into.refresh = refresh;
};

const readInterval = (globals: Globals, statement: Statement, report: Report): void => {
  const interval = readBounded(statement, seconds(10), report);
  if (interval === undefined) return;
  // One number serves both gratuitous ARP and neighbour advertisements: the longer pause is the safer one.
  globals.announcing.interval = micros(Math.max(interval, globals.announcing.interval ?? 0));
};

/** Says when a multicast group is not the standard one. */
const standardGroup =
  (standard: string) =>
  (_globals: Globals, statement: Statement, report: Report): void => {
    const group = wordOf(statement, report);
    if (group === standard) report.needless(statement, "is the standard group");
    else if (group !== undefined)
      report.lost(statement, `steelyard uses ${standard} only; unicast peers avoid groups`);
  };

/** Reasons of options that are the same in `global_defs` and in an instance. */
export const LOWER_PRIORITY = needless(
  "steelyard announces again with a burst of its own when it hears a lower priority",
);
/** Announcing on further interfaces. */
export const EXTRA_INTERFACES = needless("steelyard refreshes on every interface that carries an address");
/** What to send when a lower priority is heard. */
export const LOWER_PRIORITY_ADVERT = lost("steelyard always answers a lower priority (RFC 9568, 6.4.3)");
/** What to send when a higher priority is heard. */
export const HIGHER_PRIORITY_ADVERT = needless("a router that gives way always says one last word");
/** Whether the addresses of every advertisement are compared. */
export const ADDRESS_CHECK = needless(
  "steelyard always compares addresses; a difference is reported, not dropped",
);
/** Whether the sender must be a peer. */
export const SOURCE_CHECK = needless("steelyard always drops what does not come from a listed peer");

/** Reads a strict mode, which an instance inherits. */
export const readStrict = (_draft: unknown, statement: Statement, report: Report): void => {
  if (flagOf(statement, report) === true) {
    report.lost(
      statement,
      "there is no strict mode; for one, write acceptMode: false where the addresses are to take no packets",
    );
  } else {
    report.needless(statement, "there is no strict mode");
  }
};

/** Reads how many advertisements may be missed. */
export const readDownTimer = (_draft: unknown, statement: Statement, report: Report): void => {
  const count = integerOf(statement, { min: 1, max: 100 }, report);
  if (count === 3) report.needless(statement, "is what steelyard does");
  else if (count !== undefined)
    report.lost(statement, "a peer is replaced after three advertisements (RFC 9568, 6.1)");
};

const TABLE: Table<Globals> = new Map([
  ...each("router_id data_use_instance umask random_seed vmac_prefix vmac_addr_prefix", LABEL),
  ...each(
    "notification_email notification_email_from smtp_server smtp_helo_name smtp_connect_timeout smtp_alert smtp_alert_vrrp smtp_alert_checker",
    MAIL,
  ),
  ...each("no_email_faults no_checker_emails", needless("is about mail, and steelyard sends none")),
  ...each(
    "notify_fifo notify_fifo_script vrrp_notify_fifo vrrp_notify_fifo_script lvs_notify_fifo lvs_notify_fifo_script vrrp_notify_priority_changes fifo_write_vrrp_states_on_reload rs_init_notifies",
    NOTIFY,
  ),
  ...each(
    "snmp_socket enable_traps enable_snmp_vrrp enable_snmp_keepalived enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_snmp_checker enable_dbus dbus_service_name",
    MANAGEMENT,
  ),
  ...each(
    "vrrp_priority vrrp_no_swap vrrp_rt_priority vrrp_cpu_affinity vrrp_rlimit_rttime vrrp_rlimit_rtime checker_priority checker_no_swap checker_rt_priority checker_cpu_affinity checker_rlimit_rttime checker_rlimit_rtime bfd_priority bfd_no_swap bfd_rt_priority bfd_cpu_affinity bfd_rlimit_rttime bfd_rlimit_rtime max_auto_priority min_auto_priority_delay",
    SCHEDULING,
  ),
  ...each(
    "process_names process_name vrrp_process_name checker_process_name lvs_process_name bfd_process_name use_pid_dir child_wait_time tmp_config_directory config_save_dir vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs process_monitor_rcv_bufs_force lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier lvs_flush lvs_flush_on_stop lvs_flush_onstop",
    INNER,
  ),
  ...each(
    "vrrp_iptables vrrp_ipsets nftables nftables_priority nftables_counters nftables_ifindex nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark disable_local_igmp namespace_with_ipsets",
    needless("is about keepalived's own firewall rules; steelyard has tables of its own"),
  ),
  ...each(
    "reload_check_config reload_file reload_repeat",
    needless("steelyard checks a changed configuration first and keeps the running one when it is wrong"),
  ),
  ...each("include_check", needless("the importer lists every file it cannot read")),
  ...each("reload_time_file", lost("steelyard reloads when its files change or on SIGHUP, at once")),
  ...each("linkbeat_use_polling", needless("the kernel tells of links through netlink")),
  ...each("dynamic_interfaces", needless("steelyard always waits for interfaces that do not exist yet")),
  ...each("checker_log_all_failures", needless("every failed attempt is counted, with its reason")),
  ...each("log_unknown_vrids", needless("other routers on the wire are counted in the metrics")),
  ...each(
    "net_namespace net_namespace_ipvs",
    lost("start steelyard in the namespace: ip netns exec NAME, or systemd's NetworkNamespacePath="),
  ),
  ...each("instance", needless("give each steelyard its own --admin socket instead")),
  ...each(
    "startup_script startup_script_timeout shutdown_script shutdown_script_timeout",
    lost("put it into the service unit: ExecStartPre=, ExecStopPost="),
  ),
  ...each("lvs_sync_daemon", lost("no IPVS sync daemon runs; consistent-hash and dsr need none")),
  ...each("lvs_timeouts", lost("the kernel's connection tracking decides: net.netfilter.nf_conntrack_*")),
  ...each("vrrp_startup_delay", lost("routers take part as soon as their interface is up")),
  ...each(
    "enable_script_security",
    lost("steelyard does not look at who may write a script; see that only root can change them"),
  ),
  [
    "script_user",
    carried((_globals, statement, report) => {
      if (statement.args[0] === "root") report.needless(statement, "scripts run as the user of steelyard");
      else report.lost(statement, SCRIPT_USER);
    }),
  ],
  ["vrrp_mcast_group4", carried(standardGroup("224.0.0.18"))],
  ["vrrp_mcast_group6", carried(standardGroup("ff02::12"))],
  [
    "default_interface",
    carried((globals, statement, report) => {
      globals.defaultInterface = wordOf(statement, report) ?? globals.defaultInterface;
    }),
  ],
  [
    "vrrp_version",
    carried((globals, statement, report) => {
      const [version] = statement.args;
      if (version === "2" || version === "3") globals.version = version === "2" ? 2 : 3;
      else report.lost(statement, `${quoted(version)} is neither 2 nor 3`);
    }),
  ],
  [
    "vrrp_garp_master_delay",
    carried((globals, statement, report) => readDelay(globals.announcing, statement, report)),
  ],
  [
    "vrrp_garp_master_repeat",
    carried((globals, statement, report) => readRepeat(globals.announcing, statement, report)),
  ],
  [
    "vrrp_garp_master_refresh",
    carried((globals, statement, report) => readRefresh(globals.announcing, statement, report)),
  ],
  ["vrrp_garp_interval", carried(readInterval)],
  ["vrrp_gna_interval", carried(readInterval)],
  [
    "vrrp_min_garp",
    carried((globals, statement, report) => {
      if (flagOf(statement, report) !== true) return;
      globals.announcing.repeat = 1;
      globals.announcing.delay = seconds(0);
    }),
  ],
  ...each("vrrp_garp_master_refresh_repeat", needless("a refresh is one announcement for each address")),
  ...each("vrrp_garp_lower_prio_delay vrrp_garp_lower_prio_repeat", LOWER_PRIORITY),
  ...each("vrrp_garp_extra_if", EXTRA_INTERFACES),
  ...each("vrrp_lower_prio_no_advert", LOWER_PRIORITY_ADVERT),
  ...each("vrrp_higher_prio_send_advert", HIGHER_PRIORITY_ADVERT),
  ...each("vrrp_check_unicast_src", SOURCE_CHECK),
  ...each("vrrp_skip_check_adv_addr", ADDRESS_CHECK),
  ["vrrp_strict", carried(readStrict)],
  ["vrrp_down_timer_adverts", carried(readDownTimer)],
]);

/** Reads one `global_defs` block into `globals`. */
export const readGlobals = (globals: Globals, statement: Statement, report: Report): void =>
  applyTable(TABLE, statement.block ?? [], { draft: globals, report, where: "global_defs" });
