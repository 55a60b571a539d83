/** CiliumLoadBalancerIPPool. */
import { formatBlock, parseServiceAddress, sizeOf } from "#core/ipam/block";
import type { AddressBlock } from "#core/ipam/pool";
import { readBlocks, union, withoutEnds } from "../addresses.ts";
import type { Draft } from "../draft.ts";
import { given } from "../resource.ts";
import type { Section } from "../section.ts";
import { advertisedServices, EVERY_SERVICE, readServiceSelector } from "./selector.ts";

type Block = { readonly block: AddressBlock; readonly isPrefix: boolean };

const textOfBlock = (section: Section): { readonly text: string; readonly isPrefix: boolean } | undefined => {
  const cidr = section.text("cidr");
  if (cidr !== undefined) return { text: cidr, isPrefix: true };
  const start = section.text("start");
  const stop = section.text("stop");
  if (start === undefined) return undefined;
  return { text: `${start}-${stop ?? start}`, isPrefix: false };
};

const readBlock = (section: Section, draft: Draft): readonly Block[] => {
  const found = textOfBlock(section);
  section.close("a block");
  if (found === undefined) {
    draft.report.lost(section.about, "has neither cidr nor start");
    return [];
  }
  const { text, isPrefix } = found;
  // A single address has no length to be checked here, as prefixes have.
  const blocks = readBlocks(
    isPrefix && !text.includes("/") && parseServiceAddress(text) !== undefined ? `${text}-${text}` : text,
  );
  if (typeof blocks !== "string") return blocks.map((block) => ({ block, isPrefix }));
  draft.report.lost(section.about, `${JSON.stringify(text.slice(0, 60))} ${blocks}`);
  return [];
};

/** Which addresses may be given: without the ends of each prefix, where the pool keeps these back. */
const addressesOf = (spec: Section, draft: Draft): readonly AddressBlock[] => {
  const ends = spec.text("allowFirstLastIPs");
  const blocks = [...spec.sections("cidrs"), ...spec.sections("blocks")].flatMap((each) =>
    readBlock(each, draft),
  );
  return union(
    blocks.map(({ block, isPrefix }) =>
      isPrefix && ends === "No" && sizeOf(block) > 2n ? withoutEnds(block) : block,
    ),
  );
};

/** Reads a pool, and adds it. */
export const readPool = (section: Section, draft: Draft): void => {
  const metadata = section.section("metadata");
  const name = metadata?.text("name");
  const labels = metadata?.textMap("labels") ?? {};
  const spec = section.section("spec");
  if (name === undefined || spec === undefined) {
    draft.report.lost(section.about, "is left out: it has no name, or no spec");
    return;
  }
  const blocks = addressesOf(spec, draft);
  const selecting = spec.section("serviceSelector");
  const selector = selecting === undefined ? EVERY_SERVICE : readServiceSelector(selecting);
  const isDisabled = spec.flag("disabled") === true;
  spec.close("a pool");
  const owner = blocks.map((block) => draft.taken.ownerOf(block)).find((by) => by !== undefined);
  if (owner !== undefined || blocks.length === 0) {
    const why =
      owner === undefined
        ? "it has no addresses"
        : `it overlaps with ${owner}, so one of both gives nothing with Cilium either`;
    draft.report.lost(section.about, `is left out: ${why}`);
    return;
  }
  for (const block of blocks) draft.taken.add(block, name.slice(0, 100));
  if (isDisabled)
    spec.changed(
      "disabled",
      "autoAssign: false; Services that name the pool or one of its addresses still get one",
    );
  if (selector.unsaid !== undefined) {
    spec.lost(
      "serviceSelector",
      `${selector.unsaid}; with autoAssign: false only Services that name the pool take from it`,
    );
  }
  draft.add("IPAddressPool", {
    wanted: name,
    fallback: "pool",
    origin: section.about,
    labels,
    spec: {
      addresses: blocks.map(formatBlock),
      ...(isDisabled || selector.unsaid !== undefined ? { autoAssign: false } : {}),
      ...given({
        serviceAllocation: given({
          namespaces: selector.namespaces,
          serviceSelectors: advertisedServices(selector),
        }),
      }),
    },
  });
};
