/**
 * Which backends of servers in mode `nat` answer for one server alone, so that what they send tells whose it is even
 * when nobody knows the connection.
 */
import type { PlannedBackend, ServerPlan } from "./plan-model.ts";
import { particularity } from "./ports.ts";

const hostOf = ({ protocol }: ServerPlan, { address }: PlannedBackend): string => `${protocol} ${address}`;

const socketOf = (server: ServerPlan, backend: PlannedBackend): string =>
  `${hostOf(server, backend)} ${backend.port ?? server.ports.first}`;

/** The servers with `alone` at those of their backends that are; what need not change is the same object. */
export const markAlone = (servers: readonly ServerPlan[]): readonly ServerPlan[] => {
  const translated = servers.filter(({ mode }) => mode === "nat");
  const countBySocket = new Map<string, number>();
  const shared = new Set<string>();
  for (const server of translated) {
    for (const backend of server.backends) {
      const socket = socketOf(server, backend);
      if (particularity(server.ports) !== "one") shared.add(hostOf(server, backend));
      else countBySocket.set(socket, (countBySocket.get(socket) ?? 0) + 1);
    }
  }
  const isAlone = (server: ServerPlan, backend: PlannedBackend): boolean =>
    countBySocket.get(socketOf(server, backend)) === 1 && !shared.has(hostOf(server, backend));
  return servers.map((server) => {
    if (server.mode !== "nat") return server;
    if (server.backends.every((backend) => (backend.alone === true) === isAlone(server, backend)))
      return server;
    const backends = server.backends.map((backend) => {
      const { alone: _alone, ...rest } = backend;
      return isAlone(server, backend) ? { ...rest, alone: true as const } : rest;
    });
    return { ...server, backends };
  });
};
