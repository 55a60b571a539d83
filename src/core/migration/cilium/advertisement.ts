/** CiliumBGPAdvertisement: which routes go out. */
import type { Draft } from "../draft.ts";
import { given } from "../resource.ts";
import type { Section } from "../section.ts";
import type { Peer } from "./cluster-config.ts";
import { readCommunities } from "./community.ts";
import { advertisedServices, readServiceSelector, unsaidInAdvertisement } from "./selector.ts";

type Peers = { readonly names: readonly string[]; readonly isOneFamilyOnly: boolean };

/** Whom an advertisement with these labels is told. */
const peersFor = (labels: Readonly<Record<string, string>>, peers: readonly Peer[]): Peers => {
  const told = peers.map(({ name, families }) => ({
    name,
    count: new Set(families.filter(({ selects }) => selects(labels)).map(({ afi }) => afi)).size,
    of: new Set(families.map(({ afi }) => afi)).size,
  }));
  const names = told.filter(({ count }) => count > 0).map(({ name }) => name);
  return {
    names: [...new Set(names)],
    isOneFamilyOnly: told.some(({ count, of }) => count > 0 && count < of),
  };
};

/** The lengths to which routes are put together, which do not go with a selection of Services. */
const aggregationOf = (service: Section, isSelective: boolean): object => {
  const lengths = {
    aggregationLength: service.whole("aggregationLengthIPv4", { min: 1, max: 32 }),
    aggregationLengthV6: service.whole("aggregationLengthIPv6", { min: 1, max: 128 }),
  };
  if (!isSelective) return lengths;
  service.dismiss(
    "lost",
    ["aggregationLengthIPv4", "aggregationLengthIPv6"],
    "routes of selected Services are not put together; select none, or name pools",
  );
  return {};
};

/** Whether addresses of load balancers are among those that go out. */
const announcesServices = (entry: Section, draft: Draft): Section | undefined => {
  const type = entry.text("advertisementType");
  const service = entry.section("service");
  if (type !== "Service" || service === undefined) {
    draft.report.lost(
      entry.about,
      `is left out: ${(type ?? "nothing").slice(0, 40)} is no route of a Service; those of pods remain the CNI's`,
    );
    return undefined;
  }
  const addresses = service.texts("addresses");
  for (const { text, about } of addresses.filter(({ text }) => text !== "LoadBalancerIP"))
    draft.report.lost(
      about,
      `${text.slice(0, 40)}: steelyard announces the addresses that load balancers get`,
    );
  return addresses.some(({ text }) => text === "LoadBalancerIP") ? service : undefined;
};

const readEntry = (
  entry: Section,
  { draft, name, peers }: { readonly draft: Draft; readonly name: string; readonly peers: Peers },
): void => {
  const service = announcesServices(entry, draft);
  const selecting = entry.section("selector");
  const attributes = entry.section("attributes");
  if (service === undefined) return;
  if (selecting === undefined) {
    draft.report.needless(entry.about, "selects no Services, as it has no selector");
    return;
  }
  const selector = readServiceSelector(selecting);
  const serviceSelectors = advertisedServices(selector);
  const communities = readCommunities(attributes?.section("communities"), draft);
  const localPref = attributes?.whole("localPreference", { min: 0, max: 4_294_967_295 });
  const aggregation = aggregationOf(service, serviceSelectors.length > 0);
  service.close("a service's routes");
  attributes?.close("attributes");
  entry.close("an advertisement");
  const unsaid = unsaidInAdvertisement(selector);
  if (unsaid !== undefined) {
    draft.report.lost(entry.about, `is left out: ${unsaid}, which BGPAdvertisement cannot`);
    return;
  }
  if (peers.names.length === 0) {
    draft.report.needless(entry.about, "no family of a peer in these files selects it, so it goes nowhere");
    return;
  }
  if (peers.isOneFamilyOnly)
    draft.report.changed(entry.about, "goes out for both families of its peers, not for one of them only");
  draft.add("BGPAdvertisement", {
    wanted: name,
    fallback: "advertisement",
    origin: entry.about,
    spec: given({ ...aggregation, localPref, communities, serviceSelectors, peers: peers.names }),
  });
};

/** Reads an advertisement, and adds what announces as it does. */
export const readAdvertisement = (
  section: Section,
  { draft, peers }: { readonly draft: Draft; readonly peers: readonly Peer[] },
): void => {
  const metadata = section.section("metadata");
  const name = metadata?.text("name") ?? "";
  const told = peersFor(metadata?.textMap("labels") ?? {}, peers);
  const spec = section.section("spec");
  for (const entry of spec?.sections("advertisements") ?? []) readEntry(entry, { draft, name, peers: told });
  spec?.close("advertisements");
};
