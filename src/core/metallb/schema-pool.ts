/** The schema of an `IPAddressPool`. */
import * as v from "valibot";
import { flag, section } from "#core/config/fields";
import { show } from "#core/config/problem";
import { type BlockProblem, parseBlocks } from "#core/ipam/block";
import type { AddressBlock } from "#core/ipam/pool";
import { anyNumber, listOf, names, selectors } from "./fields.ts";

/** One entry of `spec.addresses`: what was written, and what it means. */
export type PoolEntry = { readonly text: string; readonly blocks: readonly AddressBlock[] };

const HINT = "Write a prefix such as 192.0.2.0/24, or a range such as 192.0.2.10-192.0.2.20.";

const SENTENCES: Readonly<Record<BlockProblem, readonly [problem: string, hint: string]>> = {
  "not-an-address": ["is neither a prefix nor a range of addresses", HINT],
  "missing-length": [
    "has no prefix length",
    "Write /32 after a single IPv4 address, /128 after an IPv6 address.",
  ],
  "length-out-of-range": ["has a prefix length that its family does not have", "Use 0..32 or 0..128."],
  "families-differ": ["has ends of different families", "Write one range per family."],
  backwards: ["ends before it starts", "Write the lower address first."],
  "mapped-address": ["is IPv4 in the spelling of IPv6", "Write the IPv4 addresses as such."],
};

const entry = v.pipe(
  v.string(({ input }) => `${show(input)} is not text\n${HINT}`),
  v.rawTransform<string, PoolEntry>(({ dataset, addIssue, NEVER }) => {
    const read = parseBlocks(dataset.value);
    if (read.ok) return { text: dataset.value, blocks: read.blocks };
    const [problem, hint] = SENTENCES[read.reason];
    addIssue({ message: `${show(dataset.value)} ${problem}\n${hint}` });
    return NEVER;
  }),
  v.metadata({ format: "prefix or range" }),
  v.description("A prefix or a range of addresses."),
);

/** `IPAddressPool.spec`. */
export const poolSpec = section("Which addresses there are, and which Services may have them.", {
  addresses: listOf(
    "Prefixes (`192.0.2.0/24`) and ranges (`192.0.2.10-192.0.2.20`), of both families if you like; a single address is written with /32 or /128.",
    entry,
  ),
  autoAssign: v.exactOptional(
    flag("Whether Services that name neither the pool nor an address draw from it."),
    true,
  ),
  avoidBuggyIPs: v.exactOptional(
    flag("Whether IPv4 addresses that end in .0 or .255 are left out, for equipment that drops them."),
    false,
  ),
  serviceAllocation: v.exactOptional(
    section("Which Services may draw from the pool. Default: all of them.", {
      priority: v.exactOptional(
        anyNumber(
          "Order among pools that admit the same Service: lower comes first, 0 comes last. Default: 0.",
        ),
      ),
      namespaces: v.exactOptional(names("Namespaces whose Services are admitted.")),
      namespaceSelectors: v.exactOptional(
        selectors("Selects further namespaces by their labels; one selector must match."),
      ),
      serviceSelectors: v.exactOptional(
        selectors(
          "Selects Services by their labels; one selector must match, besides what is said of namespaces.",
        ),
      ),
    }),
  ),
});

/** A checked `IPAddressPool.spec` with its defaults. */
export type PoolSpec = v.InferOutput<typeof poolSpec>;

const count = (description: string) => anyNumber(description, { format: "int64" });

/** `IPAddressPool.status`. */
export const poolStatus = section("How much of the pool is in use.", {
  assignedIPv4: count("IPv4 addresses that Services hold."),
  assignedIPv6: count("IPv6 addresses that Services hold."),
  availableIPv4: count("IPv4 addresses that are left."),
  availableIPv6: count("IPv6 addresses that are left, at most 2^63 - 1."),
});
