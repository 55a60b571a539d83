/** What a check asks, in words that people and status pages share. */
import { type IpAddress, isIpv4 } from "#base/address";
import type { ProbeKind } from "./config.ts";

type Target = { readonly address: IpAddress; readonly port: number };

const placeOf = ({ address, port }: Target): string =>
  isIpv4(address) ? `${address}:${port}` : `[${address}]:${port}`;

/** Such as `https 127.0.0.1:6443/livez, certificate not verified`; without a target, as for scripts, only how it is asked. */
export const questionOf = (probe: ProbeKind, target?: Target): string => {
  const place = target === undefined ? "" : ` ${placeOf(target)}`;
  switch (probe.type) {
    case "tcp":
      return `tcp${place}`;
    case "http":
      return `http${place}${probe.path}`;
    case "https":
      return `https${place}${probe.path}${probe.verify ? "" : ", certificate not verified"}`;
    case "script":
      return `script ${probe.command[0] ?? ""}`;
    default:
      return `${probe.type} ${probe.address}`;
  }
};
