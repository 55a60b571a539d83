/**
 * What is wrong with what API servers presented.
 *
 * Pure: the caller asked, and passes the time. A finding is something that a client would stumble over; what could not be
 * found out is said apart, because "no answer" is no reason to change a certificate.
 */
import type { WallTime } from "#base/time";
import { carries, formatName, type ServerName } from "./name.ts";
import type { Presented, PresentedCertificate } from "./presented.ts";

/** Each `type` is a word of the JSON output: docs/api-server-access.md lists them. */
export type Finding =
  | { readonly type: "lacks-name"; readonly name: string }
  | { readonly type: "expired"; readonly at: WallTime }
  | { readonly type: "expires-soon"; readonly at: WallTime }
  | { readonly type: "not-yet-valid"; readonly at: WallTime }
  | { readonly type: "other-authority"; readonly issuer: string }
  | { readonly type: "refused"; readonly detail: string }
  | { readonly type: "not-tls"; readonly detail: string };

/** What is known of one server. */
export type Verdict = {
  readonly findings: readonly Finding[];
  /** Why it is not known whether all is well; `undefined` when it is. */
  readonly unknown: string | undefined;
  /** The first certificate that it presented. */
  readonly certificate: PresentedCertificate | undefined;
};

/** What one server presented to a client that asks for one of these names. */
export type Answered = { readonly names: readonly ServerName[]; readonly presented: Presented };

export type Limits = {
  readonly now: WallTime;
  /** A certificate that ends within so many milliseconds is told of. */
  readonly soon: number;
};

const judgeDates = (
  { notBefore, notAfter }: PresentedCertificate,
  { now, soon }: Limits,
): readonly Finding[] => {
  if (now < notBefore) return [{ type: "not-yet-valid", at: notBefore }];
  if (now > notAfter) return [{ type: "expired", at: notAfter }];
  return now + soon > notAfter ? [{ type: "expires-soon", at: notAfter }] : [];
};

const judgeCertificate = (
  certificate: PresentedCertificate,
  names: readonly ServerName[],
  limits: Limits,
): readonly Finding[] => {
  const lacking = names.filter((name) => !carries(certificate.names, name));
  const found: readonly Finding[] = [
    ...lacking.map((name): Finding => ({ type: "lacks-name", name: formatName(name) })),
    ...judgeDates(certificate, limits),
    ...(certificate.signer === "other"
      ? [{ type: "other-authority", issuer: certificate.issuer } as const]
      : []),
  ];
  // The library's objection is most often one of these in its own words: it counts where we have seen nothing.
  const isExplained = found.some(({ type }) => type !== "lacks-name" && type !== "expires-soon");
  return certificate.objection === undefined || isExplained
    ? found
    : [...found, { type: "refused", detail: certificate.objection }];
};

/** What is to be said of one server, which was asked once for each group of names. */
export const judge = (answers: readonly Answered[], limits: Limits): Verdict => {
  const findings = new Map<string, Finding>();
  let unknown: string | undefined;
  let certificate: PresentedCertificate | undefined;
  for (const { names, presented } of answers) {
    if (presented.type === "no-answer") {
      unknown ??= presented.detail;
      continue;
    }
    const found: readonly Finding[] =
      presented.type === "not-tls"
        ? [{ type: "not-tls", detail: presented.detail }]
        : judgeCertificate(presented.certificate, names, limits);
    if (presented.type === "certificate") certificate ??= presented.certificate;
    for (const each of found) findings.set(JSON.stringify(each), each);
  }
  return { findings: [...findings.values()], unknown, certificate };
};

/** A day and no time: nobody changes a certificate by the minute. */
const day = (at: WallTime): string => new Date(at).toISOString().slice(0, 10);

/** A finding in words that follow the server's name. */
export const describeFinding = (finding: Finding): string => {
  switch (finding.type) {
    case "lacks-name":
      return `lacks ${finding.name}`;
    case "expired":
      return `expired on ${day(finding.at)}`;
    case "expires-soon":
      return `expires on ${day(finding.at)}`;
    case "not-yet-valid":
      return `not valid before ${day(finding.at)}`;
    case "other-authority":
      return `signed by another authority (${finding.issuer})`;
    case "refused":
      return `not trusted (${finding.detail})`;
    default:
      return `no TLS (${finding.detail})`;
  }
};

/** What mends a finding. */
export const remedyOf = ({ type }: Finding): string => {
  switch (type) {
    case "lacks-name":
      return "lacks a name: `steelyard tls fix` on that host adds it to the certificate";
    case "expired":
    case "expires-soon":
      return "expires: k3s and RKE2 renew at a restart of the service, kubeadm with `kubeadm certs renew apiserver`";
    case "not-yet-valid":
      return "not yet valid: compare the clocks of that host and this one (`timedatectl`)";
    case "other-authority":
      return "another authority: it is a server of another cluster, or somebody in between; or --ca names the wrong file";
    case "refused":
      return "not trusted: `openssl s_client -connect SERVER -CAfile CA` tells more";
    default:
      return "no TLS: something else listens there (`ss -ltnp` on that host)";
  }
};

/** How the command ends: 0 when all is well, 1 when something is wrong, 2 when that is not known of every server. */
export const statusOf = (verdicts: readonly Verdict[]): 0 | 1 | 2 => {
  if (verdicts.some(({ findings }) => findings.length > 0)) return 1;
  return verdicts.length === 0 || verdicts.some(({ unknown }) => unknown !== undefined) ? 2 : 0;
};
