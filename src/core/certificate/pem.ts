/** Certificates as text (RFC 7468), and lists of them: the bundles that an API server verifies webhooks with. */
import { assert } from "#base/assert";
import { asciiBytes, decodeBase64, encodeBase64, latinText } from "./base64.ts";

const LINE = 64;
/** Far more than any bundle that works; what is longer is not looked into. */
const MAX_BUNDLE_CHARACTERS = 262_144;

/** One certificate as text. */
export const encodePem = (der: Uint8Array): string => {
  const lines = encodeBase64(der).match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
};

/** The certificates in a text, each in the one form that `encodePem` gives; text around them is skipped (RFC 7468 §2). */
export const splitPem = (text: string): readonly string[] => {
  if (text.length > MAX_BUNDLE_CHARACTERS) return [];
  const blocks = text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g);
  return [...blocks].flatMap(([, body = ""]) => {
    const der = decodeBase64(body);
    return der === undefined || der.length === 0 ? [] : [encodePem(der)];
  });
};

/** Whether two texts hold the same certificates, however they are ordered, wrapped and commented. */
export const isSameBundle = (left: string, right: string): boolean => {
  const [these, those] = [new Set(splitPem(left)), new Set(splitPem(right))];
  return these.size === those.size && [...these].every((pem) => those.has(pem));
};

/** The text of a `caBundle` field; `""` for what is absent or not base64. */
export const readCaBundle = (field: unknown): string => {
  if (typeof field !== "string" || field.length > MAX_BUNDLE_CHARACTERS) return "";
  const bytes = decodeBase64(field);
  return bytes === undefined ? "" : latinText(bytes);
};

/** What a field of bytes in a Kubernetes object holds for this ASCII text. */
export const encodeField = (text: string): string => {
  const bytes = asciiBytes(text);
  assert(bytes !== undefined, "only ASCII text is put into byte fields", { length: text.length });
  return encodeBase64(bytes);
};
