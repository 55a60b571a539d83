/** The parts of the wire process, and what each tells the others. */
import type { IpAddress } from "#base/address";
import { after, type Instant, micros, millis, seconds } from "#base/time";
import type { Authentication } from "#core/bfd/authentication";
import type { SpeakerEvent } from "#core/speaker/event";
import { emptySpeakerView, projectSpeaker, type SpeakerView } from "#core/speaker/view";
import type { ChildExit } from "#drivers/ipc/child";
import { createJournal, type Journal } from "#runtime/journal";
import { isStranger, type PlacementWord } from "../fast/desired.ts";
import { Probes } from "../fast/probes.ts";
import { Speaker } from "../fast/speaker.ts";
import type { AgentToWire } from "../messages.ts";
import { EXIT } from "../options.ts";
import { Agent } from "./agent.ts";
import { type Ending, WireBgp } from "./bgp/bgp.ts";
import { Knowledge } from "./knowledge.ts";
import { News } from "./news.ts";
import type { WireParts } from "./parts.ts";
import { reportedLinks } from "./reported-links.ts";
import { Saving } from "./saving.ts";
import { readState, type SavedState, stateText } from "./state.ts";
import { Thrift } from "./thrift.ts";

/** Observations that a late agent can still be given: two for each of ten thousand addresses that one death moves. */
const JOURNAL_CAPACITY = 25_000;
/** How long an agent has to tell everything before what is on disk must do. */
const ALONE_AFTER = seconds(10);
/** How much longer than the hand-over itself may take it is waited for. */
const LEAVE_MARGIN = seconds(1);
/** Placements that are taken in one turn. */
const SLICE = 256;
const RECALL_PAUSE = millis(1);

/** Different ones that are complained of. */
const MOST_REFUSALS = 20;

/** Whether this does not mend itself: another program has the port, a right is missing, a firewall drops what is sent. */
const isRefusal = (what: string): boolean => /: (?:EADDRINUSE|EPERM|EACCES|EMFILE|ENFILE)$/.test(what);

type Phase = "running" | "leaving" | "ending" | "over";

export class Wire {
  readonly #parts: WireParts;
  readonly #journal: Journal<SpeakerEvent, SpeakerView>;
  readonly #news: News;
  readonly #knowledge = new Knowledge();
  readonly #saving: Saving<SavedState>;
  readonly #speaker: Speaker;
  readonly #bgp: WireBgp;
  readonly #probes: Probes | undefined;
  readonly #agent: Agent | undefined;
  readonly #thrift: Thrift;
  readonly #refusals = new Set<string>();
  /** Whether this node knows anything of the cluster, from an agent or from disk. */
  #isInformed = false;
  /** Whether some agent of this run has told everything. */
  #isComplete = false;
  #phase: Phase = "running";

