/** Makes any value printable, and leaves out what a log must not hold. */

const SECRET_WORDS: ReadonlySet<string> = new Set([
  "password",
  "passphrase",
  "secret",
  "token",
  "key",
  "authorization",
  "cookie",
]);
const REDACTED = "[redacted]";
const MAX_DEPTH = 5;
const MAX_TEXT = 8_192;

/** Whether a field of this name holds a secret: its last word says so (`token`, `apiKey`, `auth_password`). */
const isSecret = (name: string): boolean => {
  const words = name.replace(/([a-z\d])([A-Z])/g, "$1 $2").split(/[^a-zA-Z\d]+/);
  return SECRET_WORDS.has((words.at(-1) ?? "").toLowerCase().replace(/s$/, ""));
};

const shorten = (text: string): string =>
  text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}... (${text.length} characters)`;

const printableError = (error: Error, depth: number): unknown => {
  const code = "code" in error ? { code: printable(error.code, depth + 1) } : {};
  const cause = error.cause === undefined ? {} : { cause: printable(error.cause, depth + 1) };
  return { name: error.name, message: shorten(error.message), ...code, ...cause };
};

/** A copy of `value` of plain objects, arrays, texts, numbers and booleans, at most five levels deep. */
const printable = (value: unknown, depth = 0): unknown => {
  if (typeof value === "string") return shorten(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value !== "object") return String(value);
  if (depth >= MAX_DEPTH) return "...";
  if (value instanceof Error) return printableError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (Array.isArray(value)) return value.map((item) => printable(item, depth + 1));
  if (value instanceof Map) return printable(Object.fromEntries(value), depth);
  if (value instanceof Set) return printable([...value], depth);
  return printableFields(value, depth);
};

/** The fields of an object with secrets redacted; those that are `undefined` are left out. */
export const printableFields = (fields: object, depth = 0): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, isSecret(name) ? REDACTED : printable(value, depth + 1)]),
  );
