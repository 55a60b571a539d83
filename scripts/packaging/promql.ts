/**
 * Finds what an expression of PromQL refers to, so that a test can compare it with the metrics that there are.
 *
 * No parser: whether Prometheus takes the expression is Prometheus' affair. What is not understood is an error.
 */

/** A metric as it is selected, with the labels that are compared. */
export type Selection = {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
};

/** What an expression refers to. */
export type References = {
  readonly selections: readonly Selection[];
  /** Labels after `by`, `without`, `on`, `ignoring` and `group_left`. */
  readonly labels: readonly string[];
  readonly functions: readonly string[];
};

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(\[[^\]]*\])|([A-Za-z_:][\w:]*)|(\d[\w.]*)|(=~|!~|!=|==|<=|>=|[-+*/%^(){},<>=]))/y;

const LABEL_LISTS = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const OPERATORS = new Set(["and", "or", "unless", "bool", "offset"]);

const tokenize = (expression: string): readonly string[] => {
  const text = expression.trimEnd();
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new Error(`not understood: ${text.slice(at)}`);
    tokens.push(match[0].trim());
  }
  return tokens;
};

/** The place after the bracket that closes the one at `open`. */
const closing = (tokens: readonly string[], open: number, bracket: string): number => {
  const at = tokens.indexOf(bracket, open);
  if (at < 0) throw new Error(`a bracket is not closed: ${tokens.slice(open).join(" ")}`);
  return at;
};

const readMatchers = (tokens: readonly string[]): Selection["matchers"] => {
  const text = tokens.join(" ");
  if (tokens.length === 0) return [];
  const parts = text.split(" , ").map((part) => /^(\w+) (=|!=|=~|!~) (".*")$/.exec(part));
  return parts.map((part) => {
    const [, label = "", operator = "", value = ""] = part ?? [];
    if (part === null) throw new Error(`no comparison of labels: ${text}`);
    return { label, operator, value: String(JSON.parse(value)) };
  });
};

/** Reads an expression. */
export const referencesOf = (expression: string): References => {
  const tokens = tokenize(expression);
  const selections: Selection[] = [];
  const labels: string[] = [];
  const functions: string[] = [];
  let at = 0;
  while (at < tokens.length) {
    const token = tokens[at] ?? "";
    const next = tokens[at + 1];
    at += 1;
    if (!/^[A-Za-z_:]/.test(token) || OPERATORS.has(token)) continue;
    if (LABEL_LISTS.has(token)) {
      const end = closing(tokens, at, ")");
      labels.push(...tokens.slice(at + 1, end).filter((name) => name !== ","));
      at = end + 1;
    } else if (next === "(" || LABEL_LISTS.has(next ?? "")) functions.push(token);
    else if (next === "{") {
      const end = closing(tokens, at, "}");
      selections.push({ metric: token, matchers: readMatchers(tokens.slice(at + 1, end)) });
      at = end + 1;
    } else selections.push({ metric: token, matchers: [] });
  }
  return { selections, labels, functions };
};
