/**
 * What every program in a cluster needs beside the API server's client: which kinds there are, the resources of pools and advertisements
 * kept up to date, a queue of writes, counts of requests, and failures that are told of once.
 */
export {};
