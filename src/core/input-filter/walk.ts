/** Walks the chains that a packet passes which is for this machine, or goes through it. */
import { type Fields, fieldsOf, listOf, textOf } from "#core/kubernetes/read";
import { every, type Fits, fitsMatch, fitsValue } from "./match.ts";
import type { Packet } from "./packet.ts";
import { type Chain, keyOf, type Rule, type Ruleset } from "./ruleset.ts";

/** Where something was decided: `inet filter input`, and by its policy or a rule. */
export type Place = {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly by: string;
};

export type Answer =
  | { readonly type: "accepted" }
  /** `base`: the chain of the kernel's that it came through, in which a rule at the front would help. */
  | { readonly type: "dropped"; readonly place: Place; readonly base: Place }
  /** It depends on what cannot be seen from here. */
  | { readonly type: "unknown"; readonly place: Place };

type Verdict = "accept" | "drop";
/** What became of it so far: certain verdict, if there is one, and which verdicts other circumstances may give. */
type Outcome = {
  readonly verdict?: { readonly is: Verdict; readonly place: Place };
  readonly left?: "return";
};

/** Where a statement stands, and whether what comes before it is sure. */
type Standing = { readonly place: Place; readonly depth: number; readonly isCertain: boolean };

/** As deep as the kernel lets chains jump (NFT_JUMP_STACK_SIZE), and more rules than any machine has. */
const DEEPEST = 16;
const MOST_STEPS = 200_000;

/** What a packet for this machine passes before it is delivered, as the kernel calls it. */
const HOOKS = ["ingress", "prerouting", "input"];
/** What one passes that goes on, from where its destination is translated. What comes before sees the old one. */
const FORWARD_HOOKS = ["forward", "postrouting"];

const hooksOf = ({ leavesBy }: Packet): readonly string[] => (leavesBy === undefined ? HOOKS : FORWARD_HOOKS);

const FAMILIES: Readonly<Record<Packet["family"], readonly string[]>> = {
  IPv4: ["inet", "ip", "netdev"],
  IPv6: ["inet", "ip6", "netdev"],
};

const CONTINUE: Outcome = {};

class Walk {
  readonly #ruleset: Ruleset;
  readonly #packet: Packet;
  #steps = 0;
  /** Verdicts that rules would give which may apply or not, and the first of their places. */
  readonly maybe = new Map<Verdict, Place>();

  constructor(ruleset: Ruleset, packet: Packet) {
    this.#ruleset = ruleset;
    this.#packet = packet;
  }

  chain(chain: Chain, depth: number, certain: boolean): Outcome {
    if (depth > DEEPEST) return CONTINUE;
    for (const rule of chain.rules) {
      this.#steps += 1;
      if (this.#steps > MOST_STEPS) return CONTINUE;
      const outcome = this.#rule(chain, rule, depth, certain);
      if (outcome.verdict !== undefined || outcome.left !== undefined) return outcome;
    }
    return CONTINUE;
  }

  #rule(chain: Chain, { handle, statements }: Rule, depth: number, certain: boolean): Outcome {
    const place = placeOf(chain, `rule ${handle}`);
    let fits: Fits = true;
    for (const statement of statements) {
      fits = every([fits, this.#fits(chain, statement)]);
      if (fits === false) return CONTINUE;
      const isCertain = certain && fits === true;
      const outcome = this.#verdict(chain, statement, { place, depth, isCertain });
      if (outcome === undefined) continue;
      if (isCertain) return outcome;
      // It may have ended here; it may as well have gone on.
      return CONTINUE;
    }
    return CONTINUE;
  }

  #fits(chain: Chain, statement: Fields): Fits {
    const sets = (name: string) => this.#ruleset.setByKey.get(keyOf(chain.family, chain.table, name));
    if (statement.match !== undefined) return fitsMatch(statement.match, this.#packet, sets);
    if (statement.limit !== undefined || statement["ct count"] !== undefined) return undefined;
    if (statement.xt === undefined) return true;
    const { type, name } = fieldsOf(statement.xt);
    if (type !== "match" || name === "comment") return type === "match" ? true : undefined;
    // iptables' way to let in what belongs to connections that are there; a first packet does not.
    return name === "conntrack" || name === "state" ? false : undefined;
  }

  /** What a statement does to the packet; `undefined` if it only does something else. */
  #verdict(chain: Chain, statement: Fields, at: Standing): Outcome | undefined {
    const decide = (is: Verdict): Outcome => {
      if (!at.isCertain && !this.maybe.has(is)) this.maybe.set(is, at.place);
      return { verdict: { is, place: at.place } };
    };
    if ("accept" in statement) return decide("accept");
    if ("drop" in statement || "reject" in statement) return decide("drop");
    if ("return" in statement) return { left: "return" };
    const { jump, goto, vmap } = statement;
    if (jump !== undefined || goto !== undefined) {
      const name = textOf(fieldsOf(jump ?? goto).target);
      const target = this.#ruleset.chainByKey.get(keyOf(chain.family, chain.table, name));
      if (target === undefined) return undefined;
      const { verdict } = this.chain(target, at.depth + 1, at.isCertain);
      if (verdict !== undefined) return { verdict };
      return goto === undefined ? undefined : { left: "return" };
    }
    return vmap === undefined ? undefined : this.#map(chain, fieldsOf(vmap), at);
  }

  #map(chain: Chain, { key, data }: Fields, at: Standing): Outcome | undefined {
    const sets = (name: string) => this.#ruleset.setByKey.get(keyOf(chain.family, chain.table, name));
    for (const pair of listOf(fieldsOf(data).set)) {
      const [value, verdict] = listOf(pair);
      const fits = fitsValue(key, value, this.#packet, sets);
      if (fits === false) continue;
      const isCertain = at.isCertain && fits === true;
      const outcome = this.#verdict(chain, fieldsOf(verdict), { ...at, isCertain });
      if (isCertain) return outcome;
    }
    return undefined;
  }
}

const placeOf = ({ family, table, name }: Chain, by: string): Place => ({ family, table, chain: name, by });

/** The chains that the kernel calls for this packet, in its order. */
const baseChains = ({ chains }: Ruleset, packet: Packet): readonly Chain[] => {
  const hooks = hooksOf(packet);
  return chains
    .filter(({ family, base }) => {
      if (base === undefined || base.type !== "filter" || !hooks.includes(base.hook)) return false;
      if (base.devices.length > 0 && !base.devices.includes(packet.interface)) return false;
      return FAMILIES[packet.family].includes(family);
    })
    .sort((left, right) => {
      const rank = ({ base }: Chain): number =>
        hooks.indexOf(base?.hook ?? "") * 1e10 + (base?.priority ?? 0);
      return rank(left) - rank(right);
    });
};

/** What becomes of a packet. Every chain of a hook has to let it in: `accept` ends one chain, and `drop` all. */
export const walk = (ruleset: Ruleset, packet: Packet): Answer => {
  let unknown: Place | undefined;
  for (const chain of baseChains(ruleset, packet)) {
    const walking = new Walk(ruleset, packet);
    const { verdict } = walking.chain(chain, 0, true);
    const policy = { is: chain.base?.policy ?? "accept", place: placeOf(chain, "its policy") };
    const { is, place } = verdict ?? policy;
    const other = walking.maybe.get(is === "drop" ? "accept" : "drop");
    if (other !== undefined) unknown ??= other;
    else if (is === "drop") return { type: "dropped", place, base: placeOf(chain, "") };
  }
  return unknown === undefined ? { type: "accepted" } : { type: "unknown", place: unknown };
};
