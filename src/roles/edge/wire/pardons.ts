/** Keeps, for each virtual server, which of its backends' failures are pardoned: see `core/health/amnesty`. */
import { type Amnesty, type CutOff, NO_AMNESTY, pardon } from "#core/health/amnesty";
import type { State } from "#core/health/machine";

export type Pardons = {
  /** A backend of a server is checked from now on. */
  join(server: string, id: string): void;
  leave(server: string, id: string): void;
  /** The edge may be at fault for a server now, or may no longer be. */
  reconsider(): void;
  /** The state of one has changed; cheap unless a round has failed, a verdict has changed or somebody is pardoned. */
  heard(server: string, before: State, after: State): void;
  has(server: string, id: string): boolean;
};

const hasSpoken = (before: State, after: State): boolean =>
  before.verdict !== after.verdict || before.counters.failedRounds !== after.counters.failedRounds;

/** Nobody is pardoned at first. `stateOf` gives the state of a member; `onChange` is told when pardons change. */
export const createPardons = (parts: {
  readonly stateOf: (id: string) => State | undefined;
  /** Since when the edge itself cannot serve this server's address; `undefined` while it can. */
  readonly cutOff: (server: string) => CutOff;
  readonly onChange: () => void;
}): Pardons => {
  const idsByServer = new Map<string, Set<string>>();
  const amnestyByServer = new Map<string, Amnesty>();

  const reconsider = (server: string): void => {
    const before = amnestyByServer.get(server) ?? NO_AMNESTY;
    const members = [...(idsByServer.get(server) ?? [])].flatMap((id) => {
      const state = parts.stateOf(id);
      return state === undefined ? [] : [{ id, state }];
    });
    const now = pardon(before, members, parts.cutOff(server));
    if (now.size === 0) amnestyByServer.delete(server);
    else amnestyByServer.set(server, now);
    if (now.size !== before.size || [...now.keys()].some((id) => !before.has(id))) parts.onChange();
  };

  return {
    join(server, id) {
      idsByServer.set(server, (idsByServer.get(server) ?? new Set()).add(id));
    },
    leave(server, id) {
      const ids = idsByServer.get(server);
      ids?.delete(id);
      if (ids?.size === 0) idsByServer.delete(server);
      if (amnestyByServer.has(server)) reconsider(server);
    },
    reconsider() {
      for (const server of idsByServer.keys()) reconsider(server);
    },
    heard(server, before, after) {
      if (hasSpoken(before, after) || amnestyByServer.has(server)) reconsider(server);
    },
    has: (server, id) => amnestyByServer.get(server)?.has(id) === true,
  };
};
