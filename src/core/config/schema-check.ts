/** The schema of a `TrackedCheck`: something besides an interface that a virtual router's priority depends on. */
import * as v from "valibot";
import { address, integer, section } from "./fields.ts";
import { probeEntries, timingEntries } from "./schema-probe.ts";

/** `TrackedCheck.spec`. */
export const checkSpec = section("One question, asked on this box, and how often.", {
  ...probeEntries,
  address: v.exactOptional(
    address("Who is asked; required for `tcp`, `http` and `https`. 127.0.0.1 for a program on this box."),
  ),
  ...timingEntries,
  port: v.exactOptional(
    integer("Port asked; required for `tcp`, `http` and `https`.", { min: 1, max: 65_535 }),
  ),
});

/** A checked `TrackedCheck.spec` with its defaults. */
export type CheckSpec = v.InferOutput<typeof checkSpec>;

/** A `TrackedCheck.spec` as it is written down. */
export type CheckInput = v.InferInput<typeof checkSpec>;
