/** A connection tracking table in memory. */
import type { FlowSection, FlowSelector, FlowTarget } from "#core/conntrack/selector";
import type { ConntrackPort, ConntrackResult, FlowCounts } from "./port.ts";

/** One open flow: what the client spoke to, and who answers. */
export type FakeFlow = {
  readonly to: { readonly address: string; readonly protocol: "tcp" | "udp"; readonly port: number };
  readonly answeredBy: { readonly address: string; readonly port: number };
};

const isOf = (
  { to }: FakeFlow,
  { address, protocol, firstPort, lastPort, except = [] }: FlowSelector,
): boolean =>
  to.address === address &&
  to.protocol === protocol &&
  to.port >= firstPort &&
  to.port <= lastPort &&
  !except.some(({ first, last }) => to.port >= first && to.port <= last);

const isAnsweredBy = ({ to, answeredBy }: FakeFlow, { address, port }: FlowTarget): boolean =>
  answeredBy.address === address && answeredBy.port === (port ?? to.port);

/** A table with room for `limit` flows; the tests open flows by pushing to `flows`. */
export class FakeConntrack implements ConntrackPort {
  flows: FakeFlow[] = [];
  readonly limit: number;

  constructor(limit = 1_000) {
    this.limit = limit;
  }

  async count(sections: readonly FlowSection[]): Promise<ConntrackResult<FlowCounts>> {
    const open = sections.map(({ selector, targets }) => {
      const mine = this.flows.filter((flow) => isOf(flow, selector));
      return targets.map((target) => mine.filter((flow) => isAnsweredBy(flow, target)).length);
    });
    return { ok: true, value: { open, costMicros: 0 } };
  }

  async end(sections: readonly FlowSection[]): Promise<ConntrackResult<readonly number[]>> {
    const ended = sections.map(({ selector, targets }) => {
      const before = this.flows.length;
      this.flows = this.flows.filter(
        (flow) => !isOf(flow, selector) || !targets.some((target) => isAnsweredBy(flow, target)),
      );
      return before - this.flows.length;
    });
    return { ok: true, value: ended };
  }

  usage() {
    return { ok: true, value: { entries: this.flows.length, limit: this.limit } } as const;
  }

  close(): void {}
}
