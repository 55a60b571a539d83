/** BGP peers and BFD profiles. */
import { parseAddress } from "#base/address";
import { seconds } from "#base/time";
import { parseGoDuration } from "#core/metallb/go-duration";
import type { Draft } from "../draft.ts";
import { given } from "../resource.ts";
import type { Section } from "../section.ts";
import { DASHED, readSelectors } from "../selectors.ts";

const MAX_ASN = 4_294_967_295;
/** Whole seconds, as MetalLB counts. */
const timeOf = (section: Section, key: string): number | undefined => {
  const text = section.text(key);
  if (text === undefined) return undefined;
  const duration = parseGoDuration(text);
  if (duration !== undefined) return Math.floor(duration / seconds(1));
  section.lost(key, `${JSON.stringify(text.slice(0, 60))} is no duration such as 90s`);
  return undefined;
};

/** MetalLB's own hold time where a file says none, written out so that a peer sees what it saw before. */
const HOLD_TIME = 90;

const timesOf = (section: Section): { readonly holdTime?: string; readonly keepaliveTime?: string } => {
  const holdTime = timeOf(section, "hold-time") ?? HOLD_TIME;
  const keepalive = timeOf(section, "keepalive-time");
  if (holdTime !== 0 && (holdTime < 3 || holdTime > 65_535)) {
    section.lost("hold-time", "is neither 0 nor from 3 to 65535 seconds");
    return { holdTime: `${HOLD_TIME}s` };
  }
  if (keepalive !== undefined && keepalive > holdTime) {
    section.lost("keepalive-time", `is longer than the hold time, ${holdTime} s`);
    return { holdTime: `${holdTime}s` };
  }
  return { holdTime: `${holdTime}s`, ...(keepalive === undefined ? {} : { keepaliveTime: `${keepalive}s` }) };
};

const addressOf = (section: Section, key: string): string | undefined => {
  const text = section.text(key);
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if (address === undefined) section.lost(key, `${JSON.stringify(text.slice(0, 60))} is no address`);
  return address;
};

/** Reads one peer, and adds it. */
export const readPeer = (section: Section, draft: Draft, profiles: ReadonlyMap<string, string>): void => {
  const myASN = section.whole("my-asn", { min: 1, max: MAX_ASN });
  const peerASN = section.whole("peer-asn", { min: 1, max: MAX_ASN });
  const peerAddress = addressOf(section, "peer-address");
  const selectors = section.sections("node-selectors");
  const nodeSelectors = readSelectors(selectors, DASHED);
  const profile = section.text("bfd-profile");
  const bfdProfile = profile === undefined ? undefined : profiles.get(profile);
  if (profile !== undefined && bfdProfile === undefined)
    section.lost("bfd-profile", `there is no profile ${JSON.stringify(profile.slice(0, 60))}`);
  const multiHop = section.flag("ebgp-multihop") === true;
  if (multiHop && myASN === peerASN) section.lost("ebgp-multihop", "goes with peers of another AS only");
  const rest = {
    sourceAddress: addressOf(section, "source-address"),
    peerPort: section.whole("peer-port", { min: 1, max: 16_384 }),
    ...timesOf(section),
    routerID: addressOf(section, "router-id"),
    password: section.text("password"),
    bfdProfile,
    ebgpMultiHop: multiHop && myASN !== peerASN ? true : undefined,
    nodeSelectors,
  };
  section.close("a peer");
  if (nodeSelectors === undefined) {
    draft.report.lost(
      section.about,
      "is left out: without its node selectors it would be a peer of every node",
    );
    return;
  }
  if (myASN === undefined || peerASN === undefined || peerAddress === undefined) {
    draft.report.lost(section.about, "is left out: my-asn, peer-asn and peer-address are needed");
    return;
  }
  draft.add("BGPPeer", {
    wanted: `peer-${peerAddress}`.replaceAll(":", "-"),
    fallback: "peer",
    origin: section.about,
    spec: given({ myASN, peerASN, peerAddress, ...rest }),
  });
};

/** Reads the BFD profiles, and adds them; gives the names that they got. */
export const readProfiles = (sections: readonly Section[], draft: Draft): ReadonlyMap<string, string> => {
  const names = new Map<string, string>();
  for (const section of sections) {
    const name = section.text("name");
    const interval = { min: 10, max: 60_000 };
    const spec = given({
      receiveInterval: section.whole("receive-interval", interval),
      transmitInterval: section.whole("transmit-interval", interval),
      detectMultiplier: section.whole("detect-multiplier", { min: 2, max: 255 }),
      echoInterval: section.whole("echo-interval", interval),
      echoMode: section.flag("echo-mode") === true ? true : undefined,
      passiveMode: section.flag("passive-mode") === true ? true : undefined,
      minimumTtl: section.whole("minimum-ttl", { min: 1, max: 254 }),
    });
    section.close("a BFD profile");
    if (name === undefined || names.has(name)) {
      draft.report.lost(
        section.about,
        name === undefined ? "is left out: it has no name" : "has the name of another one",
      );
      continue;
    }
    names.set(
      name,
      draft.add("BFDProfile", { wanted: name, fallback: "profile", origin: section.about, spec }),
    );
  }
  return names;
};
