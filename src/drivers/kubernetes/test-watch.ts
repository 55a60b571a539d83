/** A watch on a server that a test moves, and what it told. Time stands still unless the test moves it. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { type Duration, millis, seconds } from "#base/time";
import { openCluster } from "./cluster.ts";
import { fieldsOf, textOf } from "./json.ts";
import type { Failure, Watch } from "./port.ts";
import { bookmark } from "./test-api-server.ts";
import {
  credentialsFor,
  type Mailbox,
  ManualTime,
  type Received,
  recordingSink,
  startServer,
  type TestServer,
  type Told,
} from "./test-server.ts";

/** The kind that is watched. */
export const RESOURCE = { group: "", version: "v1", plural: "things", namespaced: true } as const;
/** What is kept of a thing. */
export type Thing = { readonly name: string; readonly value: string };

/** A thing as the API server has it. */
export const thing = (name: string, value: string, version: string) => ({
  metadata: { namespace: "lb", name, resourceVersion: version },
  value,
});
/** Events. */
export const added = (name: string, value: string, version: string) => ({
  type: "ADDED",
  object: thing(name, value, version),
});
export const modified = (name: string, value: string, version: string) => ({
  type: "MODIFIED",
  object: thing(name, value, version),
});
export const deleted = (name: string, version: string) => ({
  type: "DELETED",
  object: thing(name, "", version),
});
export const errorEvent = (code: number, message: string, details = {}) => ({
  type: "ERROR",
  object: { kind: "Status", status: "Failure", code, message, details },
});

/** The longest line that the watch takes. */
export const LONGEST_LINE = 100_000;

/** The largest page that the watch takes. */
export const LARGEST_PAGE = 100_000;

/** A watch on a server, and what both are told. */
export type Bed = {
  readonly server: TestServer;
  readonly time: ManualTime;
  readonly told: Mailbox<Told<Thing>>;
  readonly watch: Watch<Thing>;
  /** Takes the next call and compares it, in few words. */
  expect(...calls: readonly string[]): Promise<void>;
  /** Takes the next call, which must be trouble, and lets the wait pass. */
  trouble(): Promise<{ readonly failure: Failure; readonly again: number }>;
  /** Lets time pass until the next call has come. */
  passUntilTold(): Promise<void>;
  readonly projected: { count: number };
  /** How many events were read, and other answers asked for. */
  readonly reads: { count: number };
};

const words = (told: Told<Thing>): string => {
  switch (told.call) {
    case "changed":
      return `${told.item.name}=${told.item.value}${told.before ? ` was ${told.before.value}` : ""}`;
    case "removed":
      return `no ${told.before.name}`;
    case "trouble":
      return `trouble ${told.failure.reason}`;
    default:
      return told.call;
  }
};

/** Opens a watch; nothing has been answered yet. */
export const open = async (
  test: TestContext,
  {
    port,
    server: given,
    ping = seconds(1_000_000),
  }: { readonly port?: number; readonly server?: TestServer; readonly ping?: Duration } = {},
): Promise<Bed> => {
  const server = given ?? (await startServer(test));
  const time = new ManualTime();
  const { sink, told } = recordingSink<Thing>();
  const credentials = port === undefined ? server.credentials : credentialsFor(port);
  const reads = { count: 0 };
  const cluster = openCluster(credentials, {
    time,
    longestLine: LONGEST_LINE,
    mostBytes: LARGEST_PAGE,
    connectionTimes: { ping },
    onRead: () => {
      reads.count += 1;
    },
  });
  test.after(() => cluster.close());
  const projected = { count: 0 };
  const watch = cluster.watch<Thing>(
    {
      resource: RESOURCE,
      namespace: "lb",
      labelSelector: "app=web",
      project: (object) => {
        projected.count += 1;
        const { metadata, value } = fieldsOf(object);
        if (value === "left out") return undefined;
        return { name: textOf(fieldsOf(metadata).name), value: textOf(value) };
      },
      keyOf: ({ name }) => `lb/${name}`,
    },
    sink,
  );
  return {
    server,
    time,
    told,
    watch,
    projected,
    reads,
    expect: async (...calls) => {
      for (const call of calls) assert.equal(words(await told.take()), call);
    },
    passUntilTold: async () => {
      while (told.isEmpty) {
        await new Promise((resolve) => setImmediate(resolve));
        if (told.isEmpty) time.pass(millis(100));
      }
    },
    trouble: async () => {
      const next = await told.take();
      assert.equal(next.call, "trouble", words(next));
      assert.ok(next.call === "trouble");
      time.pass(millis(next.again));
      return next;
    },
  };
};

/** A watch that has been told of `a` (version 5) and `b` (version 6) and is synced at version 10. */
export const synced = async (
  test: TestContext,
  options: Parameters<typeof open>[1] = {},
): Promise<Bed & { readonly first: Received }> => {
  const bed = await open(test, options);
  const first = await bed.server.next({ watch: true });
  first.begin().line(added("a", "1", "5"), added("b", "1", "6"), bookmark("10", true));
  await bed.expect("a=1", "b=1", "synced");
  return { ...bed, first };
};

/** A test whose timeout is its own: one that hangs does not take others along. */
export const on = (title: string, body: (test: TestContext) => Promise<void>): void => {
  it(title, { timeout: 10_000 }, body);
};
