/** The API server's port, other programs, files, the clock, and rights. */
import type { IpAddress } from "#base/address";
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";

/** Programs that are, or contain, an API server. */
const API_SERVERS = /^(kube-apiserver|k3s(-server)?|rke2|hyperkube|kubelite|k0s|minikube)/;

const isEverywhere = (address: IpAddress): boolean => address === "0.0.0.0" || address === "::";

const serverFindings = ({ wanted, listener, check }: Facts): readonly Finding[] => {
  if (listener === undefined || listener === "free") return [];
  const { program, words, addresses } = listener;
  const subject = `port ${wanted.port}`;
  const isServer = API_SERVERS.test(program) || words.some((word) => word.includes("kube-apiserver"));
  if (!isServer && check?.ok !== true)
    return [
      {
        ...{ code: "api-server-port-taken", severity: "error", subject },
        message: `It belongs to ${program}, which does not answer as an API server does (${check?.detail ?? "it was not asked"}).`,
        remedy: `Move it to another port, or name that of the API server with --port: ss -ltnp sport = :${wanted.port}`,
      },
    ];
  const reaches = ({ address }: { readonly address: IpAddress }): boolean =>
    addresses.some((each) => isEverywhere(each) || each === address);
  if (!wanted.addresses.some(reaches) && !wanted.balance)
    return [
      {
        ...{ code: "api-server-bound", severity: "error", subject },
        message: `${program} takes connections to ${addresses.join(", ")} only, so none to ${wanted.addresses.map(({ address }) => address).join(", ")}.`,
        remedy:
          "Start the API server with --bind-address=0.0.0.0 (k3s, RKE2: bind-address in config.yaml), or :: for both families.",
      },
    ];
  if (check === undefined || check.ok) return [];
  return [
    {
      ...{ code: "api-server-answers", severity: "warning", subject },
      message: `The API server of this host does not pass the check (${check.asked}): ${check.detail}. As long as that is so this host does not hold the address.`,
      remedy: "Where it is only starting, wait; else see --check, --path, --ca and --server-name.",
    },
  ];
};

const PROGRAM_REMEDIES = {
  keepalived:
    "systemctl disable --now keepalived, once steelyard is to take over; steelyard import keepalived carries more over",
  "kube-vip":
    "Remove it where it holds the API server's address: its manifest in /etc/kubernetes/manifests, or its DaemonSet",
} as const;

const programFindings = ({ programs = [] }: Facts): readonly Finding[] =>
  programs.map(({ name, seen }) => ({
    ...{ code: "other-program", severity: "warning", subject: name },
    message: `${name} is on this host (${seen}) and holds addresses as well. With the same address both would have it.`,
    remedy: PROGRAM_REMEDIES[name],
  }));

const caFindings = ({ ca, wanted }: Facts): readonly Finding[] => {
  const { caFile } = wanted;
  if (ca === undefined || ca.state === "readable" || caFile === undefined) return [];
  const finding = (
    message: string,
    remedy: string,
    severity: Finding["severity"] = "error",
  ): readonly Finding[] => [{ code: "ca-file", severity, subject: caFile, message, remedy }];
  const copy = `install -D -m 0644 ${caFile} /etc/steelyard/cluster-ca.crt, and --ca /etc/steelyard/cluster-ca.crt`;
  if (ca.state === "absent")
    return finding(
      "There is no such file. Until there is one every check fails, and this host does not hold the address.",
      "Before the cluster exists that is so: it is there once the first API server has run. Else correct --ca.",
      "warning",
    );
  if (ca.state === "no-certificate")
    return finding(
      "It holds no certificate in PEM.",
      "Name the cluster's authority: /etc/kubernetes/pki/ca.crt, say.",
    );
  if (ca.state === "expired")
    return finding(
      `The authority's certificate has expired (${ca.until}).`,
      "Renew the cluster's authority, or wait for nothing: no API server verifies by it.",
    );
  return finding(
    `The service runs as the user steelyard, who cannot come to it: ${ca.at} is closed to others.`,
    copy,
  );
};

const clockFindings = ({ clock }: Facts): readonly Finding[] =>
  clock !== "unsynchronized"
    ? []
    : [
        {
          ...{ code: "clock", severity: "warning", subject: "this machine" },
          message:
            "Its clock is not synchronised. Certificates that others have just made are not valid yet where it is behind, and etcd complains of differences; VRRP itself does not depend on it.",
          remedy: "timedatectl set-ntp true, or install chrony: apt-get install chrony",
        },
      ];

const rightFindings = ({ missingCapabilities }: Facts): readonly Finding[] =>
  missingCapabilities.length === 0
    ? []
    : [
        {
          ...{ code: "capabilities", severity: "warning", subject: "this command" },
          message: `It lacks ${missingCapabilities.join(" and ")}, so the segment was not listened to and the firewall not read. The service has them.`,
          remedy: "Run it as root: sudo steelyard preflight …",
        },
      ];

const balanceFindings = ({ wanted, hasNft }: Facts): readonly Finding[] =>
  !wanted.balance || hasNft !== false
    ? []
    : [
        {
          ...{ code: "balance-nft", severity: "error", subject: "nft" },
          message: "With --balance connections are spread by nftables, and there is no nft here.",
          remedy: "apt-get install nftables, or leave --balance out",
        },
      ];

/** What is the matter with the machine itself. */
export const machineFindings = (facts: Facts): readonly Finding[] => [
  ...rightFindings(facts),
  ...serverFindings(facts),
  ...programFindings(facts),
  ...caFindings(facts),
  ...balanceFindings(facts),
  ...clockFindings(facts),
];
