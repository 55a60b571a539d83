/** An edge as the daemon would drive it: plans from what runs, applies, remembers. */
import assert from "node:assert/strict";
import { type Instant, instant } from "#base/time";
import type { Carrier, VirtualServer } from "#core/balance/model";
import { planDeadline, planForwarding } from "#core/balance/plan";
import type { Availability, ForwardingPlan } from "#core/balance/plan-model";
import type { ApplyResult, Balance, Balancer } from "#drivers/balance/port";

export class Edge {
  engine: Balance & Partial<Balancer>;
  plan: ForwardingPlan | undefined;
  now: Instant = instant(0);

  constructor(engine: Balance & Partial<Balancer>) {
    this.engine = engine;
  }

  async run(
    servers: readonly VirtualServer[],
    unavailable: Readonly<Record<string, Availability>> = {},
  ): Promise<ApplyResult & { readonly ok: true }> {
    this.plan = planForwarding({
      servers,
      availability: (key) => unavailable[key] ?? "available",
      links: { ingress: () => ["eth0"], egress: () => "eth0" },
      previous: this.plan,
      now: this.now,
    });
    const applied = await this.engine.apply(this.plan);
    assert.ok(applied.ok, JSON.stringify(applied));
    return applied;
  }

  /** Who carries a server of the plan. */
  carrierOf(name: string): Carrier {
    const server = this.plan?.servers.find((candidate) => candidate.name === name);
    assert.ok(server && this.engine.carrier !== undefined);
    return this.engine.carrier(server);
  }

  /** Lets all transitions end. */
  async settle(servers: readonly VirtualServer[]): Promise<void> {
    for (;;) {
      const deadline = this.plan === undefined ? undefined : planDeadline(this.plan);
      if (deadline === undefined) return;
      this.now = deadline;
      await this.run(servers);
    }
  }
}
