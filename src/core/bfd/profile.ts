/** What a BFDProfile (metallb.io/v1beta1) makes of a session. */
import { millis } from "#base/time";
import type { BfdProfileSpec } from "#core/metallb/schema-peer";
import { DEFAULT_TIMES, type MachineConfig } from "./config.ts";

/** A profile as sessions know it. */
export type SessionProfile = {
  readonly times: MachineConfig;
  /** For sessions over several hops. */
  readonly minimumHopLimit: number;
  /** What the profile asks for and does not get, each in a sentence for the operator. */
  readonly warnings: readonly string[];
};

const DEFAULT_MINIMUM_TTL = 254;

/** Reads a profile that the schema has accepted; what it does not say has MetalLB's defaults. */
export const sessionProfile = (spec: BfdProfileSpec): SessionProfile => {
  const { receiveInterval, transmitInterval, detectMultiplier, passiveMode, minimumTtl, echoMode } = spec;
  return {
    times: {
      desiredMinTxInterval:
        transmitInterval === undefined ? DEFAULT_TIMES.desiredMinTxInterval : millis(transmitInterval),
      requiredMinRxInterval:
        receiveInterval === undefined ? DEFAULT_TIMES.requiredMinRxInterval : millis(receiveInterval),
      detectMultiplier: detectMultiplier ?? DEFAULT_TIMES.detectMultiplier,
      role: passiveMode === true ? "passive" : "active",
    },
    minimumHopLimit: minimumTtl ?? DEFAULT_MINIMUM_TTL,
    warnings: echoMode === true ? [NO_ECHO] : [],
  };
};

const NO_ECHO =
  "echoMode: the router's echo packets are sent back to it, but none are sent from here; control packets at receiveInterval and transmitInterval watch the path instead.";
