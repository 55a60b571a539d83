import assert from "node:assert/strict";
import { constants } from "node:os";
import { describe, it } from "node:test";
import { parseInterfaceAddress } from "#base/prefix";
import { MessageBuilder } from "#core/netlink/builder";
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
  RTM_NEWADDR,
} from "#core/netlink/constants";
import { openNetlink } from "./linux.ts";
import type { NetlinkChange, NetlinkPort } from "./port.ts";
import type { NetlinkDoor } from "./socket.ts";

/** What one recv(2) gives: bytes, or a negative errno. */
type Reply = Uint8Array | number;

/** A door whose kernel answers each question with the next list of replies; then the queue is empty. */
const scriptedDoor = (
  script: readonly ((sequence: number) => readonly Reply[])[],
  overrides: Partial<NetlinkDoor> = {},
  busyUntilRead = false,
): NetlinkDoor & { readonly asked: () => number } => {
  let queue: Reply[] = [];
  let asked = 0;
  return {
    asked: () => asked,
    socket: () => 7,
    bind: () => 0,
    setsockopt: () => 0,
    close: () => 0,
    watch: () => () => undefined,
    send: (_fd, bytes) => {
      // The kernel does so when the last dump was not read to its end.
      if (busyUntilRead && queue.length > 0) return -constants.errno.EBUSY;
      const replies = script[asked]?.((bytes[8] ?? 0) | ((bytes[9] ?? 0) << 8)) ?? [];
      asked += 1;
      queue = [...queue, ...replies];
      return bytes.length;
    },
    recv: (_fd, bytes) => {
      const reply = queue.shift() ?? -constants.errno.EAGAIN;
      if (typeof reply === "number") return reply;
      bytes.set(reply.subarray(0, bytes.length));
      return reply.length;
    },
    ...overrides,
  };
};

const open = (door: NetlinkDoor): NetlinkPort => {
  const opened = openNetlink(door);
  assert.ok(opened.ok);
  return opened.value;
};

const acknowledgement = (sequence: number, errno: number, detail?: string): Uint8Array => {
  const builder = new MessageBuilder();
  const flags = NLM_F_CAPPED | (detail === undefined ? 0 : NLM_F_ACK_TLVS);
  builder.begin({ type: NLMSG_ERROR, flags, sequence });
  for (const word of [-errno, 16, 0, sequence, 0]) builder.u32(word);
  if (detail !== undefined) builder.attributeText(NLMSGERR_ATTR_MSG, detail);
  builder.end();
  return builder.bytes();
};

const done = (sequence: number, flags = NLM_F_MULTI): Uint8Array => {
  const builder = new MessageBuilder();
  builder.begin({ type: NLMSG_DONE, flags, sequence });
  builder.u32(0);
  builder.end();
  return builder.bytes();
};

/** 192.0.2.LAST/24 on link 3, followed by `padding` bytes in an attribute that nobody reads. */
const address = (sequence: number, last: number, padding = 0): Uint8Array => {
  const builder = new MessageBuilder();
  builder.begin({ type: RTM_NEWADDR, flags: NLM_F_MULTI, sequence });
  for (const byte of [2, 24, 0, 0, 3, 0, 0, 0]) builder.u8(byte);
  builder.attributeBytes(2, Uint8Array.from([192, 0, 2, last]));
  for (let left = padding; left > 0; left -= 60_000)
    builder.attributeBytes(999, new Uint8Array(Math.min(left, 60_000)));
  builder.end();
  return builder.bytes();
};

const VIRTUAL = ((): {
  linkIndex: number;
  address: NonNullable<ReturnType<typeof parseInterfaceAddress>>;
} => {
  const parsed = parseInterfaceAddress("192.0.2.10/24");
  assert.ok(parsed);
  return { linkIndex: 3, address: parsed };
})();

const listed = (netlink: NetlinkPort): readonly string[] | string => {
  const addresses = netlink.addresses();
  return addresses.ok ? addresses.value.map(({ address }) => String(address)) : addresses.error.code;
};

