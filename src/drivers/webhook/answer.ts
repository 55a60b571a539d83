/** From the bytes of a request to what is sent back: parse, ask, check what is answered. Never throws. */
import type { ReviewAnswer, TroubleReason } from "./port.ts";
import { contractBreach, failReview, type OpenedReview, openReview, REVIEW_ERRORS } from "./review.ts";

/** What is sent, and what went wrong, if anything did. */
export type Reply = {
  readonly status: number;
  /** JSON for 200, else a line for people. */
  readonly text: string;
  readonly trouble?: { readonly reason: TroubleReason; readonly detail: string };
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const parse = (bytes: Uint8Array): { readonly json: unknown } | undefined => {
  try {
    return { json: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
  } catch {
    return undefined;
  }
};

const malformed = (text: string): Reply => ({
  status: 400,
  text,
  trouble: { reason: "malformed", detail: text },
});

const failed = (review: OpenedReview, detail: string): Reply => ({
  status: 200,
  text: JSON.stringify(failReview(review)),
  trouble: { reason: "answer-failed", detail },
});

const unknownPath = (path: string): Reply => ({
  status: 404,
  text: "nothing is reviewed at this path",
  trouble: { reason: "unknown-path", detail: path },
});

/** The reply to a request with this body at this path. */
export const reply = (answer: ReviewAnswer, path: string, bytes: Uint8Array): Reply => {
  const parsed = parse(bytes);
  if (parsed === undefined) return malformed("the body is not JSON in UTF-8");
  const review = openReview(parsed.json);
  if (!review.ok) return malformed(REVIEW_ERRORS[review.reason]);
  try {
    const answered = answer(path, parsed.json);
    if (answered === undefined) return unknownPath(path);
    const breach = contractBreach(review.value, answered);
    if (breach !== undefined) return failed(review.value, `${path}: ${breach}`);
    return { status: 200, text: JSON.stringify(answered) };
  } catch (error) {
    return failed(review.value, `${path}: ${messageOf(error)}`);
  }
};
