/** An FRR that only pretends, for tests: it knows the commands that we enter, and prints as FRR 8.4 does. */
import { settingOf } from "#core/frr/settings";
import { addLines, below, type Growing, parseTree, type Tree } from "#core/frr/tree";
import type { FrrFailure, FrrPort } from "./port.ts";

export type FakeFrr = FrrPort & {
  /** Every line that was entered, in order. */
  readonly entered: string[];
  /** Fails the next answers with this, until it is `undefined` again. */
  fails: FrrFailure | undefined;
  /** Lines that are refused. */
  refuses: (line: string) => boolean;
  /** What runs. */
  daemons: readonly string[];
  /** What `sessions` answers. */
  says: string;
  /** Forgets everything that was entered, as FRR does when it is started again. */
  readonly restart: () => void;
  /** Enters lines as somebody else. */
  readonly byHand: (...lines: readonly string[]) => void;
};

const BLOCK = /^(?:router bgp |route-map |address-family |bfd$|profile )/;
/** Settings that are on unless `no` is said, so that `no` is a line of its own. */
const USUALLY_ON = /^(?:bgp default ipv4-unicast|bgp network import-check)$/;
/** What FRR does not print, since it takes it by itself. */
const USUAL =
  /^(?:detect-multiplier 3|(?:receive|transmit)-interval 300|minimum-ttl 254|echo transmit-interval 50)$/;

const grown = (tree: Tree): Growing => new Map([...tree].map(([line, children]) => [line, grown(children)]));

const removeNeighbour = (tree: Growing, address: string): void => {
  for (const [line, children] of tree) {
    if (line.startsWith(`neighbor ${address} `)) tree.delete(line);
    else if (line.startsWith("address-family ")) removeNeighbour(children, address);
  }
};

const remove = (tree: Growing, line: string): void => {
  const address = /^neighbor (\S+)$/.exec(line)?.[1];
  if (address !== undefined) removeNeighbour(tree, address);
  else if (USUALLY_ON.test(line)) below(tree, `no ${line}`);
  else
    for (const each of [...tree.keys()]) if (each === line || each.startsWith(`${line} `)) tree.delete(each);
};

const enter = (tree: Growing, line: string): void => {
  for (const each of [...tree.keys()])
    if (!BLOCK.test(each) && settingOf(each) === settingOf(line)) tree.delete(each);
  if (!USUAL.test(line) && !USUALLY_ON.test(line)) addLines(tree, [line]);
};

const printed = (tree: Tree, indent = ""): readonly string[] =>
  [...tree].flatMap(([line, children]) => {
    const lines = [`${indent}${line}`, ...printed(children, `${indent} `)];
    if (line.startsWith("address-family ")) return [...lines, `${indent}exit-address-family`];
    return BLOCK.test(line) ? [...lines, `${indent}exit`, `${indent}!`] : lines;
  });

/** Starts with what is in its file. */
export const fakeFrr = (saved = ""): FakeFrr => {
  const start = (): Growing => grown(parseTree(saved));
  let root = start();
  const apply = (lines: readonly string[]): string[] => {
    const refused: string[] = [];
    let open: Growing[] = [root];
    for (const raw of lines) {
      const line = raw.trim();
      const [tree = root] = open;
      if (line.startsWith("exit")) open = open.slice(1);
      else if (fake.refuses(line)) refused.push(line);
      else if (line.startsWith("no ")) remove(tree, line.slice("no ".length));
      else if (BLOCK.test(line)) open = [below(tree, line), ...open];
      else enter(tree, line);
      if (open.length === 0) open = [root];
    }
    return refused;
  };
  const fake: FakeFrr = {
    entered: [],
    fails: undefined,
    refuses: () => false,
    daemons: ["zebra", "bgpd", "bfdd"],
    says: "{}",
    running: async () => {
      if (fake.fails !== undefined) return { ok: false, failure: fake.fails };
      const lines = [
        "Building configuration...",
        "",
        "Current configuration:",
        "!",
        ...printed(root),
        "end",
        ` ${fake.daemons.join(" ")}`,
        "",
      ];
      return { ok: true, value: lines.join("\n") };
    },
    configure: async (lines) => {
      if (fake.fails !== undefined) return { ok: false, failure: fake.fails };
      fake.entered.push(...lines);
      const refused = apply(lines);
      return refused.length === 0
        ? { ok: true, value: undefined }
        : { ok: false, failure: { reason: "refused", message: `% Unknown command: ${refused[0]}` } };
    },
    sessions: async () =>
      fake.fails === undefined ? { ok: true, value: fake.says } : { ok: false, failure: fake.fails },
    restart: () => {
      root = start();
    },
    byHand: (...lines) => void apply(lines),
  };
  return fake;
};
