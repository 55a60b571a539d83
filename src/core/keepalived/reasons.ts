/** Reasons that several tables give. */
import { lost, needless } from "./table.ts";

/** Mail on transitions. */
export const MAIL = lost("steelyard sends no mail; alert on its metrics (docs/reference/metrics.md)");
/** Scripts and pipes that are told of transitions. */
export const NOTIFY = lost(
  "steelyard starts no program on a transition; follow them with steelyard events --follow --json",
);
/** SNMP and D-Bus. */
export const MANAGEMENT = lost("steelyard speaks neither SNMP nor D-Bus; it has metrics and an admin socket");
/** Names and numbers that only keepalived's own output shows. */
export const LABEL = needless("only names this box in keepalived's own messages");
/** Processes and sockets of keepalived itself. */
export const INNER = needless("is about keepalived's own processes and buffers");
/** Scheduling priority of keepalived's processes. */
export const SCHEDULING = needless(
  "is about keepalived's processes; steelyard edge --realtime asks for real-time scheduling",
);
/** Routes and rules. */
export const ROUTES = lost(
  "steelyard sets no routes or rules; keep them in the machine's network configuration",
);
/** Addresses that stay. */
export const STATIC_ADDRESSES = lost(
  "steelyard sets no addresses that stay; keep them in the machine's network configuration",
);
/** Scripts that run as somebody else. */
export const SCRIPT_USER =
  "scripts run as the user of steelyard; use a wrapper such as /usr/bin/setpriv to become another one";
