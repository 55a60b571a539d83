/** Who may connect to us: a listener for each family and VRF that peers are in, which admits their addresses alone. */
import { familyOf, type IpFamily } from "#base/address";
import { after, type Instant, seconds } from "#base/time";
import type { BgpSettings } from "#core/bgp/desired";
import type { BgpCaller, BgpConnection, BgpError, BgpEvents, BgpListener } from "#drivers/bgp/port";
import type { BgpSpeakerParts } from "./parts.ts";
import type { Peer } from "./peer.ts";
import { hopsOf } from "./peer-word.ts";

type Place = { readonly family: IpFamily; readonly vrf: string | undefined };

type Ear = {
  readonly place: Place;
  readonly port: number;
  listener: BgpListener | undefined;
  /** What the kernel said last; `undefined`: nothing yet, or that it listens. */
  refused: string | undefined;
  /** Who may call, as it was said to the listener last. */
  callers: string;
  /** What the kernel did not take of that. */
  problems: readonly string[];
};

/** How a place is listened to. */
export type ListeningState = Place & {
  readonly port: number;
  /** Why not; `undefined`: it is. */
  readonly refused: string | undefined;
  readonly accepted: number;
  /** Connections of strangers. */
  readonly strangers: number;
};

/** Another daemon may end, a VRF may come. */
const RETRY = seconds(5);

const keyOf = ({ family, vrf }: Place): string => `${family} ${vrf ?? ""}`;

const callerOf = (peer: Peer): BgpCaller | undefined => {
  const { where, word } = peer;
  if (where === undefined) return undefined;
  return { address: where.address, link: where.link, password: word.password, hops: hopsOf(word) };
};

export class Listening {
  readonly #parts: Pick<BgpSpeakerParts, "tcp" | "deadlines" | "now" | "tell">;
  readonly #ears = new Map<string, Ear>();
  #peers: readonly Peer[] = [];
  #toldProblems: string | undefined;

  constructor(parts: Pick<BgpSpeakerParts, "tcp" | "deadlines" | "now" | "tell">) {
    this.#parts = parts;
  }

  /** Listens as settings say, to these peers. */
  set(listen: BgpSettings["listen"], peers: readonly Peer[], now: Instant): void {
    this.#peers = peers;
    const wanted = new Map(
      listen === undefined ? [] : peers.flatMap(placeOf).map((place) => [keyOf(place), place]),
    );
    for (const [key, ear] of this.#ears) {
      if (wanted.has(key) && ear.port === listen?.port) continue;
      ear.listener?.close();
      this.#ears.delete(key);
    }
    for (const [key, place] of wanted) {
      if (this.#ears.has(key) || listen === undefined) continue;
      const { port } = listen;
      this.#ears.set(key, {
        place,
        port,
        listener: undefined,
        refused: undefined,
        callers: "",
        problems: [],
      });
    }
    this.#open(now);
  }

  states(): readonly ListeningState[] {
    return [...this.#ears.values()].map(({ place, port, refused, listener }) => {
      const { accepted, refused: strangers } = listener?.counters() ?? { accepted: 0, refused: 0 };
      return { ...place, port, refused, accepted, strangers };
    });
  }

  close(): void {
    for (const { listener } of this.#ears.values()) listener?.close();
    this.#ears.clear();
    this.#parts.deadlines.set("bgp listen", undefined, this.#onRetry);
  }

  readonly #onRetry = (now: Instant): void => this.#open(now);

  #open(now: Instant): void {
    for (const ear of this.#ears.values()) {
      if (ear.listener === undefined) this.#openOne(ear, now);
      this.#admit(ear);
    }
    this.#tellProblems(now);
    const isComplete = [...this.#ears.values()].every(
      ({ listener, problems }) => listener !== undefined && problems.length === 0,
    );
    this.#parts.deadlines.set("bgp listen", isComplete ? undefined : after(now, RETRY), this.#onRetry);
  }

  #openOne(ear: Ear, now: Instant): void {
    const { place, port } = ear;
    const opened = this.#parts.tcp.listen({
      ...{ ...place, port },
      onConnection: (connection) => {
        this.#noteRefusal(ear, undefined);
        return this.#take(place, connection);
      },
      // Without descriptors nobody is let in until there are some again.
      onError: (error) => this.#noteRefusal(ear, error),
    });
    const refused = opened.ok ? undefined : `cannot ${opened.error.operation}: ${opened.error.code}`;
    if (opened.ok || refused !== ear.refused)
      this.#parts.tell({ type: "listening", ...place, port, refused }, now);
    ear.refused = refused;
    ear.callers = "";
    if (opened.ok) ear.listener = opened.value;
  }

  /** What keeps peers from connecting although there is a listener; told once. */
  #noteRefusal(ear: Ear, error: BgpError | undefined): void {
    const refused = error === undefined ? undefined : `cannot ${error.operation}: ${error.code}`;
    if (refused === ear.refused) return;
    ear.refused = refused;
    this.#parts.tell({ type: "listening", ...ear.place, port: ear.port, refused }, this.#parts.now());
  }

  /** What was refused is tried again: the kernel may have had no memory for another key. */
  #admit(ear: Ear): void {
    const isHere = (peer: Peer): boolean => placeOf(peer).some((place) => keyOf(place) === keyOf(ear.place));
    const callers = this.#peers.filter(isHere).flatMap((peer) => callerOf(peer) ?? []);
    const text = JSON.stringify(callers);
    if (ear.listener === undefined || (text === ear.callers && ear.problems.length === 0)) return;
    ear.callers = text;
    ear.problems = ear.listener
      .setCallers(callers)
      .map(({ operation, code }) => `cannot ${operation}: ${code}`);
  }

  #tellProblems(now: Instant): void {
    const problems = [...this.#ears.values()].flatMap((ear) => ear.problems);
    const detail = problems.length === 0 ? undefined : problems.join("; ");
    if (detail === this.#toldProblems) return;
    this.#toldProblems = detail;
    this.#parts.tell({ type: "password-refused", detail }, now);
  }

  #take(place: Place, connection: BgpConnection): BgpEvents | undefined {
    const { local, remote, linkIndex } = connection;
    const fits = (peer: Peer): boolean => {
      const { where, word } = peer;
      if (where?.address !== remote.address || word.vrf !== place.vrf) return false;
      if (where.link !== undefined && where.link.index !== linkIndex) return false;
      return word.sourceAddress === undefined || word.sourceAddress === local.address;
    };
    const candidates = this.#peers.filter(fits);
    const exact = candidates.find(({ word }) => word.sourceAddress !== undefined);
    return (exact ?? candidates[0])?.accept(connection);
  }
}

const placeOf = ({ where, word }: Peer): readonly Place[] =>
  where === undefined ? [] : [{ family: familyOf(where.address), vrf: word.vrf }];
