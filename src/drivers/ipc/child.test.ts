import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Child, type ChildExit } from "./child.ts";

const CHANNEL = fileURLToPath(new URL("./channel.ts", import.meta.url));

type FromChild = { readonly type: "hello"; readonly version: string } | { readonly said: string };
type ToChild = { readonly type: string };

/** A child that says its pid and echoes what it hears; it does what its first argument says besides. */
const SCRIPT = `
  import { Socket } from "node:net";
  import { openChannel } from ${JSON.stringify(CHANNEL)};
  const socket = new Socket({ fd: 3 });
  const channel = openChannel(socket, {
    onMessage({ type }) {
      if (type === "stop") process.exit(0);
      channel.send({ said: type });
    },
    onClose: () => process.exit(0),
  });
  const greet = (version) => channel.send({ type: "hello", version });
  new Function("socket", "channel", "greet", process.argv[1])(socket, channel, greet);
`;

const GREET = `greet("test"); channel.send({ said: String(process.pid) });`;

type Wish = { readonly onExit?: "restart" | "leave"; readonly limit?: number };

const running: Child<FromChild, ToChild>[] = [];
after(() => Promise.all(running.map((child) => child.stop())));

const bench = (behaviour: string, { onExit = "restart", limit = 5_000 }: Wish = {}) => {
  const happened: string[] = [];
  const exits: ChildExit[] = [];
  let onNews = (): void => {};
  const note = (text: string): void => {
    happened.push(text);
    onNews();
  };
  const child = new Child<FromChild, ToChild>({
    command: [process.execPath, "--input-type=module", "-e", SCRIPT, behaviour],
    ...{ version: "test", stop: { message: { type: "stop" }, limit } },
    versionIn: (message) => ("version" in message ? message.version : undefined),
    onStart: (pid) => note(`start ${pid > 0}`),
    onGreeted: () => note("greeted"),
    onMessage: (message) => note("said" in message ? message.said : "?"),
    onDrain: () => {},
    onExit: (exit) => {
      exits.push(exit);
      note("exit");
      return onExit;
    },
  });
  running.push(child);
  /** Waits until this has happened, and gives all that happened until then. */
  const until = (isIt: (text: string) => boolean): Promise<readonly string[]> =>
    new Promise((resolve) => {
      onNews = () => {
        if (happened.some(isIt)) resolve(happened.splice(0));
      };
      onNews();
    });
  return { child, exits, until };
};

const isPid = (text: string): boolean => /^\d+$/.test(text);

describe("a second process", () => {
  it("is ready once it has greeted, and is spoken with", async () => {
    const { child, until } = bench(GREET);
    assert.equal(child.isReady, false);
    const begun = await until(isPid);
    assert.deepEqual(begun.slice(0, 2), ["start true", "greeted"]);
    assert.equal(child.isReady, true);
    assert.equal(child.send({ type: "echo" }), true);
    await until((text) => text === "echo");
  });

  it("is started again when it is killed, and has to greet again", async () => {
    const { child, exits, until } = bench(GREET);
    const pid = Number((await until(isPid)).find(isPid));
    process.kill(pid, "SIGKILL");
    await until((text) => text === "exit");
    assert.equal(child.isReady, false);
    assert.equal(child.send({ type: "echo" }), false);
    assert.deepEqual(exits, [{ code: null, signal: "SIGKILL", pid }]);
    const again = await until(isPid);
    assert.deepEqual(again.slice(0, 2), ["start true", "greeted"]);
    assert.notEqual(Number(again.find(isPid)), pid);
  });

  it("of another version is not listened to, and ended", async () => {
    const { exits, until } = bench(`greet("next"); channel.send({ said: "something" });`, {
      onExit: "leave",
    });
    assert.deepEqual(await until((text) => text === "exit"), ["start true", "exit"]);
    assert.equal(exits[0]?.stranger, "it is version next, and what runs is test");
  });

  it("is ended when it says what is no message, and when it closes its end", async () => {
    for (const behaviour of [
      `socket.write("nonsense\\n"); setInterval(() => {}, 1e6);`,
      "socket.destroy();",
    ]) {
      const { until } = bench(behaviour, { onExit: "leave" });
      await until((text) => text === "exit");
    }
  });

  it("that does not exist is an exit like any other", async () => {
    const exit = await new Promise<ChildExit>((resolve) => {
      const child = new Child<FromChild, ToChild>({
        ...{ command: ["/nonexistent/program"], version: "test" },
        stop: { message: { type: "stop" }, limit: 1 },
        versionIn: () => undefined,
        ...{ onGreeted: () => {}, onMessage: () => {}, onDrain: () => {} },
        onExit: (how) => {
          resolve(how);
          return "leave";
        },
      });
      running.push(child);
    });
    assert.deepEqual(exit, { code: null, signal: null, pid: 0 });
  });

  it("ends when it is asked to, by force where it does not, which surprises nobody", async () => {
    const polite = bench(GREET);
    await polite.until(isPid);
    await polite.child.stop();
    const deaf = bench(`${GREET} process.exit = () => {};`, { limit: 1 });
    await deaf.until(isPid);
    await deaf.child.stop();
    assert.deepEqual([polite.exits, deaf.exits], [[], []]);
    await polite.child.stop();
  });
});
