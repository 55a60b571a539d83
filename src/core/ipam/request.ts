/** What a Service asks for: particular addresses, a pool, or nothing in particular. */
import { familyOf, type IpAddress } from "#base/address";
import type { Service } from "#core/service/service";
import { ANNOTATIONS, annotation } from "./annotations.ts";
import { parseServiceAddress } from "./block.ts";

/** Why the addresses that a Service asks for cannot be read. */
export type RequestProblem =
  | "asked-twice" // by annotation and by spec.loadBalancerIP
  | "not-an-address"
  | "too-many-addresses"; // more than one of a family

export type Request = {
  /** The pool asked for; `undefined` for none. */
  readonly pool: string | undefined;
  /** The addresses asked for, IPv4 first; none is the usual case. */
  readonly addresses: readonly IpAddress[];
  /** Why the addresses could not be read, and the text in question, cut to 200 characters. */
  readonly problem: { readonly reason: RequestProblem; readonly text: string } | undefined;
};

/** More than two addresses with a few spaces would ever need. */
const LONGEST = 1_024;
const SHOWN = 200;

const byFamily = (left: IpAddress, right: IpAddress): number =>
  Number(familyOf(left) === "IPv6") - Number(familyOf(right) === "IPv6");

const problem = (pool: string | undefined, reason: RequestProblem, text: string): Request => ({
  pool,
  addresses: [],
  problem: { reason, text: text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text },
});

/** Reads what a Service asks for. An empty annotation or field asks for nothing. */
export const requestOf = (service: Service): Request => {
  const pool = annotation(service, ANNOTATIONS.pool) || undefined;
  const listed = annotation(service, ANNOTATIONS.addresses) ?? "";
  const single = service.loadBalancerIp ?? "";
  if (listed === "" && single === "") return { pool, addresses: [], problem: undefined };
  if (listed !== "" && single !== "") return problem(pool, "asked-twice", listed);
  if (listed.length > LONGEST) return problem(pool, "not-an-address", listed);
  const addresses: IpAddress[] = [];
  for (const text of listed === "" ? [single] : listed.split(",").map((part) => part.trim())) {
    const address = parseServiceAddress(text);
    if (address === undefined) return problem(pool, "not-an-address", text);
    addresses.push(address);
  }
  if (new Set(addresses.map(familyOf)).size !== addresses.length)
    return problem(pool, "too-many-addresses", listed);
  return { pool, addresses: addresses.sort(byFamily), problem: undefined };
};
