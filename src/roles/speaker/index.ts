/**
 * The speaker: answers for the addresses of Services on the local network, together with the speakers of all other nodes.
 *
 * As in the edge, an agent reads the cluster, and a wire process with a fast thread does what must not wait: it goes on by itself when the agent
 * or the API server is away.
 */
export {};
