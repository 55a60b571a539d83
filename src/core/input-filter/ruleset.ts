/** Reads a ruleset in nft's JSON (libnftables-json(5)). What is not understood is left out, and never throws. */
import { type Fields, fieldsOf, listOf, textOf } from "#core/kubernetes/read";

export type Chain = {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Of a chain that the kernel itself calls: where, in which order, and what becomes of what no rule decides on. */
  readonly base:
    | {
        readonly hook: string;
        readonly type: string;
        readonly priority: number;
        readonly policy: "accept" | "drop";
        /** Of the hooks of an interface: which one. */
        readonly devices: readonly string[];
      }
    | undefined;
  readonly rules: readonly Rule[];
};

export type Rule = {
  /** The number by which `nft delete rule` knows it. */
  readonly handle: number;
  readonly statements: readonly Fields[];
};

export type Ruleset = {
  readonly chains: readonly Chain[];
  /** What a chain is found by. */
  readonly chainByKey: ReadonlyMap<string, Chain>;
  /** Elements of named sets. */
  readonly setByKey: ReadonlyMap<string, readonly unknown[]>;
};

/** The key of a chain or a set in the maps of a ruleset. */
export const keyOf = (family: string, table: string, name: string): string => `${family} ${table} ${name}`;

const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);

const baseOf = (fields: Fields): Chain["base"] => {
  const hook = textOf(fields.hook);
  if (hook === "") return undefined;
  const devices = Array.isArray(fields.dev) ? fields.dev.map(textOf) : [textOf(fields.dev)];
  return {
    ...{ hook, type: textOf(fields.type), priority: numberOf(fields.prio) },
    policy: fields.policy === "drop" ? "drop" : "accept",
    devices: devices.filter((device) => device !== ""),
  };
};

/** Reads the text; `undefined` if it is no ruleset. */
export const decodeRuleset = (text: string): Ruleset | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { nftables } = fieldsOf(value);
  if (!Array.isArray(nftables)) return undefined;
  const rulesByKey = new Map<string, Rule[]>();
  const setByKey = new Map<string, readonly unknown[]>();
  const heads: Omit<Chain, "rules">[] = [];
  for (const item of nftables.map(fieldsOf)) {
    const [chain, rule, set] = [item.chain, item.rule, item.set].map(fieldsOf);
    if (item.chain !== undefined && chain !== undefined) {
      const [family, table, name] = [chain.family, chain.table, chain.name].map(textOf);
      heads.push({ family: family ?? "", table: table ?? "", name: name ?? "", base: baseOf(chain) });
    } else if (item.rule !== undefined && rule !== undefined) {
      const key = keyOf(textOf(rule.family), textOf(rule.table), textOf(rule.chain));
      const rules = rulesByKey.get(key) ?? [];
      rules.push({ handle: numberOf(rule.handle), statements: listOf(rule.expr).map(fieldsOf) });
      rulesByKey.set(key, rules);
    } else if (item.set !== undefined && set !== undefined && Array.isArray(set.elem)) {
      setByKey.set(keyOf(textOf(set.family), textOf(set.table), textOf(set.name)), set.elem);
    }
  }
  const chains = heads.map((head) => ({
    ...head,
    rules: rulesByKey.get(keyOf(head.family, head.table, head.name)) ?? [],
  }));
  const chainByKey = new Map(chains.map((chain) => [keyOf(chain.family, chain.table, chain.name), chain]));
  return { chains, chainByKey, setByKey };
};
