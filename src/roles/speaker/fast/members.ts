/** The other speakers: who they are, the sessions with them (`mesh.ts`), and what is believed of each (`#core/liveness`). */
import type { MacAddress } from "#base/mac";
import { after, type Instant, millis } from "#base/time";
import { DEFAULT_GRACE, DEFAULT_PAIRS } from "#core/liveness/config";
import { Liveness, type SessionCounts, type StandingChange } from "#core/liveness/liveness";
import { peersOf, type Ranked } from "#core/liveness/pairs";
import type { SessionReport, Standing } from "#core/liveness/standing";
import type { SpeakerEvent } from "#core/speaker/event";
import type { Deadlines } from "#runtime/deadlines";
import type { MemberWord } from "./desired.ts";
import { Mesh, type MeshParts, type Word } from "./mesh.ts";
import { type PeerParts, sessionWith } from "./peers.ts";

export type MembersParts = Pick<MeshParts, "hub"> &
  PeerParts & {
    readonly deadlines: Deadlines;
    readonly now: () => Instant;
    readonly self: string;
    /** Who may hold each address of the cluster. */
    readonly placements: () => Iterable<Ranked>;
    readonly tell: (event: SpeakerEvent) => void;
    readonly onStandings: (changes: readonly StandingChange[], sessions: SessionCounts, now: Instant) => void;
    /** A packet of any of them came that counts: then, though it may be read only now. */
    readonly onHeard: (at: Instant) => void;
  };

/** Placements come in many parts, and each may change who is to be watched. */
const MEET_PAUSE = millis(100);

export class Members {
  readonly #parts: MembersParts;
  readonly #mesh: Mesh;
  readonly #liveness = new Liveness(DEFAULT_GRACE);
  readonly #standings = new Map<string, Standing>();
  #authentication: PeerParts["authentication"];
  #times: PeerParts["times"];
  #members: readonly MemberWord[] = [];
  #isMeeting = false;

  constructor(parts: MembersParts) {
    this.#parts = parts;
    this.#authentication = parts.authentication;
    this.#times = parts.times;
    this.#mesh = new Mesh({
      ...parts,
      onReport: (node, report, at) => this.#onReport(node, report, at),
    });
  }

  /** All speakers of the cluster, this node among them. */
  set(members: readonly MemberWord[], now: Instant): void {
    this.#members = members;
    this.meet(now);
  }

  /** What packets are signed with from now on. */
  setAuthentication(authentication: PeerParts["authentication"], now: Instant): void {
    this.#authentication = authentication;
    this.meet(now);
  }

  /** After how many missing packets peers are to call this node dead, from now on. */
  setMultiplier(bfdMultiplier: number, now: Instant): void {
    this.#times = { ...this.#times, bfdMultiplier };
    this.meet(now);
  }

  /** The MAC addresses of a node. */
  macsOf(node: string): readonly MacAddress[] {
    return this.#members.find(({ name }) => name === node)?.macs ?? [];
  }

  /** When a packet of a node was last heard that counts; `undefined` without a session. */
  heardAt(node: string): Instant | undefined {
    return this.#mesh.heardAt(node);
  }

  /** Keeps sessions with whom they are needed. */
  meet(now: Instant): void {
    const { self, placements } = this.#parts;
    const me = this.#members.find(({ name }) => name === self);
    const names = this.#members.map(({ name }) => name);
    const cluster = { members: names, placements: placements() };
    const wanted = new Set(me === undefined ? [] : peersOf(self, cluster, DEFAULT_PAIRS));
    const parts: PeerParts = { ...this.#parts, authentication: this.#authentication, times: this.#times };
    this.#mesh.setPeers(
      this.#members.flatMap((member) =>
        me !== undefined && wanted.has(member.name) ? (sessionWith(me, member, parts) ?? []) : [],
      ),
      now,
    );
    const others = this.#members
      .filter(({ name }) => name !== self)
      .map(({ name, api }) => ({ name, api, isWatched: wanted.has(name) }));
    this.#standingsChanged(this.#liveness.setMembers(others, now), now);
  }

  /** The same, soon: more may change until then. */
  meetSoon(now: Instant): void {
    if (this.#isMeeting) return;
    this.#isMeeting = true;
    this.#parts.deadlines.set("meet", after(now, MEET_PAUSE), (at) => {
      this.#isMeeting = false;
      this.meet(at);
    });
  }

  /** Says something on every session. */
  say(word: Word, now: Instant): void {
    this.#mesh.say(word, now);
  }

  /** Says on every session that this node holds nothing any more; it goes on. */
  vacate(now: Instant): void {
    this.#mesh.vacate(now);
  }

  /** Sends and reads what is due, in the midst of long work. */
  beat(now: Instant): void {
    this.#mesh.beat(now);
  }

  /** Reads what is queued. */
  drain(): void {
    this.#mesh.drain();
  }

  close(): void {
    this.#mesh.close();
    for (const id of ["liveness", "meet"]) this.#parts.deadlines.set(id, undefined, () => {});
  }

  #onReport(node: string, report: SessionReport, now: Instant): void {
    this.#standingsChanged(this.#liveness.report(node, report, now), now);
  }

  #standingsChanged(changes: readonly StandingChange[], now: Instant): void {
    for (const change of changes) this.#tell(change);
    this.#parts.onStandings(changes, this.#liveness.sessions(), now);
    this.#parts.deadlines.set("liveness", this.#liveness.deadline(), this.#onLiveness);
  }

  #tell({ node, standing }: StandingChange): void {
    const { tell } = this.#parts;
    const before = this.#standings.get(node);
    const from = before?.name ?? "unknown";
    const isGone = standing.name === "dead" && standing.cause === "not-a-member";
    if (isGone) this.#standings.delete(node);
    else this.#standings.set(node, standing);
    if (from !== standing.name || isGone) {
      const cause = standing.name === "dead" ? { cause: standing.cause } : {};
      tell({ type: "member", node, from, to: standing.name, ...cause });
    }
    if (standing.name !== "alive") return;
    const heard = before?.name === "alive" ? before.hearsUs : "unknown";
    if (heard !== standing.hearsUs) tell({ type: "hearing", node, hearsUs: standing.hearsUs });
  }

  readonly #onLiveness = (now: Instant): void => {
    this.#mesh.drain();
    this.#standingsChanged(this.#liveness.timer(now), now);
  };
}
