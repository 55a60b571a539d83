/** Reading and writing the elements of maps of pins. */
import { readU32 } from "#base/bytes";
import { type Decoded, decoded } from "#base/decoded";
import { type Duration, millis, toMillis } from "#base/time";
import { type ClientKey, clientBytes, clientKey, type Pin } from "#core/balance/pin";
import type { ServerPlan } from "#core/balance/plan-model";
import type { MessageBuilder } from "#core/netlink/builder";
import { readHostU32 } from "#core/netlink/host-order";
import type { NetlinkMessage } from "#core/netlink/message";
import type { SetChange } from "./delta.ts";
import { pinMap } from "./persistence.ts";
import type { SetElement, TableFamily } from "./ruleset.ts";
import {
  decodeElements,
  find,
  findValue,
  lengthOf,
  NFTA_SET_ELEM_KEY,
  wholeOf,
  writeElementRequest,
} from "./set-elements.ts";

const NFTA_SET_ELEM_DATA = 2;
const NFTA_SET_ELEM_EXPIRATION = 5;

type PinnedServer = Pick<ServerPlan, "name" | "address" | "mode">;

/** The table in which a server's pins are. */
const tableOf = ({ mode }: PinnedServer): TableFamily => (mode === "dsr" ? "netdev" : "inet");

/** Appends the question for the pin of a client, or for all pins of a server. */
export const writePinRequest = (
  builder: MessageBuilder,
  {
    server,
    client,
    sequence,
  }: { readonly server: PinnedServer; readonly client?: ClientKey; readonly sequence: number },
): void => {
  writeElementRequest(builder, {
    ...{ family: tableOf(server), set: pinMap(server), sequence },
    ...(client === undefined ? {} : { key: clientBytes(client) }),
  });
};

type Refusal = "other-message" | "truncated" | "bad-length";

const decodePin = (bytes: Uint8Array): Pin | undefined => {
  const span = wholeOf(bytes);
  const key = findValue(bytes, NFTA_SET_ELEM_KEY, span);
  const data = findValue(bytes, NFTA_SET_ELEM_DATA, span);
  const left = find(bytes, NFTA_SET_ELEM_EXPIRATION, span);
  if (key === undefined || data === undefined || left === undefined) return undefined;
  if (lengthOf(data) !== 4 || lengthOf(left) !== 8) return undefined;
  const remaining = readU32(bytes, left.start) * 0x1_0000_0000 + readU32(bytes, left.start + 4);
  const client = clientKey(bytes.subarray(key.start, key.end));
  return { client, backend: readHostU32(bytes, data.start), remaining: millis(remaining) };
};

/** Reads one message of the answer; an element that is not a pin is left out. */
export const decodePinElements = (message: NetlinkMessage): Decoded<readonly Pin[], Refusal> => {
  const elements = decodeElements(message);
  if (!elements.ok) return elements;
  return decoded(
    elements.value.flatMap((value) => {
      const pin = decodePin(value);
      return pin === undefined ? [] : [pin];
    }),
  );
};

const element = ({ client, backend, remaining }: Pin, timeout: Duration): SetElement => ({
  key: { type: "client", client },
  data: { type: "number", value: backend },
  // The kernel refuses an end that is later than the timeout.
  life: { timeout, remaining: millis(Math.min(Math.floor(toMillis(remaining)), toMillis(timeout))) },
});

/** Puts pins into a server's map in place of those that are there. */
export const pinChange = (
  server: PinnedServer,
  change: {
    /** From the last new flow of a client. */
    readonly timeout: Duration;
    readonly replaced: readonly ClientKey[];
    readonly pins: readonly Pin[];
  },
): SetChange => ({
  family: tableOf(server),
  set: pinMap(server),
  remove: change.replaced.map((client) => ({ key: { type: "client", client } })),
  add: change.pins.map((pin) => element(pin, change.timeout)),
});
