/** `steelyard clean`: removes what an edge or a speaker that was killed left behind. */
import { loopbackAddresses } from "#core/edge-routes/addresses";
import { openFiles } from "#drivers/files/linux";
import { formatProblem, loadConfiguration } from "#drivers/files/load";
import { openFrr } from "#drivers/frr/linux";
import { readMissingCapabilities } from "#drivers/host/linux";
import { takeLock } from "#drivers/host/lock";
import { get } from "#drivers/http/client";
import { openNetlink } from "#drivers/netlink/linux";
import type { ConfiguredAddresses } from "#roles/edge/leftovers/addresses";
import { leftoverFinders } from "#roles/edge/leftovers/all";
import { type Finder, unseen } from "#roles/edge/leftovers/leftover";
import { EDGE_LOCK } from "#roles/edge/options";
import { SPEAKER_LOCK } from "#roles/speaker/options";
import { findInFrr } from "./clean-frr.ts";
import { findBoundAddresses } from "./clean-speaker.ts";

export type CleanOptions = {
  readonly admin: string;
  readonly runtimeDirectory: string;
  /** Files whose virtual addresses are removed even if they do not carry our mark; may be none. */
  readonly config: readonly string[];
  /** Whether FRR is looked at, through which a speaker may have announced; with the folder of its sockets, if it is another one. */
  readonly frr: { readonly sockets: string | undefined } | undefined;
  /** Say what is there, and leave it. */
  readonly dryRun: boolean;
};

const CLEAN = 0;
const NOT_CLEAN = 1;
const USAGE = 2;

type Say = { readonly print: (line: string) => void; readonly complain: (line: string) => void };

/** Looks at one kind after the other, removing each before the next is looked at. Gives the exit status. */
export const removeLeftovers = async (
  finders: readonly Finder[],
  { dryRun, print, complain }: Say & { readonly dryRun: boolean },
): Promise<number> => {
  let found = 0;
  let status = CLEAN;
  for (const find of finders) {
    for (const { what, remove } of await find()) {
      found += 1;
      if (dryRun) {
        print(`would remove ${what}`);
        continue;
      }
      const failure = await remove();
      if (failure === undefined) print(`removed ${what}`);
      else {
        complain(`steelyard clean: ${what}: ${failure}`);
        status = NOT_CLEAN;
      }
    }
  }
  if (found === 0) print("nothing was left behind");
  return status;
};

const refusal = async ({ admin }: CleanOptions): Promise<string | undefined> => {
  const missing = readMissingCapabilities(["CAP_NET_ADMIN"]);
  if (missing.length > 0) return `${missing.join(" and ")} missing: run it as root`;
  // Held until this process ends, so that no edge starts meanwhile.
  const lock = takeLock(EDGE_LOCK);
  if (!lock.taken) return `${lock.detail}: stop it, which removes everything`;
  const answer = await get(admin, "/healthz");
  return answer.ok ? `an edge answers on ${admin}: stop it, which removes everything` : undefined;
};

type Read =
  | { readonly ok: true; readonly configuration: ConfiguredAddresses }
  | { readonly ok: false; readonly problems: readonly string[] };

const addressesOf = (config: readonly string[]): Read => {
  if (config.length === 0) return { ok: true, configuration: { routers: [], loopback: [] } };
  const loaded = loadConfiguration(openFiles(), config);
  if (!loaded.ok) return { ok: false, problems: loaded.problems.map(formatProblem) };
  const { desired } = loaded;
  return {
    ok: true,
    configuration: { routers: desired.routers, loopback: loopbackAddresses(desired) },
  };
};

type Lock = () => { readonly taken: boolean };

/** Taken once: what is held already could not be had again. */
const speakerLock = (): Lock => {
  let taken: { readonly taken: boolean } | undefined;
  return () => {
    taken ??= takeLock(SPEAKER_LOCK);
    return taken;
  };
};

const boundFinder = (lock: Lock): Finder => {
  const netlink = openNetlink();
  return netlink.ok
    ? findBoundAddresses(netlink.value, lock)
    : async () => [unseen("addresses of a speaker", netlink.error.code)];
};

const frrFinders = ({ frr }: CleanOptions, lock: Lock): readonly Finder[] => {
  if (frr === undefined) return [];
  const shell = ["vtysh", ...(frr.sockets === undefined ? [] : ["--vty_socket", frr.sockets])];
  return [findInFrr(openFrr({ shell }), lock)];
};

/** Removes, or with `dryRun` lists, what is left; gives the exit status. */
export const clean = async (options: CleanOptions): Promise<number> => {
  const complain = (line: string): void => void process.stderr.write(`${line}\n`);
  const read = addressesOf(options.config);
  if (!read.ok) {
    for (const problem of read.problems) complain(problem);
    return USAGE;
  }
  const refused = await refusal(options);
  if (refused !== undefined) {
    complain(`steelyard clean: ${refused}`);
    return NOT_CLEAN;
  }
  const lock = speakerLock();
  const finders = [
    boundFinder(lock),
    ...leftoverFinders({ ...options, configuration: read.configuration }),
    ...frrFinders(options, lock),
  ];
  return removeLeftovers(finders, { dryRun: options.dryRun, print: console.log, complain });
};
