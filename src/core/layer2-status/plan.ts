/** What one speaker has to write, so that the objects say what it announces. */

import type { ObjectKey } from "#core/kubernetes/meta";
import type { StatusObjectWrite } from "#core/service-status/write";
import { type Announced, type SeenStatus, statusName } from "./object.ts";

/** One request. */
export type StatusWrite = StatusObjectWrite<Announced>;

const isSame = (seen: SeenStatus, { interfaces }: Announced): boolean => {
  const wanted = [...interfaces].sort();
  return (
    seen.interfaces.length === wanted.length && wanted.every((each, index) => each === seen.interfaces[index])
  );
};

const isOurs = ({ node, labelled, name, service }: SeenStatus, self: string): boolean =>
  node === "" ? labelled === self || name === statusName(self, service) : node === self;

const remove = ({ name, uid }: SeenStatus): StatusWrite => ({ type: "delete", name, uid });

/** For a Service that this node announces. */
const planAnnounced = (
  self: string,
  announced: Announced,
  seen: readonly SeenStatus[],
  mayStay: (status: SeenStatus) => boolean,
): readonly StatusWrite[] => {
  const name = statusName(self, announced.service);
  const own = seen.find((each) => each.name === name);
  // What another node said before cannot be changed, and a second object of ours says nothing more.
  const stays = (status: SeenStatus): boolean => !isOurs(status, self) && mayStay(status);
  const others = seen.filter((each) => each !== own && !stays(each)).map(remove);
  if (own === undefined) return [...others, { type: "create", name, announced }];
  if (own.node !== "" && own.node !== self) return [...others, remove(own)];
  return own.node === self && isSame(own, announced)
    ? others
    : [...others, { type: "report", name, announced }];
};

/**
 * What to write about one Service.
 *
 * `announced` is what this node announces of it, if anything; `seen` are all objects that are there of it. A node that announces it
 * removes what others left; one that does not removes its own only, since the holder may be anyone. `mayStay` says which objects of other
 * nodes stay all the same, such as of one that holds another address of the Service.
 */
export const planStatus = (
  self: string,
  announced: Announced | undefined,
  seen: readonly SeenStatus[],
  mayStay: (status: SeenStatus) => boolean = () => false,
): readonly StatusWrite[] =>
  announced === undefined
    ? seen.filter((each) => isOurs(each, self)).map(remove)
    : planAnnounced(self, announced, seen, mayStay);

const NONE: readonly never[] = [];

/** Objects by the Service that they are about, kept as a watch tells them. */
export class SeenStatuses<Status extends Pick<SeenStatus, "name" | "service"> = SeenStatus> {
  /** Lists: there is one of nearly every Service, and a map of one takes four times as much. */
  readonly #byService = new Map<ObjectKey, readonly Status[]>();

  /** One is new or has changed. */
  put(status: Status, before: Status | undefined): void {
    if (before !== undefined && before.service !== status.service) this.remove(before);
    const others = this.of(status.service).filter(({ name }) => name !== status.name);
    // Without room for more, which a list that has grown has.
    this.#byService.set(status.service, others.concat(status));
  }

  /** One is gone. */
  remove({ service, name }: Pick<Status, "service" | "name">): void {
    const others = this.of(service).filter((each) => each.name !== name);
    if (others.length === 0) this.#byService.delete(service);
    else this.#byService.set(service, others);
  }

  /** All of one Service. */
  of(service: ObjectKey): readonly Status[] {
    return this.#byService.get(service) ?? NONE;
  }

  /** Services that have objects. */
  services(): Iterable<ObjectKey> {
    return this.#byService.keys();
  }
}