describe("questions to the kernel", () => {
  it("collects the parts of a dump", () => {
    const door = scriptedDoor([(n) => [address(n, 1), address(n, 2), done(n)]]);
    assert.deepEqual(listed(open(door)), ["192.0.2.1", "192.0.2.2"]);
  });

  it("reads a dump again that changed while it was read, and keeps nothing of the first reading", () => {
    const door = scriptedDoor([
      (n) => [address(n, 1), done(n, NLM_F_MULTI | NLM_F_DUMP_INTR)],
      (n) => [address(n, 2), done(n)],
    ]);
    assert.deepEqual(listed(open(door)), ["192.0.2.2"]);
  });

  it("gives up with EINTR when the table never holds still", () => {
    const restless = (n: number): readonly Reply[] => [done(n, NLM_F_MULTI | NLM_F_DUMP_INTR)];
    const door = scriptedDoor(new Array<typeof restless>(20).fill(restless));
    assert.equal(listed(open(door)), "EINTR");
    assert.equal(door.asked(), 8);
  });

  it("asks again with more room when an answer did not fit, after reading the old one to its end", () => {
    const large = (n: number): readonly Reply[] => [address(n, 1, 100_000), address(n, 2), done(n)];
    const door = scriptedDoor([large, large], {}, true);
    assert.deepEqual(listed(open(door)), ["192.0.2.1", "192.0.2.2"]);
    assert.equal(door.asked(), 2);
  });

  it("passes over answers to a question that was given up", () => {
    const door = scriptedDoor([
      () => [-constants.errno.ENOBUFS],
      (n) => [address(n - 1, 9), done(n - 1), address(n, 1), done(n)],
    ]);
    const netlink = open(door);
    assert.equal(listed(netlink), "ENOBUFS");
    assert.deepEqual(listed(netlink), ["192.0.2.1"]);
  });

  it("says timeout, at once, when no answer came", () => {
    const netlink = open(scriptedDoor([() => [], () => []]));
    assert.equal(listed(netlink), "timeout");
    assert.deepEqual(netlink.addAddress(VIRTUAL), {
      ok: false,
      error: { code: "timeout", request: "add 192.0.2.10/24 to link 3" },
    });
  });

  it("says malformed when the answer cannot be read", () => {
    const cutOff = (n: number): Uint8Array => address(n, 1).subarray(0, 20);
    const empty = (n: number): Uint8Array => {
      const bytes = address(n, 1).slice(0, 24);
      bytes[0] = 24;
      return bytes;
    };
    assert.equal(listed(open(scriptedDoor([(n) => [cutOff(n), done(n)]]))), "malformed");
    assert.equal(listed(open(scriptedDoor([(n) => [empty(n), done(n)]]))), "malformed");
  });

  it("passes on the errno and the kernel's own words", () => {
    const netlink = open(scriptedDoor([(n) => [acknowledgement(n, constants.errno.EPERM, "not you")]]));
    assert.deepEqual(netlink.addAddress(VIRTUAL), {
      ok: false,
      error: { code: "EPERM", request: "add 192.0.2.10/24 to link 3", detail: "not you" },
    });
  });

  it("passes on why a question could not be sent, or a socket not opened", () => {
    const refuse = (): number => -constants.errno.EPERM;
    assert.equal(listed(open(scriptedDoor([], { send: refuse }))), "EPERM");
    const closed: number[] = [];
    const close = (fd: number): number => closed.push(fd);
    for (const overrides of [{ socket: refuse }, { bind: refuse }]) {
      const opened = openNetlink(scriptedDoor([], { ...overrides, close }));
      assert.equal(!opened.ok && opened.error.code, "EPERM");
    }
    assert.deepEqual(closed, [7]);
  });

  it("works on kernels that know none of the socket options", () => {
    const door = scriptedDoor([(n) => [done(n)]], { setsockopt: () => -constants.errno.ENOPROTOOPT });
    assert.deepEqual(listed(open(door)), []);
  });
});

describe("word of changes", () => {
  /** Subscribes on a door whose socket holds `replies`, lets it read, and gives what was told. */
  const told = (replies: readonly Reply[]): readonly NetlinkChange[] => {
    const queue = [...replies];
    const changes: NetlinkChange[] = [];
    let readable = (): void => undefined;
    const door = scriptedDoor([], {
      recv: (_fd, bytes) => {
        const reply = queue.shift() ?? -constants.errno.EAGAIN;
        if (typeof reply === "number") return reply;
        bytes.set(reply.subarray(0, bytes.length));
        return reply.length;
      },
      watch: (_fd, onReadable) => {
        readable = onReadable;
        return () => undefined;
      },
    });
    const subscribed = open(door).subscribe((change) => changes.push(change));
    assert.ok(subscribed.ok);
    readable();
    return changes;
  };
  const types = (replies: readonly Reply[]): readonly string[] => told(replies).map(({ type }) => type);

  it("tells of an overrun and goes on reading", () => {
    assert.deepEqual(types([-constants.errno.ENOBUFS, address(0, 1)]), ["overrun", "address"]);
  });

  it("tells of an overrun when a message did not fit or cannot be split", () => {
    assert.deepEqual(types([address(0, 1, 100_000), address(0, 1)]), ["overrun", "address"]);
    assert.deepEqual(types([address(0, 1).subarray(0, 20), address(0, 1)]), ["overrun", "address"]);
  });

  it("passes over messages of other types", () => {
    assert.deepEqual(types([done(0), address(0, 1)]), ["address"]);
  });

  it("gives the event loop its turn after 64 reads", () => {
    assert.equal(types(Array.from({ length: 100 }, () => address(0, 1))).length, 64);
  });

  it("ends every subscription and closes every socket when the driver is closed", () => {
    const closed: number[] = [];
    let sockets = 10;
    let watchers = 0;
    const netlink = open(
      scriptedDoor([], {
        socket: () => sockets++,
        close: (fd) => closed.push(fd),
        watch: () => {
          watchers += 1;
          return () => {
            watchers -= 1;
          };
        },
      }),
    );
    for (let count = 0; count < 2; count += 1) assert.ok(netlink.subscribe(() => undefined).ok);
    assert.equal(watchers, 2);
    netlink.close();
    assert.equal(watchers, 0);
    assert.deepEqual(closed, [11, 12, 10]);
  });

  it("passes on why it cannot watch, and closes its socket", () => {
    const closed: number[] = [];
    let sockets = 10;
    const netlink = open(
      scriptedDoor([], {
        socket: () => sockets++,
        close: (fd) => closed.push(fd),
        watch: () => -constants.errno.EPERM,
      }),
    );
    const subscribed = netlink.subscribe(() => undefined);
    assert.equal(!subscribed.ok && subscribed.error.code, "EPERM");
    assert.deepEqual(closed, [11]);
    netlink.close();
    assert.deepEqual(closed, [11, 10]);
  });
});
