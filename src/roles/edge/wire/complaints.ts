/** Says what is wrong once, however often it is noticed. */
import type { Desired } from "#core/config/desired";
import type { Event } from "#core/observation/event";
import type { View } from "#core/observation/view";
import type { Unavailable } from "#drivers/balance/port";
import { complaint, type EdgeOptions } from "../options.ts";

const capitalised = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** Why a configuration that needs rules in the kernel is refused here. */
export const cannotRun = ({ servers }: Desired, { detail, remedy }: Unavailable): string => {
  const what = servers.length === 0 ? "acceptMode: false" : "virtual servers";
  return `${what} cannot run here: ${detail}. ${capitalised(remedy)}`;
};

export type Complaints = {
  /** A configuration is refused for these problems: a changed file and SIGHUP often come together. */
  refused(problems: readonly string[]): void;
  /** No agent can be started. Goes past the agent, which would write the log. */
  noAgent(because: string): void;
};

/** Has said nothing yet. */
export const createComplaints = (parts: {
  readonly view: () => View;
  readonly emit: (event: Event) => void;
  readonly program: EdgeOptions["program"];
}): Complaints => {
  let saidOfAgent: string | undefined;
  return {
    refused(problems) {
      const { refused } = parts.view().config;
      if (JSON.stringify(refused) !== JSON.stringify(problems)) {
        parts.emit({ type: "config-refused", problems });
      }
    },
    noAgent(because) {
      if (saidOfAgent === because) return;
      saidOfAgent = because;
      process.stderr.write(
        complaint(parts, `the agent cannot be started, ${because}: restart steelyard ${parts.program}`),
      );
    },
  };
};
