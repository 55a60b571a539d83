/** The systemd unit of an edge (systemd.service(5), systemd.exec(5); tested with version 252, nothing above 247 is used). */
import { CONFIG_DIRECTORY, KUBERNETES, SERVICE_USER, VIP_CONFIG_FILE } from "./names.ts";

export type UnitOptions = {
  /** Absolute path of the program to start. */
  readonly program: string;
  /** Who wrote it, for its first line: `steelyard install`, or the package. */
  readonly author: string;
  /** What it is to be. Default: an edge. */
  readonly role?: Role;
};

export type Role = "edge" | "vip";

/** What the two services do not have in common. */
const ROLES = {
  edge: {
    unit: "steelyard-edge",
    description: "steelyard edge",
    command: `edge --config ${CONFIG_DIRECTORY}`,
    folder: "steelyard",
    state: "StateDirectory=steelyard\nStateDirectoryMode=0700\n",
  },
  vip: {
    unit: "steelyard-vip",
    description: "steelyard vip, the address of the API servers",
    command: `vip --config ${VIP_CONFIG_FILE}`,
    folder: "steelyard-vip",
    // All that it knows is true until the next start of the machine only.
    state: "",
  },
} as const;

const CAPABILITIES = "CAP_NET_ADMIN CAP_NET_RAW";

/** As an argument of ExecStart: `%` and `$` begin specifiers and variables, blanks and quotes end words. */
const argument = (text: string): string => {
  const escaped = text.replace(/%/g, "%%").replace(/\$/g, "$$$$");
  return /[\s"'\\;]/.test(escaped) ? `"${escaped.replace(/[\\"]/g, "\\$&")}"` : escaped;
};

const service = ({ program, role = "edge" }: UnitOptions): string => `[Service]
Type=notify
NotifyAccess=main
ExecStart=${argument(program)} ${ROLES[role].command}
ExecReload=/bin/kill -HUP $MAINPID
TimeoutStartSec=30

# A stop hands the addresses to the peer and removes everything. A restart leaves all of it in place, and the next process
# takes it over, so that no packet is lost.
KillMode=mixed
KillSignal=SIGTERM
RestartKillSignal=SIGUSR2
TimeoutStopSec=15

# Whatever ends it, it is started again at once and for ever, but for a configuration that is wrong (2): that does not mend
# itself. A program that hangs is killed, and the kernel goes on forwarding meanwhile.
Restart=always
RestartSec=100ms
RestartPreventExitStatus=2
WatchdogSec=10
WatchdogSignal=SIGKILL

# What is there after a crash is needed to put things back.
RuntimeDirectory=${ROLES[role].folder}
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
${ROLES[role].state}UMask=0077

# The kernel shares the CPU between services first. Never set CPUQuota=: an edge that has to wait looks dead to its peer.
# Within the service the thread that speaks VRRP goes first, and before all else on this machine that is not real-time: these
# limits are the right to it, so that CAP_SYS_NICE, which reaches every process, is not needed.
CPUWeight=1000
LimitRTPRIO=10
LimitNICE=-20
OOMScoreAdjust=-900
`;

const SANDBOX = `# Addresses, routes, rules and kernel settings of the network; VRRP, ARP and neighbour discovery. Nothing else.
User=${SERVICE_USER}
CapabilityBoundingSet=${CAPABILITIES}
AmbientCapabilities=${CAPABILITIES}
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
# Not set on purpose. ProtectKernelTunables=: forwarding is a setting below /proc/sys, of the network alone, as far as
# CAP_NET_ADMIN reaches. MemoryDenyWriteExecute=: Node.js compiles at run time. PrivateNetwork=, PrivateUsers=: it is this
# machine's network that is served. RestrictRealtime=: see LimitRTPRIO=.
`;

/** The whole unit. */
export const renderUnit = (
  options: UnitOptions,
): string => `# Written by ${options.author}. To change it: systemctl edit ${ROLES[options.role ?? "edge"].unit}
[Unit]
Description=${ROLES[options.role ?? "edge"].description}
Documentation=man:steelyard(8)
# It waits for its interfaces by itself. Many distributions flush all tables when nftables.service starts. What starts after
# network.target is stopped before the network is, when the machine goes down: routers and peers hear of it.
After=network.target nftables.service
Before=${KUBERNETES.join(" ")}
StartLimitIntervalSec=0

${service(options)}
${SANDBOX}
[Install]
WantedBy=multi-user.target
`;

/** The user of the service for systemd-sysusers (sysusers.d(5)): no home, no shell, no password. */
export const SYSUSERS = `u ${SERVICE_USER} - "steelyard edge"\n`;
