/**
 * What to do next about the webhooks' certificate: at most one change, after which the Secret is read and planned again.
 *
 *  nothing usable ──create──▶ one authority, one serving certificate
 *                                  │ a third of the serving certificate's life is left: issue, by the same authority
 *                                  │ a third of the authority's life is left, or its key is lost
 *                            add-authority ──▶ new and old trusted; serving certificate of the old
 *                                  │ every place trusts the new one, and has for a while
 *                                issue ──▶ serving certificate of the new
 *                                  │ a day later nobody shows the old one any more
 *                            drop-authorities ──▶ one authority
 *
 * Everything is decided from what the Secret holds, so replicas that plan at once want the same; the first write wins by
 * its resource version, and what the others read afterwards needs no change.
 */
import { at } from "#base/assert";
import { type WallTime, wallTime } from "#base/time";
import { type Clock, judgeClock } from "./clock.ts";
import { planForeign } from "./foreign.ts";
import { BACKDATING, type CertificateFacts, type Contents, type HeldSecret } from "./held.ts";
import type { Note } from "./note.ts";
import { splitPem } from "./pem.ts";

export type Wanted = {
  /** DNS names that the API server may ask for. */
  readonly names: readonly string[];
};

/** Why a certificate is made. */
export type IssueReason =
  | "absent"
  | "unusable"
  | "authority-expired"
  | "authority-due"
  | "authority-key-missing"
  | "authority-replaced"
  | "unknown-authority"
  | "names"
  | "expired"
  | "not-yet-valid"
  | "due";

export type CertificateChange =
  /** Makes an authority and a serving certificate; `keep` are authorities that stay trusted beside it. */
  | { readonly type: "create"; readonly reason: IssueReason; readonly keep: readonly string[] }
  /** Makes an authority and puts it before `keep`; the serving certificate stays. */
  | { readonly type: "add-authority"; readonly reason: IssueReason; readonly keep: readonly string[] }
  /** Makes a serving certificate with the key that is held; `keep` are all the authorities, the signer among them. */
  | {
      readonly type: "issue";
      readonly reason: IssueReason;
      readonly signer: string;
      readonly keep: readonly string[];
    }
  /** Leaves `keep` only. */
  | { readonly type: "drop-authorities"; readonly keep: readonly string[] };

export type CertificatePlan = {
  readonly change: CertificateChange | undefined;
  /** What the API server must trust as things are; `undefined` while that is not known, and then nothing is touched. */
  readonly bundle: readonly string[] | undefined;
  readonly notes: readonly Note[];
  /** The time to make certificates by: the API server's if it is known. */
  readonly time: WallTime;
  /** When to plan again, at the latest. */
  readonly again: WallTime;
};

export type PlanInput = {
  readonly wanted: Wanted;
  readonly held: HeldSecret;
  readonly clock: Clock;
  /** The bundle of each place that verifies us, as PEM, such as those of the webhook configuration and the CRD. */
  readonly bundles: readonly string[];
};

type Usable = Extract<Contents, { state: "usable" }>;
type Outcome = { readonly change?: CertificateChange; readonly next?: number };

/** How long servers may take to learn of a bundle or a certificate, in milliseconds: told by watches, so this is ample. */
export const SETTLING = 600_000;
export const OVERLAP = 86_400_000;
/** Authorities that are kept trusted beside a new one. */
const MAX_KEPT = 3;

/** When a certificate is to be renewed: with a third of its life left. */
export const dueAt = ({ notBefore, notAfter }: { notBefore: WallTime; notAfter: WallTime }): WallTime =>
  wallTime(notAfter - (notAfter - notBefore) / 3);

const pems = (list: readonly { readonly pem: string }[]): readonly string[] => list.map(({ pem }) => pem);

const isValid = ({ notBefore, notAfter }: CertificateFacts, now: WallTime): boolean =>
  now >= notBefore && now < notAfter;

/** Those that can still vouch for something, the newest first. */
const worthKeeping = (authorities: readonly CertificateFacts[], now: WallTime): readonly string[] =>
  pems(authorities.filter((authority) => isValid(authority, now))).slice(0, MAX_KEPT);

