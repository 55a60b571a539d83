/**
 * Membership in the solicited-node groups of many addresses on one link.
 *
 * Joined through sockets that receive nothing, so that the kernel tells switches of it (MLD). A group is told by the
 * last 24 bits of its addresses. The kernel looks through all groups of a link for every multicast packet and counts
 * their memory against each socket, so there are several sockets, and a bound: beyond it, or where the kernel refuses, the
 * link takes every multicast frame.
 */
import { addressBytes } from "#base/address";
import { concatBytes } from "#base/bytes";
import { ALL_NODES, solicitedNodeGroup } from "#core/ndp/group";
import type { Door } from "#native/door";
import * as linux from "./constants.ts";
import type { PacketError, PacketLink } from "./port.ts";
import { refusal } from "./receiver.ts";
import type { Listening } from "./responder-port.ts";
import { int32, ipv6Membership } from "./sockaddr.ts";
import { openSocket } from "./socket.ts";

/** Groups that are joined on one link at most. */
const MOST_GROUPS = 1_000;
/** 56 bytes each must stay below net.core.optmem_max, which is 20 KiB on older kernels. */
const GROUPS_PER_SOCKET = 250;

/** The first 13 bytes of every solicited-node group (RFC 4291 §2.7.1). */
const PREFIX = addressBytes(solicitedNodeGroup(ALL_NODES)).subarray(0, 13);

type Member = { readonly fd: number; count: number };

const membershipOf = (group: number, link: PacketLink): Uint8Array =>
  ipv6Membership(
    concatBytes(PREFIX, Uint8Array.of(group >>> 16, (group >>> 8) & 0xff, group & 0xff)),
    link.index,
  );

/** `struct packet_mreq`: all multicast on a link. */
const everyMulticast = (link: PacketLink): Uint8Array =>
  concatBytes(int32(link.index), Uint8Array.of(linux.PACKET_MR_ALLMULTI, 0), new Uint8Array(10));

export class Groups {
  readonly #door: Door;
  readonly #link: PacketLink;
  /** The packet socket, for which all multicast is taken. */
  readonly #receiver: number;
  readonly #members: Member[] = [];
  readonly #memberByGroup = new Map<number, Member>();
  /** Those that are wanted and could not be joined. */
  #unjoined: ReadonlySet<number> = new Set();
  #takesAll = false;

  constructor(door: Door, link: PacketLink, receiver: number) {
    this.#door = door;
    this.#link = link;
    this.#receiver = receiver;
  }

  /** Is in exactly these groups from now on, as far as possible. */
  set(wanted: ReadonlySet<number>): Listening {
    for (const group of [...this.#memberByGroup.keys()]) if (!wanted.has(group)) this.#leave(group);
    this.#unjoined = new Set();
    return this.add(wanted);
  }

  /** Is in these groups as well, as far as possible. */
  add(more: ReadonlySet<number>): Listening {
    const unjoinedGroups = new Set(this.#unjoined);
    let refused: PacketError | undefined;
    for (const group of more) {
      if (this.#memberByGroup.has(group)) continue;
      if (this.#memberByGroup.size < MOST_GROUPS && refused === undefined) refused = this.#join(group);
      if (!this.#memberByGroup.has(group)) unjoinedGroups.add(group);
    }
    this.#unjoined = unjoinedGroups;
    const [joined, unjoined] = [this.#memberByGroup.size, unjoinedGroups.size];
    this.#takeAll(unjoined > 0);
    return unjoined === 0 ? { joined, unjoined } : { joined, unjoined, because: refused ?? "too-many" };
  }

  close(): void {
    for (const { fd } of this.#members) this.#door.close(fd);
    this.#members.length = 0;
    this.#memberByGroup.clear();
  }

  #leave(group: number): void {
    const member = this.#memberByGroup.get(group);
    if (member === undefined) return;
    // It fails when the link has lost IPv6 meanwhile, and with it the group.
    this.#door.setsockopt(member.fd, linux.SOL_IPV6, linux.IPV6_LEAVE_GROUP, membershipOf(group, this.#link));
    member.count -= 1;
    this.#memberByGroup.delete(group);
  }

  #join(group: number): PacketError | undefined {
    const member = this.#memberWithRoom();
    if ("code" in member) return member;
    const value = membershipOf(group, this.#link);
    const joined = this.#door.setsockopt(member.fd, linux.SOL_IPV6, linux.IPV6_JOIN_GROUP, value);
    if (joined < 0) return refusal(`join a solicited-node group on ${this.#link.name}`, joined);
    member.count += 1;
    this.#memberByGroup.set(group, member);
    return undefined;
  }

  #memberWithRoom(): Member | PacketError {
    const known = this.#members.find(({ count }) => count < GROUPS_PER_SOCKET);
    if (known !== undefined) return known;
    const { inet6: domain } = linux.AF;
    const opened = openSocket(this.#door, { domain, type: linux.SOCK.dgram, protocol: 0, options: [] });
    if (!opened.ok) return opened.error;
    const member: Member = { fd: opened.value, count: 0 };
    this.#members.push(member);
    return member;
  }

  #takeAll(all: boolean): void {
    if (all === this.#takesAll) return;
    const name = all ? linux.PACKET_ADD_MEMBERSHIP : linux.PACKET_DROP_MEMBERSHIP;
    const value = everyMulticast(this.#link);
    if (this.#door.setsockopt(this.#receiver, linux.SOL_PACKET, name, value) >= 0) this.#takesAll = all;
  }
}
