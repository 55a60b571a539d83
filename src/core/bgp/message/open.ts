/**
 * OPEN: who the sender is and what it can do (RFC 4271 §4.2).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+
 * |    Version    |
 * +---------------+---------------+-------------------------------+
 * |     My Autonomous System      |           Hold Time           |
 * +-------------------------------+-------------------------------+
 * |                        BGP Identifier                         |
 * +---------------+-----------------------------------------------+
 * | Opt Parm Len  |  Optional parameters: `optional-parameters.ts`
 * +---------------+-----------------------------------------------+
 * ```
 */
import { addressBytes, addressFromBytes, type Ipv4Address } from "#base/address";
import { assert } from "#base/assert";
import { concatBytes, readU8, readU16, readU32, writeU8, writeU16 } from "#base/bytes";
import { HEADER_LENGTH, VERSION } from "./constants.ts";
import { type Heard, heard, messageError, wrong } from "./error.ts";
import { encodeMessage } from "./header.ts";
import type { Open } from "./message.ts";
import { decodeOptionalParameters, encodeOptionalParameters } from "./optional-parameters.ts";

const VERSION_AT = HEADER_LENGTH;
const ASN_AT = HEADER_LENGTH + 1;
const HOLD_TIME_AT = HEADER_LENGTH + 3;
const ROUTER_ID_AT = HEADER_LENGTH + 5;
const PARAMETERS_AT = HEADER_LENGTH + 9;
const FIXED_LENGTH = PARAMETERS_AT - HEADER_LENGTH;

/** The one version that there is, as RFC 4271 §6.2 wants it in the data of the error. */
const OUR_VERSION = Uint8Array.of(0, VERSION);

/**
 * Reads a message whose header is right, and refuses what no configuration could make right (RFC 4271 §6.2). Whether the AS number, the
 * identifier and the families are the ones that are wanted is the session's to say.
 */
export const decodeOpen = (bytes: Uint8Array): Heard<Open> => {
  const version = readU8(bytes, VERSION_AT);
  if (version !== VERSION) return wrong(messageError("open", "unsupported-version-number", OUR_VERSION));
  const asn = readU16(bytes, ASN_AT);
  // RFC 7607 §2: nobody has the number 0.
  if (asn === 0) return wrong(messageError("open", "bad-peer-as"));
  const holdTime = readU16(bytes, HOLD_TIME_AT);
  if (holdTime === 1 || holdTime === 2) return wrong(messageError("open", "unacceptable-hold-time"));
  // RFC 6286 §2.1: anything but 0 is an identifier.
  if (readU32(bytes, ROUTER_ID_AT) === 0) return wrong(messageError("open", "bad-bgp-identifier"));
  const capabilities = decodeOptionalParameters(bytes.subarray(PARAMETERS_AT));
  if (!capabilities.ok) return capabilities;
  const open: Open = {
    type: "open",
    ...{ version, asn, holdTime },
    routerId: addressFromBytes(bytes.subarray(ROUTER_ID_AT, PARAMETERS_AT)) as Ipv4Address,
    capabilities: capabilities.value,
  };
  const isZero = open.capabilities.some((each) => each.type === "four-octet-as" && each.asn === 0);
  return isZero ? wrong(messageError("open", "bad-peer-as")) : heard(open);
};

/** Writes a message. */
export const encodeOpen = ({ version, asn, holdTime, routerId, capabilities }: Open): Uint8Array => {
  assert(asn > 0 && asn <= 0xffff, "an AS number does not fit the field", { asn });
  assert(holdTime === 0 || (holdTime >= 3 && holdTime <= 0xffff), "no hold time", { holdTime });
  const fixed = new Uint8Array(FIXED_LENGTH);
  writeU8(fixed, VERSION_AT - HEADER_LENGTH, version);
  writeU16(fixed, ASN_AT - HEADER_LENGTH, asn);
  writeU16(fixed, HOLD_TIME_AT - HEADER_LENGTH, holdTime);
  fixed.set(addressBytes(routerId), ROUTER_ID_AT - HEADER_LENGTH);
  return encodeMessage("open", concatBytes(fixed, encodeOptionalParameters(capabilities)));
};
