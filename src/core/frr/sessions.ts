/** How sessions in FRR are, from what it prints as JSON. */
import { type IpFamily, type Ipv4Address, isIpv4, parseAddress } from "#base/address";
import { describeNotification } from "#core/bgp/message/notification";
import type { SessionName } from "#core/bgp/session/state";
import { type Fields, fieldsOf, textOf } from "#core/kubernetes/read";
import { OWN } from "./names.ts";

/** Messages by kind, since the session is known. */
export type FrrMessages = {
  readonly open: number;
  readonly update: number;
  readonly notification: number;
  readonly keepalive: number;
  readonly "route-refresh": number;
};

export type FrrSession = {
  /** Address of the peer. */
  readonly address: string;
  readonly state: SessionName;
  /** How long it is established, in milliseconds; `undefined` unless it is. */
  readonly upMs: number | undefined;
  /** What was agreed on; `undefined` unless it is established. */
  readonly agreed:
    | {
        readonly asn: number;
        readonly routerId: Ipv4Address;
        readonly families: readonly IpFamily[];
        /** In milliseconds; 0: neither keepalives nor silence count. */
        readonly holdMs: number;
        readonly keepaliveMs: number;
        /** How long the peer keeps our routes without a session, in milliseconds; `undefined`: it does not. */
        readonly keepsRoutesMs: number | undefined;
      }
    | undefined;
  /** Routes that it was told, of all families. */
  readonly routesSent: number;
  readonly sent: FrrMessages;
  readonly received: FrrMessages;
  /** How often it came up. */
  readonly ups: number;
  /** What went wrong last, in words, and how long ago; `undefined`: nothing, or it has come up since. */
  readonly failure: { readonly text: string; readonly agoMs: number } | undefined;
  /** What BFD says; `undefined` without it. */
  readonly bfd: "up" | "down" | "init" | "admin-down" | undefined;
};

const STATES: ReadonlyMap<string, SessionName> = new Map([
  ["Idle", "idle"],
  ["Connect", "connect"],
  ["Active", "active"],
  ["OpenSent", "open-sent"],
  ["OpenConfirm", "open-confirm"],
  ["Established", "established"],
]);

const BFD_STATES: ReadonlyMap<string, NonNullable<FrrSession["bfd"]>> = new Map([
  ["up", "up"],
  ["down", "down"],
  ["init", "init"],
  ["admin down", "admin-down"],
]);

const FAMILIES: readonly (readonly [name: string, family: IpFamily])[] = [
  ["ipv4Unicast", "IPv4"],
  ["ipv6Unicast", "IPv6"],
];

const count = (value: unknown): number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;

const messagesOf = (stats: Fields, way: "Sent" | "Recv"): FrrMessages => ({
  open: count(stats[`opens${way}`]),
  update: count(stats[`updates${way}`]),
  notification: count(stats[`notifications${way}`]),
  keepalive: count(stats[`keepalives${way}`]),
  "route-refresh": count(stats[`routeRefresh${way}`]),
});

/** What FRR says of a session that was never up, and is nothing that went wrong. */
const NO_FAILURES: ReadonlySet<string> = new Set([
  "",
  "No AFI/SAFI activated for peer",
  "Waiting for peer OPEN",
]);
const LONGEST = 200;

const failureText = ({ lastResetDueTo, lastErrorCodeSubcode }: Fields): string | undefined => {
  const why = textOf(lastResetDueTo)
    .replaceAll(/\p{Cc}+/gu, " ")
    .slice(0, LONGEST);
  if (NO_FAILURES.has(why)) return undefined;
  const digits = /^([0-9A-F]{2})([0-9A-F]{2})$/i.exec(textOf(lastErrorCodeSubcode));
  if (digits === null || !/notification/i.test(why)) return `FRR says: ${why}`;
  const [code, subcode] = digits.slice(1).map((each) => Number.parseInt(each, 16));
  const said = describeNotification({ code: code ?? 0, subcode: subcode ?? 0, data: new Uint8Array(0) });
  // As a speaker of ours says it.
  return /received/i.test(why) ? `the peer sent a NOTIFICATION: ${said}` : `FRR sent a NOTIFICATION: ${said}`;
};

const agreedOf = (fields: Fields): FrrSession["agreed"] => {
  const routerId = parseAddress(textOf(fields.remoteRouterId));
  const { gracefulRestart, gracefulRestartRemoteTimerMsecs, multiprotocolExtensions } = fieldsOf(
    fields.neighborCapabilities,
  );
  if (routerId === undefined || !isIpv4(routerId)) return undefined;
  const spoken = fieldsOf(multiprotocolExtensions);
  const families = FAMILIES.filter(([name]) => fieldsOf(spoken[name]).advertisedAndReceived === true);
  return {
    asn: count(fields.remoteAs),
    routerId,
    families: families.map(([, family]) => family),
    holdMs: count(fields.bgpTimerHoldTimeMsecs),
    keepaliveMs: count(fields.bgpTimerKeepAliveIntervalMsecs),
    keepsRoutesMs:
      gracefulRestart === "advertisedAndReceived" ? count(gracefulRestartRemoteTimerMsecs) : undefined,
  };
};

const sessionOf = (address: string, fields: Fields): FrrSession => {
  const { bgpState, bgpTimerUpMsec, lastResetTimerMsecs, messageStats, addressFamilyInfo } = fields;
  const state = STATES.get(textOf(bgpState)) ?? "idle";
  const isUp = state === "established";
  const text = isUp ? undefined : failureText(fields);
  const info = fieldsOf(addressFamilyInfo);
  const stats = fieldsOf(messageStats);
  return {
    ...{ address, state, upMs: isUp ? count(bgpTimerUpMsec) : undefined },
    agreed: isUp ? agreedOf(fields) : undefined,
    routesSent: FAMILIES.reduce((sum, [name]) => sum + count(fieldsOf(info[name]).sentPrefixCounter), 0),
    ...{ sent: messagesOf(stats, "Sent"), received: messagesOf(stats, "Recv") },
    ups: count(fields.connectionsEstablished),
    failure: text === undefined ? undefined : { text, agoMs: count(lastResetTimerMsecs) },
    bfd: BFD_STATES.get(textOf(fieldsOf(fields.peerBfdInfo).status).toLowerCase()),
  };
};

/** More neighbours than this are not ours. */
const MOST = 4_096;

/** Sessions in our views, from `show bgp vrf all neighbors json`. Never throws: what cannot be read is not there. */
export const readSessions = (text: string): readonly FrrSession[] => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return [];
  }
  return Object.entries(fieldsOf(parsed))
    .filter(([view]) => view.startsWith(OWN))
    .flatMap(([, neighbours]) => Object.entries(fieldsOf(neighbours)))
    .flatMap(([name, value]): readonly FrrSession[] => {
      const address = parseAddress(name);
      return address === undefined ? [] : [sessionOf(address, fieldsOf(value))];
    })
    .slice(0, MOST);
};
