/** The data of a NOTIFICATION in words: most errors have a kind of their own. */
import { readU8, readU16, readU32, toHex } from "#base/bytes";
import { attributeName } from "./attribute/names.ts";
import { decodeCapabilities } from "./capability/capabilities.ts";
import { MESSAGE } from "./constants.ts";
import { ERRORS, type ErrorWord } from "./error-codes.ts";
import type { Capability, MessageError } from "./message.ts";
import { shutdownText } from "./shutdown-communication.ts";

/** Octets of data that are shown. */
const MOST_SHOWN = 32;

const hexadecimal = (data: Uint8Array): string =>
  `data ${toHex(data.subarray(0, MOST_SHOWN))}${data.length > MOST_SHOWN ? "..." : ""}`;

/** A number, where the data is one of these lengths. */
const numbered =
  (word: string, ...lengths: readonly (1 | 2 | 4)[]) =>
  (data: Uint8Array): string => {
    if (!lengths.some((length) => length === data.length)) return hexadecimal(data);
    const read = data.length === 1 ? readU8 : data.length === 2 ? readU16 : readU32;
    return `${word} ${read(data, 0)}`;
  };

/** RFC 6608 §3: the type of the message that came at the wrong time. */
const messageType = (data: Uint8Array): string => {
  const [name] = Object.entries(MESSAGE).find(([, code]) => data.length === 1 && code === data[0]) ?? [];
  return name === undefined ? hexadecimal(data) : `by ${name.toUpperCase()}`;
};

/** RFC 4271 §6.3: the whole attribute, or the code of one that is missing. */
const attribute = (data: Uint8Array): string => {
  const [first = 0, code] = data;
  return code === undefined ? attributeName(first) : `${attributeName(code)}, ${hexadecimal(data)}`;
};

const capabilityName = (capability: Capability): string => {
  if (capability.type === "unknown") return `code ${capability.code}`;
  if (capability.type !== "multiprotocol") return capability.type;
  return `multiprotocol AFI ${capability.family.afi} SAFI ${capability.family.safi}`;
};

/** RFC 5492 §5: what is missing, as it would stand in OPEN. */
const capabilities = (data: Uint8Array): string => {
  const [first, ...others] = decodeCapabilities(data) ?? [];
  if (first === undefined) return hexadecimal(data);
  return `${capabilityName(first)}${others.length === 0 ? "" : ` and ${others.length} more`}`;
};

const communication = (data: Uint8Array): string | undefined => {
  const text = shutdownText(data);
  return text === undefined ? undefined : `"${text}"`;
};

type Describe = (data: Uint8Array) => string | undefined;

/** By our words for the error; the data of all others is shown as it is. */
const DESCRIBE: { readonly [Word in ErrorWord]?: Readonly<Record<string, Describe>> } = {
  header: { "bad-message-length": numbered("length", 2), "bad-message-type": numbered("type", 1) },
  open: {
    "unsupported-version-number": numbered("it speaks version", 2),
    "bad-peer-as": numbered("AS", 2, 4),
    "unsupported-capability": capabilities,
  },
  update: {
    "unrecognized-well-known-attribute": attribute,
    "missing-well-known-attribute": attribute,
    "attribute-flags-error": attribute,
    "attribute-length-error": attribute,
    "invalid-origin": attribute,
    "invalid-next-hop": attribute,
    "optional-attribute-error": attribute,
  },
  "state-machine": { "open-sent": messageType, "open-confirm": messageType, established: messageType },
  cease: { "administrative-shutdown": communication, "administrative-reset": communication },
};

/** Code and subcode as one number, by which to find how to describe the data. */
const key = (code: number, subcode: number): number => code * 0x100 + subcode;

const DESCRIBE_BY_KEY: ReadonlyMap<number, Describe> = new Map(
  Object.entries(DESCRIBE).flatMap(([word, bySubcodeWord]) => {
    const { code, subcodes } = ERRORS[word as ErrorWord];
    return Object.entries<readonly [number, string]>(subcodes).flatMap(
      ([subcodeWord, [subcode]]): readonly (readonly [number, Describe])[] => {
        const describe = bySubcodeWord[subcodeWord];
        return describe === undefined ? [] : [[key(code, subcode), describe]];
      },
    );
  }),
);

/** What the data says to a reader; `undefined`: nothing. */
export const describeData = ({ code, subcode, data }: MessageError): string | undefined => {
  if (data.length === 0) return undefined;
  return (DESCRIBE_BY_KEY.get(key(code, subcode)) ?? hexadecimal)(data);
};
