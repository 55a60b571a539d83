/**
 * The service manager's notification socket (sd_notify(3)): one datagram for each thing that it should know.
 *
 * Node.js has no unix datagram sockets, so this one is made through the kernel door. Nothing here ever waits.
 * What is said is `#core/supervision`. Start reading in `port.ts`.
 */
export {};
