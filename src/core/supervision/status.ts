/** The state of an edge in one line, for `systemctl status`. */
import type { View } from "#core/observation/view";

const share = (part: number, all: number, noun: string): string =>
  `${part} of ${all} ${noun}${all === 1 ? "" : "s"}`;

/** Such as `1 of 2 routers active, 3 of 4 backends healthy`; what is not configured is not mentioned. */
export const statusLine = (view: View): string => {
  const routers = Object.values(view.routers);
  const backends = Object.values(view.backends);
  const active = routers.filter(({ state }) => state === "active").length;
  const healthy = backends.filter(({ state }) => state === "healthy").length;
  const parts = [
    ...(routers.length === 0 ? [] : [`${share(active, routers.length, "router")} active`]),
    ...(backends.length === 0 ? [] : [`${share(healthy, backends.length, "backend")} healthy`]),
    ...(view.config.refused === undefined ? [] : ["a changed configuration was refused"]),
    ...(view.forwarding.state === "failed" ? ["forwarding failed"] : []),
  ];
  return parts.length === 0 ? "nothing is configured" : parts.join(", ");
};
