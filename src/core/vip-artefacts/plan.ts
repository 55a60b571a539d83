/** What every artefact is made from. */
import type { Variant } from "./names.ts";

export type ArtefactPlan = {
  /** A `ControlPlaneEndpoint` that was found to be right, as it is written down. */
  readonly document: object;
  /** The same as words of the command line. */
  readonly words: readonly string[];
  /** The cluster's authority, if the endpoint names one: a file of the host. */
  readonly caFile: string | undefined;
  /** Whether connections are spread, which needs nft and kernel settings of the host. */
  readonly balance: boolean;
  /** Where the image lies. */
  readonly image: string;
  /** Absolute path of the program on the host. */
  readonly program: string;
  /** Whom Butane and Ignition are for. */
  readonly variant: Variant;
};

/** Where the image finds the program. */
export const IMAGE_PROGRAM = "/usr/bin/steelyard";

/** The admin socket and what must survive a restart, but not a reboot. */
export const RUNTIME = "/run/steelyard-vip";
export const ADMIN = `${RUNTIME}/vip.sock`;

/** What each kind of artefact is called where it lies. */
export const POD_NAME = "steelyard-vip";

/** First line of everything that is generated. */
export const BANNER = "Made by `steelyard manifest`, which makes it again with the same words.";

/** Where the image has to come from, as one line of a comment. An image of `localhost` is in no registry. */
export const imageRemark = ({ image }: ArtefactPlan): string =>
  image.startsWith("localhost/")
    ? `${image} is in no registry: import it on the host first (docs/install-vip.md), or give --image.`
    : `${image} is pulled at the first start, unless it is on the host: from a registry that is reached without this cluster.`;
