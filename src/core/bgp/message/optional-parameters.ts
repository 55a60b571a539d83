/**
 * The optional parameters of OPEN, of which one kind is in use: capabilities (RFC 5492 §4).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+---------------+---------------+
 * |  Type = 255   |    Length of all, 16 bits     |                 long form only (RFC 9072 §2)
 * +---------------+---------------+---------------+---------------+
 * |     Type      |    Length     |             Value             |  short form, which is written
 * +---------------+---------------+---------------+---------------+
 * |     Type      |            Length             |     Value     |  long form
 * +---------------+-------------------------------+---------------+
 * ```
 */
import { assert } from "#base/assert";
import { concatBytes, readU8, readU16 } from "#base/bytes";
import { decodeCapabilities, encodeCapabilities } from "./capability/capabilities.ts";
import { type Heard, heard, messageError, wrong } from "./error.ts";
import type { Capability } from "./message.ts";

const TYPE_CAPABILITIES = 2;
const TYPE_EXTENDED_LENGTH = 255;
const MOST_SHORT = 255;

/** Where parameters are, and how many octets their lengths have. */
type Layout = { readonly parameters: Uint8Array; readonly lengthOctets: 1 | 2 };

/** `undefined`: the length is not that of what is there. */
const layoutOf = (field: Uint8Array): Layout | undefined => {
  const length = readU8(field, 0);
  // RFC 9072 §2: the type decides, whatever the first length says, unless that is 0.
  if (length !== 0 && field[1] === TYPE_EXTENDED_LENGTH) {
    if (field.length < 4 || readU16(field, 2) !== field.length - 4) return undefined;
    return { parameters: field.subarray(4), lengthOctets: 2 };
  }
  return length === field.length - 1 ? { parameters: field.subarray(1), lengthOctets: 1 } : undefined;
};

/** Malformed, with nothing to say of it (RFC 4271 §6.2). */
const malformed = (): Heard<never> => wrong(messageError("open", "unspecific"));

/** Reads the length field and all that follows. Capabilities of several parameters are told one after the other. */
export const decodeOptionalParameters = (field: Uint8Array): Heard<readonly Capability[]> => {
  const layout = layoutOf(field);
  if (layout === undefined) return malformed();
  const { parameters, lengthOctets } = layout;
  const all: Capability[] = [];
  let offset = 0;
  while (offset < parameters.length) {
    const start = offset + 1 + lengthOctets;
    if (start > parameters.length) return malformed();
    const end =
      start + (lengthOctets === 1 ? readU8(parameters, offset + 1) : readU16(parameters, offset + 1));
    if (end > parameters.length) return malformed();
    if (readU8(parameters, offset) !== TYPE_CAPABILITIES) {
      return wrong(messageError("open", "unsupported-optional-parameter"));
    }
    const capabilities = decodeCapabilities(parameters.subarray(start, end));
    if (capabilities === undefined) return malformed();
    all.push(...capabilities);
    offset = end;
  }
  return heard(all);
};

/** Writes the length field and, if there are any capabilities, one parameter with all of them. */
export const encodeOptionalParameters = (capabilities: readonly Capability[]): Uint8Array => {
  if (capabilities.length === 0) return Uint8Array.of(0);
  const value = encodeCapabilities(capabilities);
  assert(value.length + 2 <= MOST_SHORT, "more capabilities than we ever offer", { length: value.length });
  return concatBytes(Uint8Array.of(value.length + 2, TYPE_CAPABILITIES, value.length), value);
};
