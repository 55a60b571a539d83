/**
 * Hands on to the writers what they go by: what the wire says, and that placements or the cluster have changed.
 *
 * The interfaces of this node are reported as soon as the cluster has been read, since other nodes decide by them. All else waits until
 * placements are known: who knows none would take back what is true.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Takeover } from "#core/service-condition/announced";
import type { FollowingParts } from "./following.ts";
import type { Heard, News } from "./heard.ts";
import type { ClusterMirror } from "./mirror.ts";
import { strangersOf } from "./strangers.ts";
import type { Duplicate } from "./writers/conflicts.ts";
import { type SomeChanges, Writers, type WritersParts } from "./writers/writers.ts";

type Parts = Pick<FollowingParts, "cluster" | "clock" | "heard" | "tell" | "options">;

/** Machines that are none of ours and answer for addresses, and what becomes of these. */
export const duplicatesOf = (
  { view }: Pick<Heard, "view">,
  strangers: ReadonlyMap<IpAddress, MacAddress>,
): ReadonlyMap<IpAddress, Duplicate> =>
  new Map(
    [...strangers].map(([address, mac]: readonly [IpAddress, MacAddress]): [IpAddress, Duplicate] => {
      const state = view.addresses.get(address)?.state;
      const isHeld = state === "holding" || state === "yielding";
      const stage = isHeld ? "held" : view.unused.has(address) ? "unused" : "used";
      return [address, { mac, stage }];
    }),
  );

/** How this node came by an address that it holds, if it took that from a node that fell silent. */
const takeoverOf = ({ view }: Pick<Heard, "view">, address: IpAddress): Takeover | undefined => {
  const known = view.addresses.get(address);
  if (known?.state !== "holding" || known.peer === undefined || known.outage === undefined) return undefined;
  return { from: known.peer, at: known.since, outage: known.outage };
};

export class Reporter {
  readonly #heard: Heard;
  readonly #writers: Writers;
  readonly #strangers: () => ReadonlyMap<IpAddress, MacAddress>;
  /** What the writers have yet to be told. */
  readonly #untold = new Set<News>(["voices", "links", "verdicts", "observation"]);
  #knows: "nothing" | "cluster" | "placements" = "nothing";
  #isPlanned = false;

  constructor(
    { cluster, clock, heard, tell, options }: Parts,
    {
      mirror,
      placements,
      routing,
    }: { readonly mirror: ClusterMirror } & Required<Pick<WritersParts, "placements" | "routing">>,
  ) {
    this.#heard = heard;
    const { node: self, namespace, rules, probe } = options;
    const reportOf = (node: string) => mirror.reportOf(node);
    this.#strangers = () =>
      strangersOf({ heard: heard.view.duplicates, rules, nodes: mirror.nodes(), reportOf });
    // What MetalLB's speakers answer for until they are gone is no conflict.
    const conflicts = rules === "metallb" ? "expected" : "reported";
    this.#writers = new Writers({
      ...{ cluster, clock, mirror, placements, routing, self, namespace, conflicts, tell },
      probing: probe ? "on" : "off",
      takeoverOf: (address) => takeoverOf(heard, address),
    });
  }

  /** Writes that wait for their turn or for the API server. */
  get waiting(): number {
    return this.#writers.waiting;
  }

  /** The cluster has been read. */
  begin(): void {
    if (this.#knows !== "nothing") return;
    this.#knows = "cluster";
    this.#hand();
  }

  /** What routers are told is another thing than before. */
  routesChanged(): void {
    if (this.#knows === "placements") this.#writers.changed();
  }

  /** Everything has been decided about, or again after a change: of some, or of who knows which. */
  decided(some?: SomeChanges): void {
    if (this.#knows === "placements") {
      this.#writers.changed(some);
      // Another node may have told of its interfaces.
      if (this.#heard.view.duplicates.size > 0) this.heardNews(["observation"]);
      return;
    }
    this.#knows = "placements";
    this.#hand();
  }

  /** Machines that are none of ours, by the address that they answer for. */
  get strangers(): ReadonlyMap<IpAddress, MacAddress> {
    return this.#strangers();
  }

  /** The wire has said something. */
  heardNews(news: readonly News[]): void {
    for (const each of news) this.#untold.add(each);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#hand();
    });
  }

  /** Ends once what must be written has been written, or cannot be. */
  async close(): Promise<void> {
    this.#hand();
    await this.#writers.close();
  }

  #hand(): void {
    if (this.#knows === "nothing") return;
    const { voices, links, verdicts } = this.#heard;
    if (this.#untold.delete("links")) this.#writers.links(links);
    if (this.#knows === "cluster") return;
    if (this.#untold.delete("voices")) this.#writers.announced(voices);
    if (this.#untold.delete("verdicts")) this.#writers.verdicts(verdicts);
    if (this.#untold.delete("observation"))
      this.#writers.duplicates(duplicatesOf(this.#heard, this.strangers));
  }
}
