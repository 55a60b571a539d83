/** Units that start the image: by podman (podman-systemd.unit(5)), and by docker. */
import { KUBERNETES, VIP_CONFIG_FILE } from "#core/install/names";
import { type ArtefactPlan, BANNER, RUNTIME } from "./plan.ts";

/** `%` begins a specifier of systemd. */
const literal = (text: string): string => text.replaceAll("%", "%%");

/** What the container sees of the host. */
const volumes = ({ caFile }: ArtefactPlan): readonly string[] => [
  `${VIP_CONFIG_FILE}:${VIP_CONFIG_FILE}:ro`,
  `${RUNTIME}:${RUNTIME}`,
  ...(caFile === undefined ? [] : [`${caFile}:${caFile}:ro`]),
];

const COMMAND = `vip --config ${VIP_CONFIG_FILE}`;

const SERVICE = `[Service]
Restart=always
RestartSec=1
RestartPreventExitStatus=2
TimeoutStopSec=15
RuntimeDirectory=steelyard-vip
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
CPUWeight=1000
OOMScoreAdjust=-900
`;

/** A quadlet, for /etc/containers/systemd. */
export const renderQuadlet = (plan: ArtefactPlan): string => `# ${BANNER}
# For /etc/containers/systemd/steelyard-vip.container, beside ${VIP_CONFIG_FILE}; then: systemctl daemon-reload
[Unit]
Description=steelyard vip
Before=${KUBERNETES.join(" ")}
StartLimitIntervalSec=0

[Container]
Image=${literal(plan.image)}
ContainerName=steelyard-vip
Exec=${COMMAND}
# It is the host's network that is served, by its root with two capabilities and no others.
Network=host
User=0:0
DropCapability=all
AddCapability=CAP_NET_ADMIN CAP_NET_RAW
NoNewPrivileges=true
ReadOnly=true
# Files of the host keep the labels that the host needs.
SecurityLabelDisable=true
${volumes(plan)
  .map((volume) => `Volume=${literal(volume)}`)
  .join("\n")}
# It says by itself when it is ready.
Notify=true

${SERVICE}
[Install]
WantedBy=multi-user.target
`;

/** A unit that starts the image by docker, which passes on no word of readiness. */
export const renderDockerUnit = (plan: ArtefactPlan): string => {
  const options = [
    ...["--rm", "--name steelyard-vip", "--network host", "--user 0:0", "--read-only"],
    ...["--cap-drop ALL", "--cap-add NET_ADMIN", "--cap-add NET_RAW", "--security-opt no-new-privileges"],
    ...volumes(plan).map((volume) => `--volume ${literal(volume)}`),
  ];
  return `# ${BANNER}
[Unit]
Description=steelyard vip
Requires=docker.service
After=docker.service network-online.target
Wants=network-online.target
Before=${KUBERNETES.join(" ")}
StartLimitIntervalSec=0

${SERVICE}ExecStartPre=-/usr/bin/docker rm --force steelyard-vip
ExecStart=/usr/bin/docker run \\
${options.map((option) => `  ${option} \\`).join("\n")}
  ${literal(plan.image)} ${COMMAND}
ExecStop=/usr/bin/docker stop --time 10 steelyard-vip

[Install]
WantedBy=multi-user.target
`;
};
