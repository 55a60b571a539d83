/** What can be made, by the names that the command line has for it. */

type Kind = {
  /** Whether the program runs in a container there, which has neither nft nor kernel settings to write. */
  readonly contained: boolean;
  readonly description: string;
};

export const ARTEFACTS = {
  systemd: { contained: false, description: "a systemd unit" },
  "cloud-init": { contained: false, description: "cloud-init, for an image that has the program" },
  pod: { contained: true, description: "a static pod, for kubeadm" },
  daemonset: { contained: true, description: "a DaemonSet, for a cluster that runs" },
  k3s: { contained: true, description: "the same for the manifests folder of k3s and RKE2" },
  quadlet: { contained: true, description: "a podman quadlet" },
  butane: { contained: true, description: "Butane, for Fedora CoreOS or Flatcar" },
  ignition: { contained: true, description: "the same as Ignition" },
} as const satisfies Readonly<Record<string, Kind>>;

export type ArtefactName = keyof typeof ARTEFACTS;

export const ARTEFACT_NAMES = Object.keys(ARTEFACTS) as readonly ArtefactName[];

/** Systems that are set up by Ignition: one has podman and quadlets, the other docker. */
export const VARIANTS = ["fcos", "flatcar"] as const;
export type Variant = (typeof VARIANTS)[number];
