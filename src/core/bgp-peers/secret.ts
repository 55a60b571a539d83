/** Passwords of sessions as Secrets hold them. */
import { decodeBase64 } from "#core/certificate/base64";
import { fieldsOf, metaOf, textOf } from "#core/kubernetes/read";

/** What is known of a Secret that a peer names. */
export type SecretReading =
  /** Nothing yet, or the API server does not give it; `detail` says why, and never holds any of it. */
  | { readonly type: "unread"; readonly detail: string }
  | { readonly type: "absent" }
  /** Why it cannot be used, as the end of a sentence about it. */
  | { readonly type: "wrong"; readonly text: string }
  | { readonly type: "password"; readonly password: string };

/** A Secret with its name. */
export type NamedSecret = { readonly name: string; readonly reading: SecretReading };

const TYPE = "kubernetes.io/basic-auth";
const KEY = "password";
/** TCP_MD5SIG_MAXKEYLEN of the kernel. */
export const LONGEST_PASSWORD = 80;
/** Base64 of that and of more: what is longer is not even decoded. */
const LONGEST_DATA = 4_096;

/** Strict UTF-8, since the password travels as text; `undefined` for anything else. */
const decodeText = (bytes: Uint8Array): string | undefined => {
  const escaped = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
};

/** How many bytes a text has in UTF-8; one that has no such form counts as endless. */
export const byteLength = (text: string): number => {
  try {
    return encodeURIComponent(text).replace(/%../g, "-").length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
};

const wrong = (text: string): SecretReading => ({ type: "wrong", text });

const readingOf = (object: unknown): SecretReading => {
  const { type, data } = fieldsOf(object);
  if (type !== TYPE) return wrong(`is not of type ${TYPE}`);
  const encoded = fieldsOf(data)[KEY];
  if (typeof encoded !== "string" || encoded === "") return wrong(`has nothing under the key ${KEY}`);
  if (encoded.length > LONGEST_DATA)
    return wrong(`has too much under the key ${KEY}: ${LONGEST_PASSWORD} bytes are the most`);
  const bytes = decodeBase64(encoded);
  const password = bytes === undefined ? undefined : decodeText(bytes);
  if (bytes === undefined || password === undefined) return wrong(`has no text under the key ${KEY}`);
  // The kernel would take it, and no router could be given it.
  if (/[\0\r\n]/.test(password)) return wrong(`has a line break or a zero byte under the key ${KEY}`);
  if (bytes.length > LONGEST_PASSWORD)
    return wrong(`has ${bytes.length} bytes under the key ${KEY}, and ${LONGEST_PASSWORD} are the most`);
  return { type: "password", password };
};

/** Reads a Secret; `undefined` for what has no name. */
export const readSecret = (object: unknown): NamedSecret | undefined => {
  const name = textOf(metaOf(object, () => false)?.name);
  return name === "" ? undefined : { name, reading: readingOf(object) };
};
