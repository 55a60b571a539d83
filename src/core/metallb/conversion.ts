/**
 * Conversion of BGPPeers between v1beta1 and v1beta2 (ConversionReview of apiextensions.k8s.io/v1).
 *
 * All fields of v1beta1 are in v1beta2 under the same names. What only v1beta2 has is kept in an annotation while an object is
 * looked at as v1beta1, so that a client that writes back what it read loses nothing; MetalLB drops it. If such a client gave
 * a value that excludes a kept one (peerASN and dynamicASN, peerAddress and interface, password and passwordSecret), its
 * value counts.
 */

import { show } from "#core/config/problem";
import { isSection } from "#core/config/unknown-keys";
import { METALLB_GROUP } from "./kinds.ts";

type Section = Readonly<Record<string, unknown>>;

const V1BETA1 = `${METALLB_GROUP}/v1beta1`;
const V1BETA2 = `${METALLB_GROUP}/v1beta2`;

/** Holds, as JSON, the fields of a v1beta2 object that v1beta1 does not have. */
export const KEPT_ANNOTATION = "steelyard.dev/bgppeer-v1beta2";

/** Fields that only v1beta2 has, each with the value that says nothing. */
const NEWER: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["dynamicASN", ""],
  ["localASN", 0],
  ["interface", ""],
  ["connectTime", ""],
  ["passwordSecret", undefined],
  ["enableGracefulRestart", undefined],
  ["vrf", ""],
  ["disableMP", false],
  ["dualStackAddressFamily", false],
]);

/** Which newer field is excluded by a value of which older one. */
const EXCLUDED_BY: ReadonlyMap<string, string> = new Map([
  ["dynamicASN", "peerASN"],
  ["interface", "peerAddress"],
  ["passwordSecret", "password"],
]);

const saysNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || value === 0;

const sectionOf = (value: unknown): Section => (isSection(value) ? value : {});

const without = (section: Section, isLeftOut: (key: string, value: unknown) => boolean): Section =>
  Object.fromEntries(Object.entries(section).filter(([key, value]) => !isLeftOut(key, value)));

/** The selectors with each condition changed; what has another shape is left as it is. */
const withConditions = (selectors: unknown, change: (condition: Section) => Section): unknown =>
  Array.isArray(selectors)
    ? selectors.map((selector: unknown) => {
        if (!isSection(selector) || !Array.isArray(selector.matchExpressions)) return selector;
        const conditions = selector.matchExpressions.map((each: unknown) =>
          isSection(each) ? change(each) : each,
        );
        return { ...selector, matchExpressions: conditions };
      })
    : selectors;

/** `values` is required in v1beta1, and empty where an operator takes none. */
const withValues = (condition: Section): Section => ({ ...condition, values: condition.values ?? [] });

const withoutEmptyValues = (condition: Section): Section =>
  without(condition, (key, value) => key === "values" && Array.isArray(value) && value.length === 0);

const withSelectors = (spec: Section, change: (condition: Section) => Section): Section =>
  spec.nodeSelectors === undefined
    ? spec
    : { ...spec, nodeSelectors: withConditions(spec.nodeSelectors, change) };

const keptFields = (annotations: Section): Section => {
  const text = annotations[KEPT_ANNOTATION];
  if (typeof text !== "string") return {};
  try {
    return sectionOf(JSON.parse(text));
  } catch {
    return {};
  }
};

/** The object with this annotation, or without it for `undefined`; nothing else of its metadata changes. */
const annotated = (object: Section, text: string | undefined): Section => {
  const metadata = sectionOf(object.metadata);
  const before = sectionOf(metadata.annotations);
  const others = without(before, (key) => key === KEPT_ANNOTATION);
  const annotations = text === undefined ? others : { ...others, [KEPT_ANNOTATION]: text };
  const rest = without(metadata, (key) => key === "annotations");
  const isEmpty = Object.keys(annotations).length === 0;
  const hadOthers = metadata.annotations !== undefined && Object.keys(before).length === 0;
  return { ...object, metadata: isEmpty && !hadOthers ? rest : { ...rest, annotations } };
};

/** A v1beta1 object as v1beta2. */
export const newerPeer = (object: Section): Section => {
  const spec = without(
    sectionOf(object.spec),
    (key, value) => (key === "peerPort" || key === "peerASN" || key === "peerAddress") && saysNothing(value),
  );
  const kept = keptFields(sectionOf(sectionOf(object.metadata).annotations));
  const restored = without(
    kept,
    (key) => !NEWER.has(key) || !saysNothing(spec[EXCLUDED_BY.get(key) ?? ""]) || key in spec,
  );
  return {
    ...annotated(object, undefined),
    apiVersion: V1BETA2,
    spec: withSelectors({ ...spec, ...restored }, withoutEmptyValues),
  };
};

/** A v1beta2 object as v1beta1. */
const olderPeer = (object: Section): Section => {
  const spec = sectionOf(object.spec);
  const kept = without(spec, (key, value) => !NEWER.has(key) || value === NEWER.get(key));
  const shared = without(spec, (key) => NEWER.has(key));
  const hasKept = Object.keys(kept).length > 0;
  return {
    ...annotated(object, hasKept ? JSON.stringify(kept) : undefined),
    apiVersion: V1BETA1,
    spec: withSelectors({ peerASN: 0, peerAddress: "", ...shared }, withValues),
  };
};

/** The answer to a ConversionReview. */
export type ConversionAnswer = {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "ConversionReview";
  readonly response: {
    readonly uid: string;
    readonly convertedObjects: readonly unknown[];
    readonly result: { readonly status: "Success" } | { readonly status: "Failed"; readonly message: string };
  };
};

type Converted =
  | { readonly ok: true; readonly object: unknown }
  | { readonly ok: false; readonly reason: string };

const convert = (object: unknown, desired: string): Converted => {
  if (!isSection(object)) return { ok: false, reason: `${show(object)} is not an object` };
  const { apiVersion, kind } = object;
  if (kind !== "BGPPeer") return { ok: false, reason: `kind ${show(kind)} has one version only` };
  if (apiVersion === desired) return { ok: true, object };
  if (apiVersion === V1BETA1 && desired === V1BETA2) return { ok: true, object: newerPeer(object) };
  if (apiVersion === V1BETA2 && desired === V1BETA1) return { ok: true, object: olderPeer(object) };
  return { ok: false, reason: `BGPPeer cannot be converted from ${show(apiVersion)} to ${show(desired)}` };
};

/** Answers a ConversionReview; whatever it holds, there is an answer. All objects are converted or none. */
export const answerConversion = (review: unknown): ConversionAnswer => {
  const request = sectionOf(sectionOf(review).request);
  const uid = typeof request.uid === "string" ? request.uid : "";
  const answer = (
    convertedObjects: readonly unknown[],
    result: ConversionAnswer["response"]["result"],
  ): ConversionAnswer => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "ConversionReview",
    response: { uid, convertedObjects, result },
  });
  const { objects, desiredAPIVersion } = request;
  if (!Array.isArray(objects) || typeof desiredAPIVersion !== "string") {
    const message = "the request has no objects or no desiredAPIVersion";
    return answer([], { status: "Failed", message });
  }
  const converted: unknown[] = [];
  for (const object of objects) {
    const one = convert(object, desiredAPIVersion);
    if (!one.ok) return answer([], { status: "Failed", message: one.reason });
    converted.push(one.object);
  }
  return answer(converted, { status: "Success" });
};
