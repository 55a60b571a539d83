import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Command } from "commander";
import { DEFAULT_SPEAKER_ADMIN, DEFAULT_SPEAKER_STATE, type SpeakerOptions } from "#roles/speaker/options";
import { addSpeaker } from "./speaker.ts";

/** What the words mean, or what is said of them. */
const read = async (...words: readonly string[]): Promise<SpeakerOptions | string> => {
  let said = "";
  let options: SpeakerOptions | undefined;
  const program = new Command("steelyard").exitOverride();
  addSpeaker(program, {
    finish: () => {},
    run: async (given) => {
      options = given;
      return 0;
    },
  });
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({
      writeErr: (text) => {
        said += text;
      },
    });
  try {
    await program.parseAsync(["node", "steelyard", "speaker", ...words]);
  } catch {
    return said;
  }
  return options ?? said;
};

describe("the command line of a speaker", () => {
  it("needs nothing but a node", async () => {
    assert.deepEqual(await read("--node", "node-a", "--namespace", "lb"), {
      ...{ node: "node-a", namespace: "lb", kubeconfig: undefined, loadBalancerClass: undefined },
      ...{ rules: "steelyard", ignoreExcludeLabel: false, spread: undefined, secretFile: undefined },
      ...{
        refresh: 100_000,
        bind: false,
        probe: true,
        withoutGateway: "go-on",
        listen: { host: undefined, port: 9122 },
      },
      ...{ admin: DEFAULT_SPEAKER_ADMIN, stateDirectory: DEFAULT_SPEAKER_STATE },
      ...{ bgpEngine: "own", frrSockets: undefined, bgpListen: undefined, bgpDrain: 5_000 },
      ...{ logFormat: "text", logLevel: "info" },
    });
  });

  it("can say everything", async () => {
    const words = [
      ...["--node", "a.example", "--namespace", "lb", "--kubeconfig", "/k", "--lb-class", "example.com/lb"],
      ...["--rules", "metallb", "--ignore-exclude-lb", "--spread", "1.25", "--secret-file", "/s"],
      ...[
        "--refresh",
        "20s",
        "--bind",
        "--no-probe",
        "--without-gateway",
        "withdraw",
        "--listen",
        "127.0.0.1:1",
      ],
      ...["--admin", "/a", "--state-dir", "/d", "--log-format", "json", "--log-level", "debug"],
      ...["--bgp-listen", "1179", "--bgp-drain", "1m"],
    ];
    assert.deepEqual(await read(...words), {
      ...{ node: "a.example", namespace: "lb", kubeconfig: "/k", loadBalancerClass: "example.com/lb" },
      ...{ rules: "metallb", ignoreExcludeLabel: true, spread: 1.25, secretFile: "/s" },
      ...{ refresh: 20_000, bind: true, probe: false, withoutGateway: "withdraw" },
      ...{ listen: { host: "127.0.0.1", port: 1 }, admin: "/a", stateDirectory: "/d" },
      ...{ logFormat: "json", logLevel: "debug", bgpListen: 1179, bgpDrain: 60_000 },
      ...{ bgpEngine: "own", frrSockets: undefined },
    });
  });

  it("says what is wrong with a word, and what would be right", async () => {
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [["--node", "Node A"], /Write it as `kubectl get nodes` does/],
      [["--spread", "0.9"], /Write a number from 1 to 100/],
      [["--spread", ""], /Write a number from 1 to 100/],
      [["--refresh", "9s"], /from 10s to 1h/],
      [["--refresh", "100"], /from 10s to 1h/],
      [["--listen", "nowhere"], /Write :PORT/],
      [["--rules", "others"], /Allowed choices are steelyard, metallb/],
      [["--without-gateway", "stay"], /Allowed choices are go-on, withdraw/],
      [["--surplus"], /unknown option/],
    ];
    for (const [words, expected] of wrong) {
      const said = await read(...words);
      assert.ok(typeof said === "string" && expected.test(said), `${words.join(" ")}: ${String(said)}`);
    }
  });

  it("takes FRR for one that listens, since it does so by itself", async () => {
    const options = await read("--bgp-engine", "frr", "--frr-sockets", "/run/frr");
    assert.ok(typeof options === "object");
    assert.deepEqual([options.bgpEngine, options.frrSockets, options.bgpListen], ["frr", "/run/frr", 179]);
    assert.match(String(await read("--bgp-engine", "bird")), /Allowed choices are own, frr/);
  });
});
