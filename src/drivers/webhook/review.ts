/** The envelopes of reviews: taken off what the API server sends, put round what it is answered. */
import { type Decoded, decoded, refused } from "#base/decoded";
import { fieldsOf, textOf } from "#core/kubernetes/read";

const VERSIONS = {
  AdmissionReview: "admission.k8s.io/v1",
  ConversionReview: "apiextensions.k8s.io/v1",
} as const;

type ReviewKind = keyof typeof VERSIONS;

/** A review that can be answered. */
export type OpenedReview = {
  readonly kind: ReviewKind;
  readonly uid: string;
  /** How many objects are to be converted; 0 for AdmissionReview. */
  readonly objects: number;
};

export type ReviewError = "not-a-review" | "unknown-version" | "no-request" | "no-uid";

/** For the client. */
export const REVIEW_ERRORS: Readonly<Record<ReviewError, string>> = {
  "not-a-review": "neither an AdmissionReview nor a ConversionReview",
  "unknown-version": `only ${Object.entries(VERSIONS)
    .map(([kind, version]) => `${kind} of ${version}`)
    .join(" and ")}`,
  "no-request": "the review has no request",
  "no-uid": "the request of the review has no uid",
};

/** Uids are 36 characters long; whatever the API server takes for one is taken. */
const MAX_UID = 256;

const isKind = (kind: string): kind is ReviewKind => Object.hasOwn(VERSIONS, kind);

/** Looks at the envelope of parsed JSON, and at nothing else. */
export const openReview = (body: unknown): Decoded<OpenedReview, ReviewError> => {
  const { kind, apiVersion, request } = fieldsOf(body);
  const name = textOf(kind);
  if (!isKind(name)) return refused("not-a-review");
  if (apiVersion !== VERSIONS[name]) return refused("unknown-version");
  if (typeof request !== "object" || request === null) return refused("no-request");
  const { uid, objects } = fieldsOf(request);
  const text = textOf(uid);
  if (text === "" || text.length > MAX_UID) return refused("no-uid");
  return decoded({ kind: name, uid: text, objects: Array.isArray(objects) ? objects.length : 0 });
};

/** Why a response does not fit its review; `undefined` if it does. */
const misfit = (review: OpenedReview, response: unknown): string | undefined => {
  const { uid, allowed, result, convertedObjects } = fieldsOf(response);
  if (uid !== review.uid) return "the answer is for another uid";
  if (review.kind === "AdmissionReview") {
    return typeof allowed === "boolean" ? undefined : "the answer does not say whether it is allowed";
  }
  const { status } = fieldsOf(result);
  if (status === "Failed") return undefined;
  if (status !== "Success") return "the answer has neither succeeded nor failed";
  const count = Array.isArray(convertedObjects) ? convertedObjects.length : 0;
  return count === review.objects ? undefined : `the answer has ${count} objects for ${review.objects}`;
};

/** Why an answer breaks the contract of its review; `undefined` if it may be sent. */
export const contractBreach = (review: OpenedReview, answer: unknown): string | undefined => {
  const { apiVersion, kind, response } = fieldsOf(answer);
  if (kind !== review.kind || apiVersion !== VERSIONS[review.kind]) {
    return "the answer is of another kind or version";
  }
  return misfit(review, response);
};

const envelope = ({ kind, uid }: OpenedReview, response: object): unknown => ({
  apiVersion: VERSIONS[kind],
  kind,
  response: { uid, ...response },
});

const FAILED = "steelyard failed on this request, which is a mistake in steelyard: its log has more";

/** The answer when ours failed: refused, whatever the failure policy of the webhook is. */
export const failReview = (review: OpenedReview): unknown =>
  review.kind === "AdmissionReview"
    ? envelope(review, { allowed: false, status: { code: 500, reason: "InternalError", message: FAILED } })
    : envelope(review, { result: { status: "Failed", message: FAILED } });
