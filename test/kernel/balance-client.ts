/**
 * A client for the balance tests, told by JSON lines on standard input what to do; it answers each with one line.
 *
 * - `spread`: opens `count` flows one after the other and gives how many met each backend.
 * - `choose`: opens one connection from each port from 20000 up; gives their backends in order.
 * - `hold`: opens connections and keeps them; gives their backends in order.
 * - `burst`: the same, all at once.
 * - `poke`: says something on every held connection; gives the backend that answered, or why none did, in order.
 * - `wait`: says `later` on every held connection; `hear`: gives what came on each since, in order.
 * - `flow`: says `stream` on every held connection; `flowing`: gives how many of them have brought something since.
 * - `ask`: opens a connection, says `line`, gives the answer.
 * - `download`: 200,000 bytes over one connection; gives how many came.
 * - `hammer`, `rest`: opens connections without pause until told to rest; gives how many and every error.
 * - `datagram`: one datagram of `size` bytes; gives the answer.
 * - `talk`: sends on the held UDP sockets and gives who answered.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

type Target = {
  readonly localPort?: number;
  readonly address: string;
  readonly port: number;
  readonly protocol?: "tcp" | "udp";
};
type Command = Target & {
  readonly op: string;
  readonly count: number;
  readonly size: number;
  readonly line: string;
  readonly patience?: number;
};

/** How long an answer may take, in milliseconds; a command may say otherwise for itself. */
const PATIENCE = 3_000;
let patience = PATIENCE;

/** Resolves with the next line, or with the reason why there is none. */
const nextLine = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    const timer = setTimeout(() => finish("timeout"), patience);
    const onData = (chunk: string): void => {
      text += chunk;
      if (text.endsWith("\n")) finish(text.slice(0, -1));
    };
    const onError = (error: Error & { code?: string }): void => finish(error.code ?? error.message);
    const onEnd = (): void => finish("closed");
    const finish = (line: string): void => {
      clearTimeout(timer);
      socket.off("data", onData).off("error", onError).off("close", onEnd);
      resolve(line);
    };
    socket.on("data", onData).on("error", onError).on("close", onEnd);
  });

/** How connections ended that were not asked meanwhile: a reset may come before the next question. */
const endings = new WeakMap<Socket, string>();

const open = async ({ address, port, localPort }: Target): Promise<{ socket: Socket; line: string }> => {
  const socket = connect({
    host: address,
    port,
    noDelay: true,
    ...(localPort === undefined ? {} : { localPort }),
  });
  socket.setEncoding("latin1");
  socket.on("error", (error: Error & { code?: string }) => {
    endings.set(socket, error.code ?? error.message);
    socket.destroy();
  });
  return { socket, line: await nextLine(socket) };
};

const ask = (socket: UdpSocket, payload: string): Promise<string> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => finish("timeout"), patience);
    const finish = (answer: string): void => {
      clearTimeout(timer);
      socket.removeAllListeners("message").removeAllListeners("error");
      resolve(answer);
    };
    socket.once("message", (message) => finish(message.toString("latin1")));
    socket.once("error", (error: Error & { code?: string }) => finish(error.code ?? error.message));
    socket.send(payload);
  });

const openUdp = (target: Target): Promise<UdpSocket> =>
  new Promise((resolve) => {
    const socket = createSocket(target.address.includes(":") ? "udp6" : "udp4");
    const reach = (): void => socket.connect(target.port, target.address, () => resolve(socket));
    socket.bind(target.localPort ?? 0, reach);
  });

const once = async (target: Target): Promise<string> => {
  if (target.protocol === "udp") {
    const socket = await openUdp(target);
    const answer = await ask(socket, "?");
    socket.close();
    return answer;
  }
  const { socket, line } = await open(target);
  socket.destroy();
  return line;
};

const spent: UdpSocket[] = [];

/** Leaves the socket open: the kernel might give its port again, and the next flow would be the old one to the edge. */
const askAnew = async (target: Target): Promise<string> => {
  const socket = await openUdp(target);
  spent.push(socket);
  return ask(socket, "?");
};

const tally = (answers: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
};

/** Whether two more pieces come on a connection that flows: one may have been on its way. */
const bringsMore = async (socket: Socket): Promise<boolean> =>
  !socket.destroyed && (await nextLine(socket)).startsWith("w") && (await nextLine(socket)).startsWith("w");

const held: Socket[] = [];
const heldUdp: UdpSocket[] = [];
let hammering: Promise<readonly string[]> | undefined;
let resting = false;

const hammer = async (target: Target): Promise<readonly string[]> => {
  const answers: string[] = [];
  while (!resting) answers.push(await once(target));
  return answers;
};

const perform = async (command: Command): Promise<unknown> => {
  patience = command.patience ?? PATIENCE;
  switch (command.op) {
    case "spread": {
      const answers: string[] = [];
      for (let index = 0; index < command.count; index += 1) {
        answers.push(await (command.protocol === "udp" ? askAnew(command) : once(command)));
      }
      for (const socket of spent.splice(0)) socket.close();
      return tally(answers);
    }
    case "choose": {
      const answers: string[] = [];
      for (let localPort = 20_000; localPort < 20_000 + command.count; localPort += 1) {
        answers.push(await once({ ...command, localPort }));
      }
      return answers;
    }
    case "hold": {
      const names: string[] = [];
      for (let index = 0; index < command.count; index += 1) {
        const { socket, line } = await open(command);
        held.push(socket);
        names.push(line);
      }
      return names;
    }
    case "burst":
      return Promise.all(
        Array.from({ length: command.count }, async () => {
          const { socket, line } = await open(command);
          held.push(socket);
          return line;
        }),
      );
    case "poke":
      return Promise.all(
        held.map((socket) => {
          if (socket.destroyed) return endings.get(socket) ?? "destroyed";
          const line = nextLine(socket);
          socket.write("hi\n");
          return line;
        }),
      );
    case "wait":
      for (const socket of held) socket.write("later\n");
      return "waiting";
    case "hear":
      return Promise.all(held.map((socket) => nextLine(socket)));
    case "flow":
      for (const socket of held) socket.write("stream\n");
      return "flowing";
    case "flowing":
      return (await Promise.all(held.map((socket) => bringsMore(socket)))).filter((more) => more).length;
    case "drop":
      for (const socket of held.splice(0)) socket.destroy();
      for (const socket of heldUdp.splice(0)) socket.close();
      return "dropped";
    case "finish":
      await Promise.all(
        held
          .splice(0)
          .filter((socket) => !socket.destroyed)
          .map((socket) => new Promise((resolve) => socket.on("close", resolve).end())),
      );
      return "finished";
    case "ask": {
      const { socket } = await open(command);
      socket.write(`${command.line}\n`);
      const answer = await nextLine(socket);
      socket.destroy();
      return answer;
    }
    case "download": {
      const { socket } = await open(command);
      socket.write("big\n");
      const line = await nextLine(socket);
      socket.destroy();
      return line.length;
    }
    case "datagram": {
      const socket = await openUdp(command);
      const answer = await ask(socket, "x".repeat(command.size));
      socket.close();
      return answer;
    }
    case "talk":
      while (heldUdp.length < command.count) heldUdp.push(await openUdp(command));
      return Promise.all(heldUdp.map((socket) => ask(socket, "?")));
    case "hammer":
      resting = false;
      hammering = hammer(command);
      return "hammering";
    case "rest":
      resting = true;
      return tally((await hammering) ?? []);
    default:
      return "?";
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await perform(JSON.parse(line)))}\n`);
}
