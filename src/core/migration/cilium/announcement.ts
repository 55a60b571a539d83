/** CiliumL2AnnouncementPolicy. */
import type { Draft } from "../draft.ts";
import { given } from "../resource.ts";
import type { Section } from "../section.ts";
import { CAMEL, readSelectors } from "../selectors.ts";
import { advertisedServices, EVERY_SERVICE, readServiceSelector, unsaidInAdvertisement } from "./selector.ts";

/** A pattern that means one name and no other. */
const EXACT = /^\^([\w.-]{1,15})\$$/;
const PLAIN = /^[\w-]{1,15}$/;

/** The interfaces that can be named; `undefined` when some are asked for and none can be. */
const interfacesOf = (spec: Section, draft: Draft): readonly string[] | undefined => {
  const asked = spec.texts("interfaces");
  const names = asked.flatMap(({ text, about }) => {
    const exact = EXACT.exec(text)?.[1];
    if (exact !== undefined && !exact.includes(".")) return [exact];
    if (PLAIN.test(text)) {
      draft.report.changed(about, "the interface of exactly this name; to Cilium it is a pattern");
      return [text];
    }
    draft.report.lost(
      about,
      "interfaces are named, not matched by a pattern; add each to the L2Advertisement",
    );
    return [];
  });
  return asked.length > 0 && names.length === 0 ? undefined : [...new Set(names)];
};

/** Reads a policy, and adds what announces as it does. */
export const readAnnouncementPolicy = (section: Section, draft: Draft): void => {
  const name = section.section("metadata")?.text("name") ?? "";
  const spec = section.section("spec");
  if (spec === undefined) {
    draft.report.lost(section.about, "is left out: it has no spec");
    return;
  }
  const node = spec.section("nodeSelector");
  const nodeSelectors = readSelectors(node === undefined ? [] : [node], CAMEL);
  const selecting = spec.section("serviceSelector");
  const selector = selecting === undefined ? EVERY_SERVICE : readServiceSelector(selecting);
  const interfaces = interfacesOf(spec, draft);
  if (spec.flag("externalIPs") === true)
    spec.lost(
      "externalIPs",
      "steelyard announces the addresses that load balancers get, no spec.externalIPs",
    );
  const isMeant = spec.flag("loadBalancerIPs") === true;
  spec.close("an announcement policy");
  const unsaid = unsaidInAdvertisement(selector);
  if (!isMeant) draft.report.needless(section.about, "announces no addresses of load balancers");
  else if (unsaid !== undefined)
    draft.report.lost(section.about, `is left out: ${unsaid}, which L2Advertisement cannot`);
  else if (nodeSelectors === undefined)
    draft.report.lost(section.about, "is left out: without its node selector every node would announce");
  else if (interfaces === undefined)
    draft.report.lost(section.about, "is left out: without its interfaces it would announce on each");
  else {
    const spec = given({ nodeSelectors, interfaces, serviceSelectors: advertisedServices(selector) });
    draft.add("L2Advertisement", { wanted: name, fallback: "advertisement", origin: section.about, spec });
  }
};
