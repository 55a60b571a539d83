/** The real client, in front of the fake's objects: paths, bodies, media types, watches, over real TLS and HTTP/2. */
import { openCluster } from "./cluster.ts";
import { clusterContract } from "./contract.ts";
import { type Abilities, startApiServer } from "./test-api-server.ts";

const open = (watchList: Abilities["watchList"]) => async () => {
  const undo: (() => void | Promise<void>)[] = [];
  const server = await startApiServer({ after: (each) => undo.push(each) }, { watchList });
  const cluster = openCluster(server.credentials);
  const close = async (): Promise<void> => {
    cluster.close();
    for (const each of undo) await each();
  };
  return { cluster, namespace: "lb", close };
};

clusterContract("the client, of a server that lists as a stream", open("served"));
clusterContract("the client, of a server that lists in pages", open("refused"));
