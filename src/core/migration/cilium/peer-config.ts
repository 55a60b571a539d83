/** CiliumBGPPeerConfig: how sessions are, and which advertisements go out in them. */
import type { TextMap } from "#core/kubernetes/meta";
import { matches } from "#core/kubernetes/selector";
import type { Draft } from "../draft.ts";
import type { Section } from "../section.ts";
import { CAMEL, readSelector } from "../selectors.ts";
import { matchable } from "./selector.ts";

/** What is said about sessions, as a BGPPeer says it; seconds with their unit. */
export type SessionSpec = {
  readonly peerPort: number | undefined;
  readonly holdTime: string;
  readonly keepaliveTime: string;
  readonly connectTime: string | undefined;
  readonly passwordSecret: { readonly name: string } | undefined;
  readonly enableGracefulRestart: true | undefined;
  /** Whether a session with another AS may cross routers. */
  readonly isMultiHop: boolean;
};

/** One address family of a session. */
export type Family = {
  readonly afi: "ipv4" | "ipv6";
  /** Whether an advertisement with these labels goes out. */
  readonly selects: (labels: TextMap) => boolean;
};

export type PeerConfig = { readonly session: SessionSpec; readonly families: readonly Family[] };

/** Cilium's time where nothing is said, written out so that a peer sees what it saw before. */
const HOLD_TIME = 90;

/** How a session is of which nothing is said. */
export const PLAIN_SESSION: SessionSpec = {
  peerPort: undefined,
  holdTime: `${HOLD_TIME}s`,
  keepaliveTime: `${HOLD_TIME / 3}s`,
  connectTime: undefined,
  passwordSecret: undefined,
  enableGracefulRestart: undefined,
  isMultiHop: false,
};

type Times = Pick<SessionSpec, "holdTime" | "keepaliveTime" | "connectTime">;

/** The times under their three keys. */
export const readTimes = (section: Section): Times => {
  const holdTime = section.whole("holdTimeSeconds", { min: 3, max: 65_535 }) ?? HOLD_TIME;
  const third = Math.floor(holdTime / 3);
  const keepalive = section.whole("keepAliveTimeSeconds", { min: 1, max: 65_535 }) ?? third;
  const connect = section.whole("connectRetryTimeSeconds", { min: 1, max: 65_535 });
  if (keepalive > holdTime)
    section.lost("keepAliveTimeSeconds", `is longer than the hold time, ${holdTime} s`);
  return {
    holdTime: `${holdTime}s`,
    keepaliveTime: `${keepalive > holdTime ? third : keepalive}s`,
    connectTime: connect === undefined ? undefined : `${connect}s`,
  };
};

/** Whether sessions survive a restart. */
export const readGracefulRestart = (section: Section | undefined): true | undefined => {
  if (section === undefined) return undefined;
  const isEnabled = section.flag("enabled") === true;
  const time = section.whole("restartTimeSeconds", { min: 1, max: 4_095 });
  if (time !== undefined && time !== 120)
    section.lost("restartTimeSeconds", "cannot be set; routers are told 120 s");
  section.close("graceful restart");
  return isEnabled ? true : undefined;
};

const secretOf = (spec: Section): { readonly name: string } | undefined => {
  const name = spec.text("authSecretRef");
  if (name === undefined) return undefined;
  spec.changed(
    "authSecretRef",
    "passwordSecret: the Secret must lie beside the BGPPeer, be of type kubernetes.io/basic-auth and have a key password",
  );
  return { name };
};

const familyOf = (section: Section, draft: Draft): Family | undefined => {
  const afi = section.text("afi");
  const safi = section.text("safi");
  const selecting = section.section("advertisements");
  section.close("a family");
  if ((afi !== "ipv4" && afi !== "ipv6") || safi !== "unicast") {
    draft.report.lost(section.about, "steelyard announces unicast routes of IPv4 and IPv6");
    return undefined;
  }
  if (selecting === undefined) return { afi, selects: () => false };
  const { selector, whole } = readSelector(selecting, CAMEL);
  return { afi, selects: (labels) => whole && matches(matchable(selector), labels) };
};

/** Reads the spec of a peer's configuration. */
export const readPeerConfig = (spec: Section, draft: Draft): PeerConfig => {
  const transport = spec.section("transport");
  const peerPort = transport?.whole("peerPort", { min: 1, max: 16_384 });
  transport?.dismiss(
    "lost",
    ["localPort", "sourceInterface"],
    "write sourceAddress into a BGPPeer for each node instead",
  );
  transport?.close("transport");
  const timers = spec.section("timers");
  const times = timers === undefined ? PLAIN_SESSION : readTimes(timers);
  timers?.close("timers");
  const hops = spec.whole("ebgpMultihop", { min: 1, max: 255 }) ?? 1;
  const session: SessionSpec = {
    peerPort,
    holdTime: times.holdTime,
    keepaliveTime: times.keepaliveTime,
    connectTime: times.connectTime,
    passwordSecret: secretOf(spec),
    enableGracefulRestart: readGracefulRestart(spec.section("gracefulRestart")),
    isMultiHop: hops > 1,
  };
  const families = spec.sections("families").flatMap((each) => familyOf(each, draft) ?? []);
  spec.close("a peer's configuration");
  return { session, families };
};
