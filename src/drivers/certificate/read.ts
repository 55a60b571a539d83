/** Reads a Secret: the facts for decisions, and apart from them the keys. Never throws, whatever is in it. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { type WallTime, wallTime } from "#base/time";
import { decodeBase64, latinText } from "#core/certificate/base64";
import type { CertificateFacts, Contents, HeldSecret, UnusableReason } from "#core/certificate/held";
import { encodePem, splitPem } from "#core/certificate/pem";
import type { SecretContents } from "#core/certificate/secret";
import { AUTHORITY_NAME } from "#core/certificate/x509";
import { fieldsOf, textOf } from "#core/kubernetes/read";
import { stampOf } from "./stamp.ts";

/** A Secret as it was read. */
export type SecretReading = {
  readonly held: HeldSecret;
  /** `undefined` unless the contents are usable. Holds private keys: it is for TLS and for signing, never for people. */
  readonly contents: SecretContents | undefined;
};

const KEYS = ["tls.crt", "tls.key", "ca.crt", "ca.key"] as const;
type Texts = Readonly<Record<(typeof KEYS)[number], string>>;

/** Characters of base64: chains of some ten certificates fit. */
const MAX_CHARACTERS = 65_536;
const MAX_AUTHORITIES = 8;
const MAX_CHAIN = 8;

const attempt = <Value>(make: () => Value): Value | undefined => {
  try {
    return make();
  } catch {
    return undefined;
  }
};

const readTexts = (data: unknown): Texts | UnusableReason => {
  const fields = fieldsOf(data);
  const texts: Record<string, string> = {};
  for (const key of KEYS) {
    const text = textOf(fields[key]);
    if (text.length > MAX_CHARACTERS) return "too-large";
    const bytes = decodeBase64(text);
    if (bytes === undefined) return "not-base64";
    texts[key] = latinText(bytes);
  }
  return texts as Texts;
};

const certificates = (text: string, max: number): readonly X509Certificate[] =>
  splitPem(text)
    .slice(0, max)
    .flatMap((pem) => attempt(() => new X509Certificate(pem)) ?? []);

const factsOf = (certificate: X509Certificate): CertificateFacts => ({
  pem: encodePem(certificate.raw),
  notBefore: wallTime(certificate.validFromDate.getTime()),
  notAfter: wallTime(certificate.validToDate.getTime()),
});

/** Dates that OpenSSL understands and JavaScript does not would fall through every comparison. */
const isDated = ({ notBefore, notAfter }: CertificateFacts): boolean =>
  Number.isSafeInteger(notBefore) && Number.isSafeInteger(notAfter) && notBefore < notAfter;

const namesOf = ({ subjectAltName }: X509Certificate): readonly string[] =>
  (subjectAltName ?? "").split(", ").flatMap((entry) => (entry.startsWith("DNS:") ? [entry.slice(4)] : []));

const isSignedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  attempt(() => issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) ??
  false;

/** The authority at the end of the chain that begins with the first certificate and goes by the others. */
const signerOf = (
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): number | undefined => {
  const [leaf, ...others] = chain;
  let last = leaf;
  for (let step = 0; last !== undefined && step < MAX_CHAIN; step += 1) {
    const current: X509Certificate = last;
    const found = authorities.findIndex((authority) => isSignedBy(current, authority));
    if (found >= 0) return found;
    last = others.find((other) => other !== current && isSignedBy(current, other));
  }
  return undefined;
};

const isKeyOf = (key: KeyObject, certificate: X509Certificate): boolean =>
  attempt(() => certificate.checkPrivateKey(key)) ?? false;

const pemOf = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();

type Read = { readonly contents: Contents; readonly material?: SecretContents };

const readPair = (texts: Texts): Read => {
  const authorities = certificates(texts["ca.crt"], MAX_AUTHORITIES).filter((each) => isDated(factsOf(each)));
  const facts = authorities.map(factsOf);
  const unusable = (reason: UnusableReason): Read => ({
    contents: { state: "unusable", reason, authorities: facts },
  });
  const chain = certificates(texts["tls.crt"], MAX_CHAIN);
  const [leaf] = chain;
  if (leaf === undefined || !isDated(factsOf(leaf))) return unusable("certificate-unreadable");
  const key = attempt(() => createPrivateKey(texts["tls.key"]));
  if (key === undefined) return unusable("key-unreadable");
  if (!isKeyOf(key, leaf)) return unusable("key-of-another-certificate");
  if (texts["ca.crt"].trim() !== "" && authorities.length === 0) return unusable("authority-unreadable");
  // Written anew from what was understood: whatever else lies in the Secret goes no further.
  const certificate = chain.map(({ raw }) => encodePem(raw)).join("");
  const identity = { certificate, key: pemOf(key) };
  const isRefused =
    attempt(() => createSecureContext({ cert: certificate, key: identity.key })) === undefined;
  if (isRefused) return unusable("refused-by-tls");
  const authorityKey = attempt(() => createPrivateKey(texts["ca.key"]));
  const signer = authorityKey && authorities.findIndex((authority) => isKeyOf(authorityKey, authority));
  return {
    contents: {
      state: "usable",
      serving: {
        ...factsOf(leaf),
        names: namesOf(leaf),
        signedBy: signerOf(chain, authorities),
        isOurs: leaf.issuer === `CN=${AUTHORITY_NAME}`,
      },
      authorities: facts,
      signer: signer === undefined || signer < 0 ? undefined : signer,
    },
    material: {
      ...identity,
      authorities: facts.map(({ pem }) => pem),
      authorityKey: authorityKey && pemOf(authorityKey),
    },
  };
};

const readContents = (data: unknown): Read => {
  const texts = readTexts(data);
  if (typeof texts === "string") {
    return { contents: { state: "unusable", reason: texts, authorities: [] } };
  }
  const isEmpty = KEYS.every((key) => texts[key].trim() === "");
  return isEmpty ? { contents: { state: "empty" } } : readPair(texts);
};

/** Reads a Secret as parsed from JSON; `undefined` stands for one that is not there. */
export const readSecret = (object: unknown): SecretReading => {
  if (object === undefined) return { held: { type: "absent" }, contents: undefined };
  const { contents, material } = readContents(fieldsOf(object).data);
  const stampedAt: WallTime | undefined = stampOf(object);
  const resourceVersion = textOf(fieldsOf(fieldsOf(object).metadata).resourceVersion);
  return { held: { type: "present", resourceVersion, stampedAt, contents }, contents: material };
};
