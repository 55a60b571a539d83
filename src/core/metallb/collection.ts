/** Objects as they are collected, one after the other, each checked by itself. */
import type { GenericSchema } from "valibot";
import { error, type Finding, show } from "#core/config/problem";
import { bgpFindings, l2Findings } from "./advertisement-rules.ts";
import type { Kind } from "./kinds.ts";
import { identify, readSpec } from "./object.ts";
import { peerFindings } from "./peer-rules.ts";
import { admissionFindings, type Namespaces, poolFindings } from "./pool-rules.ts";
import { type ObjectProblem, type Place, type Placed, problemIn } from "./problem.ts";
import { reservationFindings } from "./reservation-rules.ts";
import {
  type BgpAdvertisementSpec,
  bgpAdvertisementSpec,
  type CommunitySpec,
  communitySpec,
  type L2AdvertisementSpec,
  l2AdvertisementSpec,
} from "./schema-advertisement.ts";
import { type ConflictSpec, conflictSpec, type ReservationSpec, reservationSpec } from "./schema-own.ts";
import { type BfdProfileSpec, bfdProfileSpec, type PeerSpec, peerSpec } from "./schema-peer.ts";
import { type PoolSpec, poolSpec } from "./schema-pool.ts";

type Section = Readonly<Record<string, unknown>>;

const byName = ({ place: left }: Placed<unknown>, { place: right }: Placed<unknown>): number =>
  left.name < right.name ? -1 : Number(left.name > right.name);

const nothingWrong = (): readonly Finding[] => [];

/** Checked specs of each kind, in the order in which the objects came, and what is wrong with them one by one. */
export class Collection {
  readonly problems: ObjectProblem[] = [];
  readonly pools: Placed<PoolSpec>[] = [];
  readonly l2Advertisements: Placed<L2AdvertisementSpec>[] = [];
  readonly bgpAdvertisements: Placed<BgpAdvertisementSpec>[] = [];
  readonly peers: Placed<PeerSpec>[] = [];
  readonly bfdProfiles: Placed<BfdProfileSpec>[] = [];
  readonly communities: Placed<CommunitySpec>[] = [];
  readonly reservations: Placed<ReservationSpec>[] = [];
  readonly conflicts: Placed<ConflictSpec>[] = [];
  /** Kinds of which an object could not be read, so that nothing can be called missing. */
  readonly unread = new Set<string>();

  readonly #namespaces: Namespaces;
  readonly #namesOf = new Map<string, Set<string>>();

  constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces;
  }

  /** Checks an object and keeps what it holds. */
  add(raw: unknown, index: number): void {
    const identified = identify(raw, index);
    const { place } = identified;
    if (identified.type !== "known") {
      this.problems.push(problemIn(place, identified.finding));
      if (identified.type === "unreadable") this.unread.add(place.kind);
      return;
    }
    this.#keepKind(identified.kind, place, identified.object);
  }

  /** Puts the objects into the order of their names, so that nothing depends on the order in which they came. */
  arrange(): void {
    const lists: readonly Placed<unknown>[][] = [
      this.pools,
      this.l2Advertisements,
      this.bgpAdvertisements,
      this.peers,
      this.bfdProfiles,
      this.communities,
      this.reservations,
      this.conflicts,
    ];
    for (const list of lists) list.sort(byName);
  }

  #keepKind(kind: Kind, place: Place, object: Section): void {
    switch (kind) {
      case "IPAddressPool":
        this.#keep(this.pools, { schema: poolSpec, place, object }, (spec) => [
          ...poolFindings(spec),
          ...admissionFindings(spec, this.#namespaces),
        ]);
        return;
      case "L2Advertisement":
        this.#keep(this.l2Advertisements, { schema: l2AdvertisementSpec, place, object }, l2Findings);
        return;
      case "BGPAdvertisement":
        this.#keep(this.bgpAdvertisements, { schema: bgpAdvertisementSpec, place, object }, bgpFindings);
        return;
      case "BGPPeer":
        this.#keep(this.peers, { schema: peerSpec, place, object }, peerFindings);
        return;
      case "BFDProfile":
        this.#keep(this.bfdProfiles, { schema: bfdProfileSpec, place, object }, nothingWrong);
        return;
      case "Community":
        this.#keep(this.communities, { schema: communitySpec, place, object }, nothingWrong);
        return;
      case "AddressReservation":
        this.#keep(this.reservations, { schema: reservationSpec, place, object }, reservationFindings);
        return;
      case "AddressConflict":
        this.#keep(this.conflicts, { schema: conflictSpec, place, object }, nothingWrong);
        return;
      default:
        // The others only report.
        return;
    }
  }

  #keep<Spec>(
    into: Placed<Spec>[],
    {
      schema,
      place,
      object,
    }: { readonly schema: GenericSchema<unknown, Spec>; readonly place: Place; readonly object: Section },
    rules: (spec: Spec) => readonly Finding[],
  ): void {
    if (!this.#isNew(place)) return;
    const { spec, findings } = readSpec(schema, object);
    const all = spec === undefined ? findings : [...findings, ...rules(spec)];
    this.problems.push(...all.map((finding) => problemIn(place, finding)));
    if (spec === undefined) this.unread.add(place.kind);
    else into.push({ place, spec });
  }

  /** Whether no object of this kind had this name before, in whatever namespace. */
  #isNew(place: Place): boolean {
    const names = this.#namesOf.get(place.kind) ?? new Set();
    this.#namesOf.set(place.kind, names);
    if (!names.has(place.name)) {
      names.add(place.name);
      return true;
    }
    const message = `there is another ${place.kind} named ${show(place.name)}`;
    this.problems.push(problemIn(place, error(["metadata", "name"], message, "Rename one of them.")));
    return false;
  }
}
