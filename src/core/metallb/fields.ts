/**
 * Building blocks of the schemas, on top of those of `core/config`.
 *
 * They accept what MetalLB's own definitions accept: lists of any length, empty text for "not given". What OpenAPI is to
 * say beyond the type goes into the metadata under `crd`.
 */
import * as v from "valibot";
import type { IpAddress } from "#base/address";
import type { Duration } from "#base/time";
import { integer, oneOf, section, textMap } from "#core/config/fields";
import { show } from "#core/config/problem";
import { parseServiceAddress } from "#core/ipam/block";
import { parseGoDuration } from "./go-duration.ts";

/** Keywords of OpenAPI v3 and of Kubernetes' structural schemas. */
export type Keywords = { readonly [keyword: string]: unknown };

const anyText = v.string(({ input }) =>
  typeof input === "number" || typeof input === "boolean"
    ? `${show(input)} is not text\nPut it in quotes: "${input}".`
    : `${show(input)} is not text\nWrite text.`,
);

/** Text of any content; `""` is kept. */
export const plain = (description: string, crd: Keywords = {}) =>
  v.pipe(anyText, v.metadata({ crd }), v.description(description));

/** Turns text into a value, or says why it is none; `format` is what the reference calls it. */
const parsed = <Value>(
  description: string,
  {
    format,
    what,
    hint,
    crd = {},
    read,
  }: {
    readonly format: string;
    readonly what: string;
    readonly hint: string;
    readonly crd?: Keywords;
    readonly read: (text: string) => { readonly value: Value } | undefined;
  },
) =>
  v.pipe(
    anyText,
    v.rawTransform<string, Value>(({ dataset, addIssue, NEVER }) => {
      const found = read(dataset.value);
      if (found !== undefined) return found.value;
      addIssue({ message: `${show(dataset.value)} is not ${what}\n${hint}` });
      return NEVER;
    }),
    v.metadata({ format, crd }),
    v.description(description),
  );

const ADDRESS_HINT = "Write an IPv4 or IPv6 address without a prefix length: 192.0.2.10 or 2001:db8::10.";

/** An address; `""` counts as not given and becomes `undefined`. */
export const optionalAddress = (description: string) =>
  parsed<IpAddress | undefined>(description, {
    format: "address",
    what: "an address",
    hint: ADDRESS_HINT,
    read: (text) => {
      if (text === "") return { value: undefined };
      const value = parseServiceAddress(text);
      return value === undefined ? undefined : { value };
    },
  });

/** What OpenAPI says of an address: checked by the API server without a rule that would have to be paid for. */
const ADDRESS_KEYWORDS: Keywords = { maxLength: 45, anyOf: [{ format: "ipv4" }, { format: "ipv6" }] };

/** An address that must be given. */
export const address = (description: string) =>
  parsed<IpAddress>(description, {
    format: "address",
    what: "an address",
    hint: ADDRESS_HINT,
    crd: ADDRESS_KEYWORDS,
    read: (text) => {
      const value = parseServiceAddress(text);
      return value === undefined ? undefined : { value };
    },
  });

/** A span of time as Go spells it: `90s`, `1m30s`, `1.5h`. */
export const goDuration = (description: string, crd: Keywords = {}) =>
  parsed<Duration>(description, {
    format: "duration",
    what: "a duration",
    hint: "Write numbers with units, such as 90s, 1m30s or 500ms.",
    crd,
    read: (text) => {
      const value = parseGoDuration(text);
      return value === undefined ? undefined : { value };
    },
  });

/** A whole number within inclusive bounds, which OpenAPI states too. */
export const number = (description: string, { min, max }: { readonly min: number; readonly max: number }) =>
  v.pipe(
    integer(description, { min, max }),
    v.metadata({ crd: { format: max > 2_147_483_647 ? "int64" : "int32", minimum: min, maximum: max } }),
  );

/** A whole number of any size that a JSON number carries exactly. */
export const anyNumber = (description: string, crd: Keywords = {}) =>
  v.pipe(
    integer(description, { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
    v.metadata({ format: "whole number", crd }),
  );

/** A list of any length. */
export const listOf = <const Item extends v.GenericSchema>(
  description: string,
  item: Item,
  crd: Keywords = {},
) =>
  v.pipe(
    v.array(
      item,
      ({ input }) => `${show(input)} is not a list\nStart each entry on its own line with a dash.`,
    ),
    v.metadata({ crd }),
    v.description(description),
  );

/** A section about which OpenAPI says more than its keys. */
export const sectionWith = <const Entries extends v.ObjectEntries>(
  description: string,
  entries: Entries,
  crd: Keywords,
) => v.pipe(section(description, entries), v.metadata({ crd }));

const ATOMIC: Keywords = { "x-kubernetes-list-type": "atomic" };

const selector = sectionWith(
  "A selector by labels; all of it must hold, and an empty one matches everything.",
  {
    matchLabels: v.exactOptional(textMap("Labels that must have exactly these values.")),
    matchExpressions: v.exactOptional(
      listOf(
        "Conditions on labels.",
        section("One condition.", {
          key: plain("Name of the label."),
          operator: oneOf("How the label is compared.", ["In", "NotIn", "Exists", "DoesNotExist"]),
          values: v.exactOptional(
            listOf("What `In` and `NotIn` compare with; empty for the others.", plain("A value."), ATOMIC),
          ),
        }),
        ATOMIC,
      ),
    ),
  },
  { "x-kubernetes-map-type": "atomic" },
);

/** A label selector as it is written down. */
export type SelectorInput = v.InferOutput<typeof selector>;

/** One label selector. */
export const selectorField = (description: string) => v.pipe(selector, v.description(description));

/** Several label selectors, of which one must match. */
export const selectors = (description: string) => listOf(description, selector);

/** Names or other short texts. */
export const names = (description: string) => listOf(description, plain("One of them."));
