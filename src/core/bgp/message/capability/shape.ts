/** What each file about a capability has. */
import type { Capability } from "../message.ts";

/** The capability as bytes, without its code and its length. */
export type CapabilityCodec<Type extends Capability["type"]> = {
  readonly code: number;
  /** `undefined`: malformed, such as of a length that it cannot have. */
  readonly decode: (value: Uint8Array) => Extract<Capability, { type: Type }> | undefined;
  readonly encode: (capability: Extract<Capability, { type: Type }>) => Uint8Array;
};
