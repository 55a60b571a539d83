/** What one speaker has to write, so that its objects say what it tells whom. Those of other nodes are theirs. */
import type { StatusObjectWrite } from "#core/service-status/write";
import { type BgpAnnounced, bgpStatusName, type SeenBgpStatus } from "./object.ts";

/** One request. */
export type BgpStatusWrite = StatusObjectWrite<BgpAnnounced>;

const isSame = (seen: SeenBgpStatus, { peers }: BgpAnnounced): boolean => {
  const wanted = [...peers].sort();
  return seen.peers.length === wanted.length && wanted.every((each, index) => each === seen.peers[index]);
};

const isOurs = ({ node, labelled, name, service }: SeenBgpStatus, self: string): boolean =>
  node === "" ? labelled === self || name === bgpStatusName(self, service) : node === self;

const remove = ({ name, uid }: SeenBgpStatus): BgpStatusWrite => ({ type: "delete", name, uid });

/**
 * What to write about one Service.
 *
 * `announced` is whom this node is to tell of it, if anybody; `seen` are all objects that are there of it. A second object of this
 * node, such as a MetalLB before us made, goes.
 */
export const planBgpStatus = (
  self: string,
  announced: BgpAnnounced | undefined,
  seen: readonly SeenBgpStatus[],
): readonly BgpStatusWrite[] => {
  const ours = seen.filter((each) => isOurs(each, self));
  if (announced === undefined) return ours.map(remove);
  const name = bgpStatusName(self, announced.service);
  const others = ours.filter((each) => each.name !== name).map(remove);
  const own = seen.find((each) => each.name === name);
  if (own === undefined) return [...others, { type: "create", name, announced }];
  // What it says of another node cannot be changed.
  if (own.node !== "" && own.node !== self) return [...others, remove(own)];
  return own.node === self && isSame(own, announced)
    ? others
    : [...others, { type: "report", name, announced }];
};
