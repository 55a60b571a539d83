/** Credentials as they are written into a kubeconfig, with everything in it and no path to a file elsewhere. */
import { readFileSync } from "node:fs";
import type { ClusterCredentials, Found, Material, User } from "./credentials.ts";
import { refused } from "./credentials.ts";
import { fileProblem } from "./file-problem.ts";
import type { Fields } from "./json.ts";

/** The `cluster` and the `user` of a kubeconfig. */
export type PortableEntry = { readonly cluster: Fields; readonly user: Fields };

const dataOf = (material: Material): Found<string> => {
  if (material.type === "inline") return { ok: true, value: Buffer.from(material.pem).toString("base64") };
  try {
    return { ok: true, value: readFileSync(material.path).toString("base64") };
  } catch (error) {
    return refused(fileProblem(material.path, error));
  }
};

const fieldsOfUser = (user: User): Fields => {
  switch (user.type) {
    case "certificate-only":
      return {};
    case "token":
      return { token: user.token };
    case "token-file":
      return { tokenFile: user.path };
    case "basic":
      return { username: user.username, password: user.password };
    default: {
      const { apiVersion, command, args, env, installHint, providesClusterInfo } = user.plugin;
      const exec = {
        ...{ apiVersion, command, args: [...args], interactiveMode: "IfAvailable" },
        ...(Object.keys(env).length === 0
          ? {}
          : { env: Object.entries(env).map(([name, value]) => ({ name, value })) }),
        ...(installHint === "" ? {} : { installHint }),
        ...(providesClusterInfo ? { provideClusterInfo: true } : {}),
      };
      return { exec };
    }
  }
};

/** The entries that lead to the server of these credentials; certificates and keys in files are read now. */
export const portableEntry = (credentials: ClusterCredentials): Found<PortableEntry> => {
  const { authority, certificate, server, serverName, user } = credentials;
  const parts: Record<string, string> = {};
  for (const [key, material] of [
    ["certificate-authority-data", authority],
    ["client-certificate-data", certificate?.chain],
    ["client-key-data", certificate?.key],
  ] as const) {
    if (material === undefined) continue;
    const data = dataOf(material);
    if (!data.ok) return data;
    parts[key] = data.value;
  }
  const { "certificate-authority-data": authorityData, ...own } = parts;
  return {
    ok: true,
    value: {
      cluster: {
        ...(authorityData === undefined ? {} : { "certificate-authority-data": authorityData }),
        server,
        ...(serverName === undefined ? {} : { "tls-server-name": serverName }),
      },
      user: { ...own, ...fieldsOfUser(user) },
    },
  };
};
