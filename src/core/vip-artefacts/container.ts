/** Units that start the image: by podman (podman-systemd.unit(5)), and by docker. */
import { CONFIG_DIRECTORY, KUBERNETES, VIP_CONFIG_FILE } from "#core/install/names";
import { type ArtefactPlan, BANNER, imageRemark, RUNTIME } from "./plan.ts";

/** `%` begins a specifier of systemd. */
const literal = (text: string): string => text.replaceAll("%", "%%");

/** A place of the host that the container sees under the same name. */
type Shared = { readonly path: string; readonly isWritable: boolean };

/**
 * What the container sees of the host. Of the configuration it is the folder: a file that is mounted by itself stays the one that
 * it was when another takes its name. An authority elsewhere is mounted alone, since the folder may have the cluster's keys.
 */
const shared = ({ caFile }: ArtefactPlan): readonly Shared[] => [
  { path: CONFIG_DIRECTORY, isWritable: false },
  { path: RUNTIME, isWritable: true },
  ...(caFile === undefined || caFile.startsWith(`${CONFIG_DIRECTORY}/`)
    ? []
    : [{ path: caFile, isWritable: false }]),
];

const volume = ({ path, isWritable }: Shared): string =>
  `Volume=${literal(path)}:${literal(path)}${isWritable ? "" : ":ro"}`;

/** Unlike `--volume` it refuses what is not there, where docker would make a folder of that name, which kubeadm then finds. */
const mount = ({ path, isWritable }: Shared): string =>
  `--mount type=bind,source=${literal(path)},target=${literal(path)}${isWritable ? "" : ",readonly"}`;

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
# ${imageRemark(plan)}
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
${shared(plan).map(volume).join("\n")}
# It says by itself when it is ready.
Notify=true

${SERVICE}# A first pull has so long. Kubernetes starts afterwards, and after this time in any case.
TimeoutStartSec=300

[Install]
WantedBy=multi-user.target
`;

/** A unit that starts the image by docker, which passes on no word of readiness. */
export const renderDockerUnit = (plan: ArtefactPlan): string => {
  const options = [
    ...["--rm", "--name steelyard-vip", "--network host", "--user 0:0", "--read-only"],
    ...["--cap-drop ALL", "--cap-add NET_ADMIN", "--cap-add NET_RAW", "--security-opt no-new-privileges"],
    ...shared(plan).map(mount),
  ];
  return `# ${BANNER}
# ${imageRemark(plan)}
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
