/** The schema of a `TrackedCheck`: something besides an interface that a virtual router's priority depends on. */
import * as v from "valibot";
import { address, integer, interfaceName, section } from "./fields.ts";
import { probeEntries, timingEntries } from "./schema-probe.ts";

/** `TrackedCheck.spec`. */
export const checkSpec = section("One question, asked on this box, and how often.", {
  ...probeEntries,
  ping: v.exactOptional(
    section(
      "Healthy when `address` answers an ICMP echo: a witness, such as the gateway, that this box is not cut off.",
      {
        interface: v.exactOptional(
          interfaceName(
            "Interface that it leaves through; required for link-local addresses. Default: the route's.",
          ),
        ),
      },
    ),
  ),
  arp: v.exactOptional(
    section("Healthy when `address` (IPv4) answers ARP: a witness that answers no ping.", {
      interface: interfaceName("Interface on whose network it is."),
    }),
  ),
  address: v.exactOptional(
    address("Who is asked; required for all but `script`. 127.0.0.1 for a program on this box."),
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
