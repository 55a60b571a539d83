/**
 * What a preflight asks this machine: its firewall, its clock, other programs that hold addresses, who may read a file.
 *
 * Nothing is changed, every answer is bounded in size and time, and what cannot be read is `undefined`, which no rule of
 * `#core/preflight` takes for a fault.
 */
export {};
