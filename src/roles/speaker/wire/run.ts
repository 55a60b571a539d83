/** Starts the wire process: the agent first, so that the two load side by side. */
import type { Authentication } from "#core/bfd/authentication";
import { makeDirectory } from "#drivers/files/directory";
import { readCpuLimit, readMissingCapabilities } from "#drivers/host/linux";
import { takeLock } from "#drivers/host/lock";
import { collectAlone, growModerately } from "#drivers/host/memory";
import { beRealtimeWithHelpers } from "#drivers/host/realtime";
import { spawnChild } from "#drivers/ipc/spawn";
import { EXIT, SPEAKER_LOCK, type SpeakerOptions } from "../options.ts";
import { agentCommand } from "./agent-command.ts";
import { readAuthentication } from "./authentication.ts";
import { serve } from "./world.ts";

const complain = (message: string): void => void process.stderr.write(`steelyard speaker: ${message}\n`);

/** Below this share of one CPU packets may be later than peers wait for them. */
const CPU_WARNING = 1;

const warnOfCpuLimit = (): void => {
  const limit = readCpuLimit();
  if (limit === undefined || limit >= CPU_WARNING) return;
  complain(`its control group allows ${limit} CPU, so peers may see it die while it lives: remove the limit`);
};

type Secret = Authentication | "none" | "unusable";

const readSecretFile = ({ secretFile }: SpeakerOptions): Secret => {
  if (secretFile === undefined) return "none";
  const reading = readAuthentication(secretFile);
  if (typeof reading !== "string") return reading;
  complain(`--secret-file ${secretFile} ${reading}`);
  return "unusable";
};

/** What this machine lacks, in one sentence; `undefined` when nothing. */
const missingHere = ({ stateDirectory, bind }: SpeakerOptions): string | undefined => {
  // Without CAP_NET_ADMIN buffers are smaller, and that is all.
  if (readMissingCapabilities(["CAP_NET_RAW"]).length > 0)
    return "CAP_NET_RAW missing: run it as root, or give it this capability";
  if (bind && readMissingCapabilities(["CAP_NET_ADMIN"]).length > 0)
    return "CAP_NET_ADMIN missing, which --bind needs: give it this capability (speaker.bind of the chart does), or leave --bind out";
  const unmade = makeDirectory(stateDirectory);
  if (unmade !== undefined) return `--state-dir ${stateDirectory}: ${unmade}`;
  const lock = takeLock(SPEAKER_LOCK, { needs: "CAP_NET_RAW" });
  if (!lock.taken) return `${lock.detail}: of two, each would take the other for a stranger`;
  if (lock.detail !== undefined) complain(lock.detail);
  return undefined;
};

/** Runs until it is told to end or cannot go on; gives the exit status. */
export const runSpeaker = async (options: SpeakerOptions): Promise<number> => {
  const startedAt = Date.now() - process.uptime() * 1_000;
  // A log on a full disk takes nothing, which is no reason to end.
  process.stderr.on("error", () => undefined);
  const secret = readSecretFile(options);
  if (secret === "unusable") return EXIT.usage;
  const lack = missingHere(options);
  if (lack !== undefined) {
    complain(lack);
    return EXIT.environment;
  }
  collectAlone();
  // A thousand addresses that are taken at once leave garbage several times what they are.
  growModerately();
  warnOfCpuLimit();
  const firstAgent = spawnChild(agentCommand(options));
  // After it, which is not to be preferred. Where it is refused a better niceness must do, or none.
  beRealtimeWithHelpers();
  const authentication = secret === "none" ? undefined : secret;
  return serve({ options, firstAgent, authentication, startedAt });
};
