/** Names by which clients reach API servers: addresses and DNS names, and whether a certificate carries one. */
import { familyOf, type IpAddress, parseAddress } from "#base/address";

/** A name that a certificate must carry. */
export type ServerName =
  | { readonly type: "address"; readonly address: IpAddress }
  /** In lower case. */
  | { readonly type: "dns"; readonly name: string };

/** Where an API server listens. */
export type Endpoint = { readonly host: ServerName; readonly port: number };

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Reads an address or a DNS name; `undefined` for what is neither. An address may carry a prefix length, which is cut off. */
export const parseName = (text: string): ServerName | undefined => {
  const address = parseAddress(text.replace(/\/\d{1,3}$/, ""));
  if (address !== undefined) return { type: "address", address };
  const name = text.toLowerCase().replace(/\.$/, "");
  const labels = name.split(".");
  // The last label of a name is never a number: 192.168.20.300 is an address gone wrong.
  const isName = name.length <= 253 && labels.every((label) => LABEL.test(label));
  return isName && !/^\d+$/.test(labels.at(-1) ?? "") ? { type: "dns", name } : undefined;
};

/** As people write it: the address, or the name. */
export const formatName = (name: ServerName): string => (name.type === "address" ? name.address : name.name);

/** What a client puts into SNI for this name: nothing for an address (RFC 6066 §3). */
export const sniOf = (name: ServerName): string | undefined => (name.type === "dns" ? name.name : undefined);

/** As in a URL: IPv6 addresses in brackets. */
const hostOf = (name: ServerName): string =>
  name.type === "address" && familyOf(name.address) === "IPv6" ? `[${name.address}]` : formatName(name);

/** `host:port`. */
export const formatEndpoint = ({ host, port }: Endpoint): string => `${hostOf(host)}:${port}`;

/** The URL that a kubeconfig has for it. */
export const urlOf = (endpoint: Endpoint): string => `https://${formatEndpoint(endpoint)}`;

const ENDPOINT = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/;

/** Reads `host`, `host:port`, `[IPv6]:port`, a bare IPv6 address, or an https URL without a path; `undefined` for anything else. */
export const parseEndpoint = (
  text: string,
  { port: usual }: { readonly port: number },
): Endpoint | undefined => {
  const bare = parseAddress(text);
  if (bare !== undefined) return { host: { type: "address", address: bare }, port: usual };
  const [, bracketed, plain, port] = ENDPOINT.exec(text.replace(/^https:\/\//, "").replace(/\/$/, "")) ?? [];
  const host = parseName(bracketed ?? plain ?? "");
  const number = port === undefined ? usual : Number(port);
  if (host === undefined || number < 1 || number > 65_535) return undefined;
  if (bracketed !== undefined && host.type !== "address") return undefined;
  return { host, port: number };
};

/** Each once, in the order of their first. */
export const distinctEndpoints = (endpoints: readonly Endpoint[]): readonly Endpoint[] => {
  const byText = new Map<string, Endpoint>();
  for (const each of endpoints) if (!byText.has(formatEndpoint(each))) byText.set(formatEndpoint(each), each);
  return [...byText.values()];
};

/** Whether a name of a certificate, which may begin with `*.`, is the DNS name (RFC 9525 §6.3: one whole label, leftmost). */
const matchesDns = (pattern: string, name: string): boolean => {
  if (!pattern.startsWith("*.")) return pattern === name;
  const dot = name.indexOf(".");
  return dot > 0 && name.slice(dot) === pattern.slice(1);
};

/** Whether the alternative names of a certificate (canonical addresses, DNS names in lower case) carry this one. */
export const carries = (names: readonly string[], wanted: ServerName): boolean =>
  wanted.type === "address"
    ? names.includes(wanted.address)
    : names.some((name) => matchesDns(name, wanted.name));
