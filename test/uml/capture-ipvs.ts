/**
 * Writes golden exchanges between ipvsadm and the kernel: what it asks, and what the kernel answers.
 *
 * Runs inside user-mode Linux, with ipvsadm and strace:
 * `UML_RESULTS=FOLDER node scripts/run-in-uml.ts node test/uml/capture-ipvs.ts`, then move `FOLDER/family.hex` to
 * `src/core/genetlink/testdata` and the others to `src/core/ipvs/testdata`. Port numbers and sequence numbers differ
 * from run to run; the tests beside the codecs do not compare them.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { formatDump } from "#testing/exchange";

const RESULTS = process.env.UML_RESULTS ?? ".";
const TRACE = join(tmpdir(), "trace");
/** The controller's messages, and of IPVS those that we use. */
const CONTROLLER = 0x10;
const NLMSG_DONE = 3;
const MOST_COMMANDS = 11;

type Message = { readonly direction: "Question" | "Answer"; readonly bytes: Uint8Array };

/** The messages in a trace: strace shows each as a call and lines of hexadecimal digits below it. */
const messagesIn = (trace: string): readonly Message[] => {
  const messages: { direction: Message["direction"]; bytes: number[] }[] = [];
  let isPeek = false;
  for (const line of trace.split("\n")) {
    if (/^(?:sendmsg|recvmsg)\(/.test(line)) {
      isPeek = line.includes("MSG_PEEK");
      if (!isPeek) messages.push({ direction: line.startsWith("send") ? "Question" : "Answer", bytes: [] });
    }
    const digits = /^ \| [0-9a-f]{5} {2}(?<digits>[0-9a-f ]{48,50})/.exec(line)?.groups?.digits;
    if (digits === undefined || isPeek) continue;
    messages.at(-1)?.bytes.push(
      ...digits
        .trim()
        .split(/\s+/)
        .map((byte) => Number.parseInt(byte, 16)),
    );
  }
  return messages.map(({ direction, bytes }) => ({ direction, bytes: Uint8Array.from(bytes) }));
};

const run = (program: string, words: readonly string[]): void => {
  execFileSync(program, words, { stdio: ["ignore", "ignore", "inherit"] });
};

/** What one run is worth keeping for: no plain acknowledgements, of the controller's questions the first alone. */
const shown = (messages: readonly Message[], wantsController: boolean): readonly Message[] => {
  const typeOf = ({ bytes }: Message): number => (bytes[4] ?? 0) | ((bytes[5] ?? 0) << 8);
  if (wantsController) return messages.filter((message) => typeOf(message) === CONTROLLER).slice(0, 2);
  return messages.filter((message) => {
    const type = typeOf(message);
    if (type <= CONTROLLER) return type === NLMSG_DONE;
    return (message.bytes[16] ?? 0) <= MOST_COMMANDS;
  });
};

/** Runs ipvsadm and gives what it said and heard; the question for the family is in every run. */
const capture = (words: string): readonly Message[] => {
  const options = ["-o", TRACE, "-s", "0", "-e", "write=3", "-e", "read=3", "-e", "trace=sendmsg,recvmsg"];
  run("strace", [...options, "ipvsadm", ...words.split(" ")]);
  return messagesIn(readFileSync(TRACE, "utf8"));
};

const write = (file: string, commands: readonly string[], wantsController = false): void => {
  const dumps = commands.flatMap((words) =>
    shown(capture(words), wantsController).map(({ direction, bytes }) =>
      formatDump(`${direction}: ipvsadm ${words}, Linux ${release()}, ${process.arch}.`, bytes),
    ),
  );
  writeFileSync(join(RESULTS, `${file}.hex`), dumps.join("\n"));
};

run("ip", ["link", "add", "edge0", "type", "dummy"]);
run("ip", ["link", "set", "edge0", "up"]);
run("ip", ["addr", "add", "192.0.2.1/24", "dev", "edge0"]);
write("family", ["-A -t 192.0.2.9:79 -s rr"], true);
run("ipvsadm", ["-D", "-t", "192.0.2.9:79"]);
write("services", [
  "-A -t 192.0.2.10:80 -s wrr -p 300 -M 255.255.255.0",
  "-A -u [2001:db8::10]:53 -s mh -b mh-fallback,mh-port",
  "-A -t 192.0.2.11:443 -s wlc",
  "-E -t 192.0.2.11:443 -s sh -b sh-fallback",
]);
write("destinations", [
  "-a -t 192.0.2.10:80 -r 192.0.2.21:8080 -m -w 5",
  "-a -t 192.0.2.10:80 -r 192.0.2.22 -g -w 0",
  "-a -u [2001:db8::10]:53 -r [2001:db8::21]:53 -g -w 1",
  "-a -t 192.0.2.10:80 -r 192.0.2.23 -i -x 10",
  "-e -t 192.0.2.10:80 -r 192.0.2.21:8080 -m -w 0",
]);
run("ipvsadm", ["-A", "-f", "7", "-s", "rr"]);
run("ipvsadm", ["-A", "--sctp-service", "192.0.2.10:81", "-s", "rr"]);
write("list", ["-L -n"]);
write("daemons", [
  "--start-daemon master --mcast-interface edge0 --syncid 7",
  "--start-daemon backup --mcast-interface edge0 --syncid 7",
  "-L --daemon",
  "--stop-daemon master",
]);
write("removals", [
  "-d -t 192.0.2.10:80 -r 192.0.2.21:8080",
  "-D -t 192.0.2.10:80",
  "-D -u [2001:db8::10]:53",
]);
