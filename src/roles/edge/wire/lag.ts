/**
 * Says when routers follow a configuration that forwarding does not: it could not be put into the kernel, so what they
 * attract may meet nobody, or what was before.
 */
import type { Event } from "#core/observation/event";

export type Lag = {
  /** Routers follow this configuration from now on; `failure` is why forwarding does not, `undefined` if it does. */
  routersFollow(generation: number, failure: string | undefined): void;
  /** Forwarding follows too. */
  forwardingFollows(): void;
};

/** Says nothing before routers are ahead. */
export const createLag = (emit: (event: Event) => void): Lag => {
  let ahead: number | undefined;
  const say = (change: "degraded" | "ready", detail: string): void =>
    emit({ type: "process", part: "wire", change, detail });
  const forwardingFollows = (): void => {
    if (ahead === undefined) return;
    const generation = ahead;
    ahead = undefined;
    say("ready", `forwarding follows configuration ${generation} as the routers do`);
  };
  return {
    forwardingFollows,
    routersFollow(generation, failure) {
      if (failure === undefined) {
        forwardingFollows();
        return;
      }
      if (ahead === generation) return;
      ahead = generation;
      say("degraded", `routers follow configuration ${generation}, forwarding does not yet: ${failure}`);
    },
  };
};
