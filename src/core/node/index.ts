/**
 * Nodes of a cluster: what we keep of one, and how it is read from what the API server or a file holds.
 *
 * A kubelet writes its Node every few minutes, and more often when something is the matter, with times and sentences that
 * differ each time. None of those is kept, so two versions that mean the same are equal, and nobody is told of them.
 *
 * `read.ts` never throws: a field of the wrong type counts as absent. Left out: capacity, images, volumes, the system's
 * versions. Start with `node.ts`; `impairment.ts` says what can be the matter with a node.
 */
export {};
