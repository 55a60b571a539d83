/** The resources that importers make, as they are written. */
import type { TextMap } from "#core/kubernetes/meta";
import { type Subject, subjectText } from "./report.ts";

export type Kind =
  | "IPAddressPool"
  | "L2Advertisement"
  | "BGPPeer"
  | "BGPAdvertisement"
  | "BFDProfile"
  | "Community";

/** A resource and what it was made from. */
export type Resource = {
  readonly origin: Subject;
  readonly value: {
    readonly apiVersion: string;
    readonly kind: Kind;
    readonly metadata: {
      readonly name: string;
      readonly namespace: string;
      readonly labels?: TextMap;
      readonly annotations?: TextMap;
    };
    readonly spec: object;
  };
};

/** What files became. */
export type Imported = {
  readonly resources: readonly Resource[];
  /** What is to be changed at Services, as commands for a shell; they change nothing until somebody runs them. */
  readonly commands: readonly string[];
};

/** The version that we write of each kind. */
export const versionOf = (kind: Kind): string =>
  kind === "BGPPeer" ? "metallb.io/v1beta2" : "metallb.io/v1beta1";

/** Where a resource came from, in words: `config.yaml:12 address-pools[0]`. */
export const originText = (origin: Subject): string =>
  `${origin.document.file}:${origin.document.lineOf(origin.path)} ${subjectText(origin)}`.trimEnd();

/** The fields that say something, in the order given. */
export const given = <Fields extends object>(fields: Fields): Partial<Fields> =>
  Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined &&
        !(Array.isArray(value) && value.length === 0) &&
        !(typeof value === "object" && value !== null && Object.keys(value).length === 0),
    ),
  ) as Partial<Fields>;
