/** What a running controller holds and how it is, as tables. */
import type { ControllerStatus } from "#api/controller";
import { ago, printable, table } from "./table.ts";

const leadershipText = ({ leadership, shadow, now }: ControllerStatus): string => {
  if (shadow) return "shadow: writes nothing";
  const { state, since, holder } = leadership;
  const words = { leading: "leads", standby: "stands by", lost: "has lost the lease" } as const;
  const span = since === undefined ? "" : ` for ${ago(now - since)}`;
  return `${words[state]}${span}${holder === undefined ? "" : `, ${printable(holder)} leads`}`;
};

const poolRows = ({ pools }: ControllerStatus): readonly (readonly string[])[] =>
  pools.flatMap(({ name, services, families }) =>
    families.map(({ family, assigned, available }, index) => [
      index === 0 ? name : "",
      index === 0 ? `${services}` : "",
      family,
      `${assigned}`,
      available === Number.MAX_SAFE_INTEGER ? "more than anybody needs" : `${available}`,
    ]),
  );

/** The lines; `!` marks what wants attention. */
export const controllerStatusLines = (status: ControllerStatus): string[] => {
  const { version, now, startedAt, identity, services } = status;
  const remarks = [
    ...(status.isSynced ? [] : ["the cluster has not been read yet"]),
    ...status.trouble.map((text) => `cannot read ${text}`),
    ...(status.otherBalancer === undefined ? [] : [status.otherBalancer]),
    ...status.refused.map((problem) => `refused, what was in force stays: ${problem}`),
    ...(status.waitingWrites > 0 ? [`${status.waitingWrites} writes wait`] : []),
  ];
  return [
    `steelyard ${version} controller ${printable(identity)}, running for ${ago(now - startedAt)}, ${leadershipText(status)}`,
    ...remarks.map((text) => printable(`! ${text}`)),
    "",
    `${services.allocated} Services have addresses, ${services.pending} wait for one, ${services.foreign} are another program's`,
    "",
    ...(status.pools.length === 0
      ? []
      : table(["POOL", "SERVICES", "FAMILY", "ASSIGNED", "AVAILABLE"], poolRows(status))),
    ...status.differences.map(({ service, detail }) => printable(`! ${service} ${detail}`)),
  ];
};
