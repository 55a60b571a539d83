/** Annotations of a BGPPeer that say what it has no field for. */
import { show } from "#core/config/problem";
import type { TextMap } from "#core/kubernetes/meta";

/** What they start with. */
const EXTENSION_PREFIX = "steelyard.dev/";

/** Routes that a peer is told of at most, unless it says otherwise. */
export const DEFAULT_MOST_ROUTES = 50_000;
const MOST_ROUTES = 1_000_000;

/** What the annotations of a peer come to. */
export type Extensions = {
  readonly role: "active" | "passive";
  readonly ttlSecurity: boolean;
  readonly mostRoutes: number;
  /** Whether the peer is told how much of a Service's traffic each node is to get. */
  readonly linkBandwidth: boolean;
};

type Reader = (text: string) => Partial<Extensions> | string;

const yesOrNo =
  (make: (isYes: boolean) => Partial<Extensions>): Reader =>
  (text) =>
    text === "true" || text === "false" ? make(text === "true") : 'is neither "true" nor "false"';

/** Each annotation and how it is read: what follows from it, or what is wrong with it. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["steelyard.dev/passive", yesOrNo((isYes) => ({ role: isYes ? "passive" : "active" }))],
  ["steelyard.dev/ttl-security", yesOrNo((ttlSecurity) => ({ ttlSecurity }))],
  [
    "steelyard.dev/route-limit",
    (text) => {
      const mostRoutes = Number(text);
      return /^[0-9]{1,7}$/.test(text) && mostRoutes >= 1 && mostRoutes <= MOST_ROUTES
        ? { mostRoutes }
        : `is no whole number from 1 to ${MOST_ROUTES}`;
    },
  ],
  ["steelyard.dev/link-bandwidth", yesOrNo((linkBandwidth) => ({ linkBandwidth }))],
]);

/** All annotations that a BGPPeer may have, by name. */
export const PEER_ANNOTATIONS: readonly string[] = [...READERS.keys()];

const DEFAULTS: Extensions = {
  ...{ role: "active", ttlSecurity: false, mostRoutes: DEFAULT_MOST_ROUTES, linkBandwidth: false },
};

/** Reads them; gives what is wrong, as the end of a sentence about the peer, if anything is. */
export const readExtensions = (annotations: TextMap): Extensions | string => {
  let extensions = DEFAULTS;
  for (const name of Object.keys(annotations).sort()) {
    if (!name.startsWith(EXTENSION_PREFIX)) continue;
    const text = annotations[name] ?? "";
    const read = READERS.get(name)?.(text);
    if (read === undefined)
      return `has the annotation ${show(name)}, which is none of ${PEER_ANNOTATIONS.join(", ")}`;
    if (typeof read === "string") return `has the annotation ${name}, whose value ${show(text)} ${read}`;
    extensions = { ...extensions, ...read };
  }
  return extensions;
};
