/** What a peer's OPEN comes to: what both can do, or what is wrong with it (RFC 4271 §6.2, RFC 5492, RFC 6286). */
import type { IpFamily } from "#base/address";
import { concatBytes } from "#base/bytes";
import { type Duration, micros, seconds } from "#base/time";
import { AFI, AS_TRANS, CAPABILITY, SAFI, VERSION } from "../message/constants.ts";
import { messageError } from "../message/error.ts";
import type { Capability, FamilyCode, MessageError, Open } from "../message/message.ts";
import type { OpenRefusal } from "./cause.ts";
import type { SessionConfig } from "./config.ts";
import { offersExtendedNextHop, ownFamilies } from "./open.ts";
import type { Agreement } from "./state.ts";
import { keepaliveTime } from "./timers.ts";

/** What both OPENs come to, or why there is no session. */
type Negotiation =
  | { readonly ok: true; readonly agreement: Agreement }
  | { readonly ok: false; readonly refusal: OpenRefusal; readonly error: MessageError };

const refuse = (refusal: OpenRefusal, error: MessageError): Negotiation => ({ ok: false, refusal, error });

type Of<Type extends Capability["type"]> = Extract<Capability, { readonly type: Type }>;

const offered = <Type extends Capability["type"]>(open: Open, type: Type): readonly Of<Type>[] =>
  open.capabilities.filter((capability): capability is Of<Type> => capability.type === type);

const isUnicast = ({ afi, safi }: FamilyCode, family: IpFamily): boolean =>
  afi === AFI[family] && safi === SAFI.unicast;

/** Our word for a family; `undefined` for those that we do not speak. */
export const familyOfCode = (code: FamilyCode): IpFamily | undefined =>
  (["IPv4", "IPv6"] as const).find((family) => isUnicast(code, family));

/**
 * The peer's number; `undefined` if it has none, or says two. The field of two octets has AS_TRANS where the number does not
 * fit, and may have it where it would.
 */
const asnOf = (open: Open): number | undefined => {
  const numbers = new Set(offered(open, "four-octet-as").map(({ asn }) => asn));
  if (numbers.size > 1) return undefined;
  const [asn = open.asn] = numbers;
  if (asn === 0 || asn === AS_TRANS || (open.asn !== asn && open.asn !== AS_TRANS)) return undefined;
  return asn;
};

const isExpected = ({ peerAsn, localAsn }: SessionConfig, asn: number): boolean => {
  if (peerAsn.type === "given") return asn === peerAsn.asn;
  return (asn === localAsn) === (peerAsn.type === "internal");
};

/** A peer that says nothing of families speaks IPv4 (RFC 4760 §8). */
const familiesOf = (open: Open): readonly IpFamily[] => {
  const told = offered(open, "multiprotocol");
  if (told.length === 0) return ["IPv4"];
  return (["IPv4", "IPv6"] as const).filter((each) => told.some(({ family }) => isUnicast(family, each)));
};

/** The capabilities that the peer lacks, as they stand in an OPEN (RFC 5492 §5). */
const missingFamilies = (families: readonly IpFamily[]): Uint8Array =>
  concatBytes(
    ...families.map((family) => Uint8Array.of(CAPABILITY.multiprotocol, 4, 0, AFI[family], 0, SAFI.unicast)),
  );

const acceptsIpv6NextHops = (open: Open): boolean =>
  offered(open, "extended-next-hop").some(({ entries }) =>
    entries.some(({ family, nextHopAfi }) => isUnicast(family, "IPv4") && nextHopAfi === AFI.IPv6),
  );

const isVersionError = (open: Open): Negotiation | undefined =>
  open.version === VERSION
    ? undefined
    : refuse(
        "unsupported-version",
        messageError("open", "unsupported-version-number", Uint8Array.of(0, VERSION)),
      );

/** What both come to; nothing that a peer sends throws. */
export const negotiate = (config: SessionConfig, open: Open): Negotiation => {
  const versionError = isVersionError(open);
  if (versionError !== undefined) return versionError;
  const peerAsn = asnOf(open);
  if (peerAsn === undefined || !isExpected(config, peerAsn)) {
    return refuse("bad-peer-asn", messageError("open", "bad-peer-as"));
  }
  const kind = peerAsn === config.localAsn ? "internal" : "external";
  const isOurs = kind === "internal" && open.routerId === config.routerId;
  if (isOurs || open.routerId === "0.0.0.0") {
    return refuse("bad-router-id", messageError("open", "bad-bgp-identifier"));
  }
  if (open.holdTime === 1 || open.holdTime === 2) {
    return refuse("unacceptable-hold-time", messageError("open", "unacceptable-hold-time"));
  }
  const own = ownFamilies(config);
  const theirs = familiesOf(open);
  const families = own.filter((family) => theirs.includes(family));
  if (families.length === 0) {
    return refuse("no-common-family", messageError("open", "unsupported-capability", missingFamilies(own)));
  }
  return { ok: true, agreement: agree(config, open, { peerAsn, kind, families }) };
};

type Parties = {
  readonly peerAsn: number;
  readonly kind: "internal" | "external";
  readonly families: readonly IpFamily[];
};

const agree = (config: SessionConfig, open: Open, { peerAsn, kind, families }: Parties): Agreement => {
  const holdTime: Duration = micros(Math.min(config.holdTime, seconds(open.holdTime)));
  const hasRouteRefresh = offered(open, "route-refresh").length > 0;
  // Only the last one counts (RFC 4724 §3).
  const restart = offered(open, "graceful-restart").at(-1);
  const ours = config.gracefulRestart;
  return {
    negotiated: {
      peerAsn,
      kind,
      peerRouterId: open.routerId,
      holdTime,
      keepaliveTime: keepaliveTime(config.keepaliveTime, holdTime),
      hasFourOctetAsn: offered(open, "four-octet-as").length > 0,
      families,
      hasExtendedNextHop:
        families.includes("IPv4") && offersExtendedNextHop(config) && acceptsIpv6NextHops(open),
      hasRouteRefresh,
      hasEnhancedRouteRefresh: hasRouteRefresh && offered(open, "enhanced-route-refresh").length > 0,
      peerKeepsRoutes: restart === undefined ? undefined : ours?.restartTime,
    },
    survivesNotification: ours?.survivesNotification === true && restart?.survivesNotification === true,
    peerMayRestart: restart !== undefined && restart.families.length > 0,
  };
};
