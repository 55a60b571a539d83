/** The schema of a `ConnectionSync`: whom connections are kept in sync with. */
import * as v from "valibot";
import { address, integer, interfaceName, section, text } from "./fields.ts";

/** `ConnectionSync.spec`. */
export const syncSpec = section("The other box, and the way to it.", {
  interface: interfaceName(
    "Interface between the boxes. Whoever can send there can change connections, so it should be a cable of their own.",
  ),
  address: address("This box's address on it."),
  peer: address("The other box's address on it."),
  port: v.optional(
    integer("UDP port of conntrackd, the same on both boxes; the next one carries pins.", {
      min: 1,
      max: 65_534,
    }),
    3780,
  ),
  pinSecretFile: v.exactOptional(
    text(
      "File with a secret of at least 16 bytes, the same on both boxes: pins are taken only from who has it. Not for conntrackd.",
      { pattern: /^\/[^\0]{1,4095}$/, rule: "an absolute path", format: "absolute path" },
    ),
  ),
});

/** A checked `ConnectionSync.spec` with its defaults. */
export type SyncSpec = v.InferOutput<typeof syncSpec>;