  constructor(parts: WireParts) {
    this.#parts = parts;
    this.#thrift = new Thrift({ ...parts, ...parts.memory });
    const { node, facts, deadlines, now, netlink } = parts;
    this.#journal = createJournal<SpeakerEvent, SpeakerView>({
      ...{ capacity: JOURNAL_CAPACITY, view: emptySpeakerView(), project: projectSpeaker },
      onObservation: () => this.#agent?.tellSoon(),
    });
    this.#news = new News(
      (address) => this.#speaker.interfacesOf(address),
      () => this.#bgp.facts(),
    );
    this.#tell({ type: "speaker", change: "started", detail: `${facts.version} on ${node}` });
    this.#saving = new Saving({
      ...{ subject: "what is on disk", deadlines, openState: parts.openState },
      read: (text) => readState(node, text),
      text: () => this.#stateText(),
      tell: (event) => this.#tell(event),
    });
    this.#speaker = this.#openSpeaker();
    this.#bgp = this.#openBgp();
    this.#probes = this.#openProbes();
    const watching = netlink.subscribe((change) => {
      if (this.#speaker.networkChanged(change, now())) this.#bgp.linksChanged(now());
    });
    if (!watching.ok) throw new Error(`${watching.error.request}: ${watching.error.code}`);
    this.#agent = new Agent({
      ...{ journal: this.#journal, news: this.#news, facts, deadlines, now },
      startAgent: parts.startAgent,
      onBegin: () => {
        this.#knowledge.begin();
        this.#bgp.begin();
      },
      onMessage: (message) => this.#onAgent(message),
      onExit: (exit) => this.#onAgentExit(exit),
    });
    deadlines.set("alone", after(now(), ALONE_AFTER), (at) => this.#goAlone(at));
    deadlines.set("bgp alone", after(now(), ALONE_AFTER), (at) => this.#bgp.goAlone(at));
  }

  /** The secret file has changed. */
  setAuthentication(reading: Authentication | string): void {
    if (typeof reading === "string") {
      this.#tell({ type: "secret", change: "refused", detail: reading });
      return;
    }
    this.#speaker.setAuthentication(reading, this.#parts.now());
    this.#tell({ type: "secret", change: "replaced" });
  }

  /** Lets others take over, then ends: told twice, at once. */
  stop(why: string, ending: Ending = "unsaid"): void {
    if (this.#phase !== "running") {
      this.#agent?.kill();
      this.#finish();
      return;
    }
    this.#phase = "leaving";
    const now = this.#parts.now();
    this.#tell({ type: "speaker", change: "leaving", detail: why });
    const { ownership, bgpLeaveLimit } = this.#parts;
    const limit = micros(Math.max(ownership.handOverLimit, bgpLeaveLimit) + LEAVE_MARGIN);
    this.#parts.deadlines.set("leave", after(now, limit), () => void this.#left());
    const staying = new Set(["addresses", "sessions"]);
    const leave = (what: string): void => {
      staying.delete(what);
      // Not from within a decision.
      if (staying.size === 0) this.#parts.deadlines.set("leave", this.#parts.now(), () => void this.#left());
    };
    this.#speaker.leave(now, () => leave("addresses"));
    this.#bgp.leave(ending, () => leave("sessions"));
  }

  async #left(): Promise<void> {
    if (this.#phase !== "leaving") return;
    this.#phase = "ending";
    this.#tell({ type: "speaker", change: "stopping" });
    this.#saving.close();
    this.#bgp.save();
    await this.#agent?.stop();
    this.#finish();
  }

  #finish(status: number = EXIT.ok): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#probes?.close();
    this.#bgp.close();
    this.#speaker.close();
    this.#parts.end(status);
  }

  #stateText(): string {
    const { members = [] } = this.#knowledge;
    return stateText(this.#parts.node, { members, placements: this.#knowledge.placements() });
  }

  #openSpeaker(): Speaker {
    const { node, responder } = this.#parts;
    return new Speaker({
      ...{ ...this.#parts, self: node },
      tell: (event) => this.#tell(event),
      count: (what) => this.#count(what),
      onVoices: (addresses) => this.#onVoices(addresses),
      onLinks: (nodeLinks) => {
        this.#news.setLinks(reportedLinks(nodeLinks, responder));
        this.#probes?.linksChanged(this.#parts.now());
        this.#agent?.tellSoon();
      },
    });
  }

  #openBgp(): WireBgp {
    const { openBgpState: openState, openBgp: open } = this.#parts;
    const { bfd, links } = this.#speaker;
    return new WireBgp({
      ...{ ...this.#parts, openState, open, bfd, links, tell: (event) => this.#tell(event) },
      onFacts: () => {
        this.#news.factsMayChange();
        this.#agent?.tellSoon();
      },
    });
  }

  #openProbes(): Probes {
    return new Probes({
      ...this.#parts,
      mayAsk: (address) => this.#mayAsk(address),
      isStranger: (mac) => isStranger(this.#knowledge.members ?? [], mac),
      onVerdict: (address, verdict) => {
        this.#news.setVerdict(address, verdict);
        this.#agent?.tellSoon();
      },
      tell: (event) => this.#tell(event),
      count: (what) => this.#count(what),
    });
  }

  /** One that is held here does not answer from here, and a node that hears nobody hears no answers. */
  #mayAsk(address: IpAddress): boolean {
    const { company } = this.#journal.view;
    return (company === "accompanied" || company === "alone") && !this.#speaker.answers(address);
  }

  #tell(event: SpeakerEvent): void {
    if (event.type === "address-state") this.#thrift.note(1);
    this.#journal.record(event, this.#parts.time());
  }

  #count(what: string): void {
    this.#news.count(what);
    if (isRefusal(what) && !this.#refusals.has(what) && this.#refusals.size < MOST_REFUSALS) {
      this.#refusals.add(what);
      this.#parts.complain(what);
    }
    this.#agent?.tellSoon();
  }

  #onVoices(addresses: Iterable<IpAddress>): void {
    this.#news.voicesMayChange(addresses);
    this.#agent?.tellSoon();
  }

  #onAgent(message: AgentToWire): void {
    const now = this.#parts.now();
    switch (message.type) {
      case "members":
        if (this.#knowledge.setMembers(message.members)) this.#setMembers(now);
        break;
      case "placements":
        this.#place(this.#knowledge.place(message), now);
        break;
      case "all-placed":
        this.#isComplete = true;
        this.#parts.deadlines.set("alone", undefined, () => {});
        this.#place({ changed: [], removed: this.#knowledge.end() }, now);
        this.#speaker.allPlaced(now);
        this.#saving.saveSoon(now);
        break;
      case "probes":
        this.#news.keepVerdicts(new Set(message.duties.map(({ address }) => address)));
        this.#probes?.setDuties(message.duties, now);
        break;
      case "event":
        this.#tell(message.event);
        break;
      case "bgp-peers":
      case "bgp-routes":
      case "bgp-stance":
      case "bgp-complete":
        this.#bgp.onAgent(message, now);
        break;
      default:
      // Its first word has been read before.
    }
  }

  #setMembers(now: Instant): void {
    this.#isInformed = true;
    this.#speaker.setMembers(this.#knowledge.members ?? [], now);
    if (this.#isComplete) this.#saving.saveSoon(now);
  }

  #place(
    { changed, removed }: { changed: readonly PlacementWord[]; removed: readonly IpAddress[] },
    now: Instant,
  ): void {
    this.#isInformed = true;
    if (changed.length + removed.length === 0) return;
    this.#thrift.note(changed.length + removed.length);
    this.#speaker.place(changed, removed, now);
    // What is known in part must not take the place of what is on disk.
    if (this.#isComplete) this.#saving.saveSoon(now);
  }

  /** Nobody has told everything: the API server may be away. What an earlier run knew is better than nothing. */
  #goAlone(now: Instant): void {
    const saved = this.#saving.load();
    if (saved === undefined) return;
    const { members, placements } = saved;
    const count = placements.length;
    const detail = `${count} address${count === 1 ? "" : "es"}, ${members.length} speakers`;
    this.#tell({ type: "speaker", change: "alone", detail });
    if (this.#knowledge.members === undefined && this.#knowledge.setMembers(members)) this.#setMembers(now);
    this.#recall(placements, now);
  }

  /** In parts: there may be thousands. An agent that begins to tell meanwhile knows better. */
  #recall(placements: readonly PlacementWord[], now: Instant): void {
    this.#place(this.#knowledge.recall(placements.slice(0, SLICE)), now);
    const rest = placements.slice(SLICE);
    const next = rest.length > 0 ? after(now, RECALL_PAUSE) : undefined;
    this.#parts.deadlines.set("alone", next, (at) => this.#recall(rest, at));
  }

  #onAgentExit({ code, signal, pid, stranger }: ChildExit): "restart" | "leave" {
    if (this.#phase !== "running") return "leave";
    // It has said why on standard error, such as an address to listen on that another program has. Nothing depends on us yet.
    if (!this.#isInformed && !this.#bgp.isInformed && code !== null && code !== EXIT.ok) {
      this.#finish(code);
      return "leave";
    }
    const detail = `pid ${pid}: ${stranger ?? (signal === null ? `status ${code}` : signal)}`;
    this.#tell({ type: "process", part: "agent", change: "exited", detail });
    return "restart";
  }
}
