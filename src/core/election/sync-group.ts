/**
 * Sync groups: virtual routers that are active together or not at all, such as the outer and the inner address of a
 * gateway.
 *
 * A planner without memory: it looks at the members' states and says what to change. The caller applies the commands
 * (`group` inputs of the machine) and asks again until there are none.
 *
 * | members | commands |
 * |---|---|
 * | one has a fault of its own, or is not started | the others are held: they leave too |
 * | none has, but some are still held | those are released |
 * | every one is active or willing to be | the willing ones become active |
 * | one is neither | the active ones step down |
 *
 * As in keepalived a group stays backup until all members want to be active: it is better that the other group goes on
 * with one member missing than that both groups share the addresses. Differences: a member that steps down for its
 * group sends priority 0, so that the other group follows at once and not after three intervals; the group itself
 * tracks nothing (its members do).
 */
import type { GroupCommand, Obstacle, State } from "#core/vrrp/state";

/** One virtual router of a group. */
export type Member = { readonly router: string; readonly machine: State };

/** What one member must be told. */
export type MemberCommand = { readonly router: string; readonly command: GroupCommand };

const HELD: Obstacle = "group-fault";

const isHeld = ({ machine }: Member): boolean =>
  machine.name === "initialize" && machine.obstacles.includes(HELD);

const hasOwnObstacle = ({ machine }: Member): boolean =>
  machine.name === "initialize" && machine.obstacles.some((obstacle) => obstacle !== HELD);

const wantsActive = ({ machine }: Member): boolean =>
  machine.name === "active" || (machine.name === "backup" && machine.willing);

const commandAll = (members: readonly Member[], command: GroupCommand): readonly MemberCommand[] =>
  members.map(({ router }) => ({ router, command }));

/** The commands for the members of one group; none when it is at rest. */
export const plan = (members: readonly Member[]): readonly MemberCommand[] => {
  if (members.some(hasOwnObstacle)) {
    return commandAll(
      members.filter(({ machine }) => machine.name !== "initialize"),
      "hold",
    );
  }
  const held = members.filter(isHeld);
  if (held.length > 0) return commandAll(held, "release");
  const active = members.filter(({ machine }) => machine.name === "active");
  if (members.every(wantsActive)) {
    return commandAll(
      members.filter((member) => !active.includes(member)),
      "become-active",
    );
  }
  return commandAll(active, "step-down");
};