/** Why the serving certificate cannot wait for anything. Names beyond those wanted are left to the release that wants them. */
const brokenServing = (
  { serving, authorities }: Usable,
  names: readonly string[],
  now: WallTime,
): IssueReason | undefined => {
  if (serving.signedBy === undefined) return "unknown-authority";
  if (!isValid(at(authorities, serving.signedBy), now)) return "authority-expired";
  if (!names.every((name) => serving.names.includes(name))) return "names";
  if (now >= serving.notAfter) return "expired";
  return now < serving.notBefore ? "not-yet-valid" : undefined;
};

/** What a pair that works needs by and by, its signer being the authority at `signer`. */
const plannedCare = (usable: Usable, signer: number, { bundles }: PlanInput, now: WallTime): Outcome => {
  const { serving, authorities } = usable;
  const keep = pems(authorities);
  const authority = at(authorities, signer);
  const authorityDue = dueAt(authority);
  if (now >= authorityDue) {
    const kept = worthKeeping(authorities, now);
    return { change: { type: "add-authority", reason: "authority-due", keep: kept } };
  }
  const issue = { type: "issue", signer: authority.pem, keep } as const;
  if (serving.signedBy !== signer) {
    const settledAt = authority.notBefore + BACKDATING + SETTLING;
    const isTrusted = bundles.every((bundle) => splitPem(bundle).includes(authority.pem));
    if (isTrusted && now >= settledAt) return { change: { ...issue, reason: "authority-replaced" } };
    // Renewed by the old authority it cannot be, and before the new one is trusted it must not.
    return { next: Math.max(settledAt, now + SETTLING) };
  }
  const servingDue = dueAt(serving);
  if (now >= servingDue) return { change: { ...issue, reason: "due" } };
  if (authorities.length === 1) return { next: Math.min(servingDue, authorityDue) };
  const dropAt = serving.notBefore + BACKDATING + OVERLAP;
  if (now >= dropAt) return { change: { type: "drop-authorities", keep: [authority.pem] } };
  return { next: Math.min(servingDue, authorityDue, dropAt) };
};

const planOwn = (usable: Usable, input: PlanInput, now: WallTime): Outcome => {
  const { authorities, signer } = usable;
  const broken = brokenServing(usable, input.wanted.names, now);
  const authority = signer === undefined ? undefined : at(authorities, signer);
  if (authority === undefined || signer === undefined || !isValid(authority, now)) {
    const reason = authority === undefined ? "authority-key-missing" : "authority-expired";
    // While the serving certificate works, the new authority has the time to become trusted first.
    const type = broken === undefined ? "add-authority" : "create";
    return { change: { type, reason, keep: worthKeeping(authorities, now) } };
  }
  if (broken === undefined) return plannedCare(usable, signer, input, now);
  return { change: { type: "issue", reason: broken, signer: authority.pem, keep: pems(authorities) } };
};

/** The one thing to do next, and what is to be trusted meanwhile. */
export const planCertificate = (input: PlanInput): CertificatePlan => {
  const { held, clock } = input;
  const { time, notes, isDoubtful } = judgeClock(held, clock);
  const later = wallTime(time + OVERLAP);
  const nothing = { change: undefined, bundle: undefined, notes, time, again: later };
  if (held.type === "absent") return { ...nothing, change: { type: "create", reason: "absent", keep: [] } };
  const { contents } = held;
  if (contents.state === "empty") {
    return { ...nothing, change: { type: "create", reason: "absent", keep: [] } };
  }
  if (contents.state === "unusable") {
    const keep = worthKeeping(contents.authorities, time);
    const note: Note = { type: "secret-unusable", reason: contents.reason };
    return { ...nothing, change: { type: "create", reason: "unusable", keep }, notes: [...notes, note] };
  }
  const bundle = contents.authorities.length === 0 ? undefined : pems(contents.authorities);
  if (contents.signer === undefined && !contents.serving.isOurs) {
    const foreign = isDoubtful ? [] : planForeign(contents, input.wanted.names, time);
    return { ...nothing, bundle, notes: [...notes, ...foreign] };
  }
  if (isDoubtful) return { ...nothing, bundle, again: wallTime(time + SETTLING) };
  const { change, next = later } = planOwn(contents, input, time);
  return { change, bundle, notes, time, again: wallTime(Math.min(next, later)) };
};
